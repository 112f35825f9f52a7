"""The public web app as a Flask factory: published site, comments, client feed, messages, callbacks. No staff code."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask, Response, jsonify, request
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from core import runtime
from core.clock import shanghai
from core.house import House
from portal import callbacks, client, failures, items, messages, site
from portal.access import EXTENSION, Limiter

BODY_LIMIT = 64 * 1024  # bytes; forms, JSON and callbacks are all text
POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SITE_POLICY = POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)  # published pages carry their style


def create_app(house: House) -> Flask:
    """The portal over an open House. Safe to serve with threads from one process."""
    app = Flask(__name__, static_url_path="/portal-assets")
    app.extensions[EXTENSION] = house
    app.extensions["limiter"] = Limiter()
    app.config.update(
        SECRET_KEY=house.vault.derived("portal-session"),
        SESSION_COOKIE_NAME="portal",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=house.settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=90),
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(hours=1),
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        MAX_FORM_MEMORY_SIZE=BODY_LIMIT,
        MAX_FORM_PARTS=20,
        WTF_CSRF_TIME_LIMIT=8 * 3600,
    )
    if house.settings.trusted_proxies:
        hops = house.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    csrf = CSRFProtect(app)
    for room in (items, client, messages, callbacks, site):
        app.register_blueprint(room.blueprint)
    csrf.exempt(client.blueprint)  # JSON of the app; it sends no cookie
    csrf.exempt(callbacks.blueprint)  # signed by the platform
    failures.register(app)
    app.after_request(_harden)
    app.jinja_env.filters["shanghai"] = _shown_at
    app.jinja_env.filters["last_day"] = _last_day
    app.context_processor(lambda: _frame(house))
    app.add_url_rule("/healthz", "healthz", lambda: _health(house))
    return app


def _health(house: House) -> tuple[Response, int]:
    """200 while the database answers, else 503."""
    try:
        with house.db.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return jsonify(status="error", text="数据库没有应答"), 503
    return jsonify(status="ok"), 200


def _harden(response: Response) -> Response:
    headers = response.headers
    published = request.endpoint in {"site.home", "site.page"}
    headers.setdefault("Content-Security-Policy", SITE_POLICY if published else POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if not published and request.endpoint != "static":
        headers["Cache-Control"] = "no-store"
    headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _shown_at(at: datetime) -> str:
    return f"{shanghai(at):%Y-%m-%d %H:%M}"


def _last_day(at: datetime) -> str:
    """The day that ends at the instant `at`."""
    return f"{shanghai(at - timedelta(seconds=1)):%Y年%m月%d日}"


def _frame(house: House) -> dict[str, object]:
    """What every page shows: the site's name and the lines of the footer."""
    with house.db.read() as session:
        footer = runtime.value_of(session, runtime.FOOTER)
    settings = house.settings
    return {"site_name": settings.site_name, "site_id_code": settings.site_id_code, "footer": footer}
