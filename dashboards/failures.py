"""Errors in Chinese: what happened, what it means, what to do, the code in small. Hides no internals and logs them."""

from __future__ import annotations

import logging
import secrets

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import NoResultFound
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from core.errors import AppError, CheckFailed, NotPermitted, RuleError
from core.ports import Problem
from dashboards.labels import ERRORS
from dashboards.sessions import to_login

log = logging.getLogger(__name__)
EXPIRED = "页面打开太久，或登录状态已变化。请返回上一页刷新后再提交；您在编辑页写的文字仍保存在本机。"


def install(app: Flask) -> None:
    """Register the handlers for our own errors, HTTP errors and everything unforeseen."""
    app.register_error_handler(AppError, on_app_error)
    app.register_error_handler(CSRFError, on_csrf)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(NoResultFound, on_missing)
    app.register_error_handler(Exception, on_surprise)


def on_app_error(error: AppError) -> Response:
    """A rule said no (4xx), or an adapter could not work."""
    status = 403 if isinstance(error, NotPermitted) else 409
    if isinstance(error, CheckFailed) or not isinstance(error, RuleError):
        status = 422
    return answer(error.key, status, error.text, getattr(error, "problems", []), getattr(error, "code", ""))


def on_csrf(_error: CSRFError) -> BaseResponse:
    """The form's token does not fit the session: without a login, that session has ended; log in and come back."""
    if not current_user.is_authenticated and request.endpoint != "session.sign_in":
        return to_login()
    return answer("http_400", 400, EXPIRED, code="csrf")


def on_http(error: HTTPException) -> Response:
    """404, 403, 405, 429 and their kin."""
    status = error.code or 500
    return answer(f"http_{status}" if f"http_{status}" in ERRORS else "http_400", status)


def on_missing(_error: NoResultFound) -> Response:
    """A use case was asked for a row that is not there: an address somebody made up, or a row that is gone."""
    return answer("http_404", 404)


def on_surprise(error: Exception) -> Response:
    """A fault of ours: logged under a number that the person can name."""
    number = secrets.token_hex(4)
    log.exception("unforeseen error %s at %s", number, request.path)
    return answer("http_500", 500, code=number)


def answer(key: str, status: int, text: str = "", problems: list[Problem] | None = None, code: str = "") -> Response:
    """The error as JSON, fragment or page, as the request asked."""
    words = ERRORS.get(key, ERRORS["app_error"])
    if request.accept_mimetypes.best == "application/json":
        return make_response(jsonify(error=key, happened=words.happened, text=text or words.means), status)
    template = "errors/fragment.html" if "HX-Request" in request.headers else "errors/page.html"
    html = render_template(
        template, words=words, key=key, status=status, text=text, problems=problems or [], code=code, back=_back()
    )
    return make_response(html, status)


def _back() -> str:
    """Where the person came from, when that is a page of ours."""
    return request.referrer if request.referrer and request.referrer.startswith(request.host_url) else "/"
