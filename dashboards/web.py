"""Builds the staff web app: security headers, session, CSRF, pages. Holds no rule and no query."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from core.house import House
from dashboards import assets, failures, formats, frame, pages, sessions

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UPLOAD_LIMIT = 12 * 1024 * 1024
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
log = logging.getLogger(__name__)


def create_app(house: House) -> Flask:
    """The staff pages over `house`. Needs the npm kit beside the package; logs what is missing."""
    app = Flask("dashboards", root_path=str(Path(__file__).resolve().parent), static_folder=None)
    app.extensions["house"] = house
    app.config.update(
        SECRET_KEY=house.vault.derived("staff session"),
        SESSION_COOKIE_NAME="wenzheng",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=house.settings.secure_cookies,
        MAX_CONTENT_LENGTH=UPLOAD_LIMIT,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # lives as long as the session; the idle time-out ends that
        WTF_CSRF_SSL_STRICT=house.settings.secure_cookies,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if house.settings.trusted_proxies:
        hops = house.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    CSRFProtect(app)
    for part in (sessions, failures, frame, assets):
        part.install(app)
    formats.install(app, house.clock)
    for blueprint in (assets.page, *pages.ALL):
        app.register_blueprint(blueprint)
    app.after_request(protect)
    for problem in assets.asset_problems():
        log.warning("%s", problem)
    return app


def protect(answer: Response) -> Response:
    """Security headers on everything; pages are never kept by a shared cache."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.endpoint not in {"assets.kit", "assets.own", "media.picture"}:
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer
