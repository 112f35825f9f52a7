"""Errors as people meet them: a calm Chinese page, or Chinese JSON for the app. Never a stack trace."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from core.errors import CheckFailed, RuleError

LOG = logging.getLogger(__name__)
WORDS = {
    400: ("提交的内容有误", "请返回上一页检查后重新提交。"),
    403: ("不能进行此操作", "请求没有通过校验。"),
    404: ("没有找到这个页面", "地址可能写错了，或者内容已经移走。"),
    405: ("不支持这种访问方式", "请从页面上的链接进入。"),
    410: ("这篇内容已撤回", "发布单位已撤回这篇内容，页面不再提供。"),
    413: ("提交的内容太大", "请减少内容后重新提交。"),
    415: ("不支持这种内容格式", "请求的内容格式不正确。"),
    429: ("提交得太快", "请稍等片刻再提交。"),
    500: ("系统出了点问题", "我们已记录这个问题，请稍后再试。"),
}


def wants_json() -> bool:
    """The app and the counts are answered in JSON, everything else in HTML."""
    return request.path.startswith("/client/") or request.path.endswith(("/counts", "/likes"))


def failure(status: int, text: str = "", code: str = "") -> Response:
    """The answer for one failure, in the form this request expects."""
    title, usual = WORDS.get(status, WORDS[400 if status < 500 else 500])
    text = text or usual
    if wants_json():
        response = jsonify(error={"code": code or f"http_{status}", "text": text})
    else:
        response = make_response(render_template("portal/failure.html", title=title, text=text, status=status))
    response.status_code = status
    return response


def too_fast(wait_s: float) -> Response:
    """429 with the seconds to wait."""
    seconds = max(1, round(wait_s + 0.5))
    response = failure(429, f"提交得太快，请 {seconds} 秒后再试。", "too_fast")
    response.headers["Retry-After"] = str(seconds)
    return response


def register(app: Flask) -> None:
    """Handlers for what may go wrong on any page."""
    app.register_error_handler(CSRFError, _on_csrf)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(CheckFailed, lambda error: failure(422, error.text, "check_failed"))
    app.register_error_handler(RuleError, lambda error: failure(403, error.text, error.key))
    app.register_error_handler(Exception, _on_crash)


def _on_csrf(_error: CSRFError) -> Response:
    return failure(400, "页面已过期，请刷新页面后重新提交。", "csrf")


def _on_http(error: HTTPException) -> Response:
    answer = failure(error.code or 500)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _on_crash(_error: Exception) -> Response:
    LOG.exception("request failed: %s %s", request.method, request.path)
    return failure(500)
