"""The office's accounts on the channels: settings, write-only credentials, test, pause; and the portal's switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core import runtime
from core.errors import CheckFailed
from core.models import Account, Token
from core.ports import Problem
from dashboards.access import needs
from dashboards.sessions import actor, house, reading
from publisher import accounts
from publisher.channels import TABLE

FIELDS = {
    "site_name": ("网站名称", "显示在页面标签里。"),
    "uid": ("微博用户 UID", "数字编号，在微博主页地址里。"),
    "safe_domains": ("安全域名", "微博要求正文里带本站链接的域名，逗号分开。"),
    "client_id": ("应用 App Key", ""),
    "requests_a_day": ("每天请求数", "商业合同约定的数字；不填按普通应用每天 100 次。"),
    "access_token": ("访问令牌", ""),
    "client_secret": ("应用 App Secret", ""),
    "appid": ("AppID", "公众平台“设置与开发”里。"),
    "callback_token_hint": ("回调令牌备注", "只作提示，不参与验证。"),
    "secret": ("AppSecret", ""),
    "callback_token": ("回调令牌", "与公众平台“服务器配置”里的 Token 一致。"),
    "callback_aes_key": ("消息加解密密钥", "用安全模式时填写。"),
    "app_key": ("AppKey", "推送服务的应用标识。"),
    "audience": ("推送对象", "不填即全部用户。"),
    "master_secret": ("Master Secret", ""),
    "push": ("发布时推送", ""),
}
page = Blueprint("accounts", __name__, url_prefix="/accounts")


@page.get("")
@needs("accounts.read")
def index() -> str:
    """Every account with its health."""
    session = reading()
    rows = session.scalars(select(Account).order_by(Account.id)).all()
    return render_template(
        "accounts/index.html", rows=rows, tokens={token.account_id: token for token in session.scalars(select(Token))},
        kinds={kind: entry[0] for kind, entry in TABLE.items()},
        comments=runtime.value_of(session, runtime.COMMENTS)["on"],
    )  # fmt: skip


@page.get("/new/<kind>")
@needs("accounts.manage")
def new(kind: str) -> str:
    """The form for a new account of one kind."""
    return _form(kind, None, [])


@page.post("/new/<kind>")
@needs("accounts.manage")
def create(kind: str) -> str | Response | tuple[str, int]:
    """Store it; credentials are sealed at once."""
    try:
        with house().db.write() as session:
            account = accounts.create_account(session, actor(), kind, _entry(kind), house().vault, house().clock.now())
    except CheckFailed as error:
        return _form(kind, None, error.problems), 422
    flash(f"已新建账号“{account.name}”，请按“测试”确认可用。", "done")
    return redirect(url_for("accounts.edit", account_id=account.id))


@page.get("/<int:account_id>")
@needs("accounts.manage")
def edit(account_id: int) -> str:
    """The form; stored credentials are never shown."""
    account = _find(account_id)
    return _form(account.kind, account, [])


@page.post("/<int:account_id>")
@needs("accounts.manage")
def save(account_id: int) -> str | Response | tuple[str, int]:
    """Change it; an empty credential field keeps the stored one."""
    account = _find(account_id)
    try:
        with house().db.write() as session:
            accounts.update_account(session, actor(), account_id, _entry(account.kind), house().vault)
    except CheckFailed as error:
        return _form(account.kind, account, error.problems), 422
    flash("账号已保存。", "done")
    return redirect(url_for("accounts.index"))


@page.post("/<int:account_id>/test")
@needs("accounts.read")
def test(account_id: int) -> Response:
    """One harmless call; nothing is published."""
    result = accounts.test_account(house(), account_id, actor())
    flash(result.text, "done" if result.ok else "refused")
    return redirect(url_for("accounts.index"))


@page.post("/<int:account_id>/enabled")
@needs("accounts.manage")
def set_enabled(account_id: int) -> Response:
    """Pause or resume an account; pausing asks for the reason."""
    enabled, reason = request.form.get("enabled") == "1", request.form.get("reason", "").strip()
    if not enabled and not reason:
        flash("暂停账号请写明理由。", "late")
        return redirect(url_for("accounts.edit", account_id=account_id))
    with house().db.write() as session:
        account = accounts.set_enabled(session, actor(), account_id, enabled, reason)
    flash(f"“{account.name}”已{'恢复' if enabled else '暂停，不再接新的分发'}。", "done")
    return redirect(url_for("accounts.index"))


def _entry(kind: str) -> accounts.Entry:
    return accounts.Entry(request.form.get("name", ""), _settings(kind), _secret(kind))


def _settings(kind: str) -> dict[str, Any]:
    names = accounts.FIELDS[kind].settings if kind in accounts.FIELDS else ()
    values: dict[str, Any] = {name: request.form.get(name, "").strip() for name in names}
    if "push" in values:
        values["push"] = request.form.get("push") == "1"
    return values


def _secret(kind: str) -> dict[str, str]:
    names = accounts.FIELDS[kind].secret if kind in accounts.FIELDS else ()
    return {name: request.form.get(name, "").strip() for name in names}


def _find(account_id: int) -> Account:
    account = reading().get(Account, account_id)
    if account is None:
        abort(404)
    return account


def _as_typed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings as a person types them: a list is one line."""
    return {name: "，".join(map(str, value)) if isinstance(value, list) else value for name, value in settings.items()}


def _form(kind: str, account: Account | None, problems: list[Problem]) -> str:
    if kind not in accounts.FIELDS:
        abort(404)
    typed = dict(request.form) if request.method == "POST" else _as_typed(account.settings if account else {})
    return render_template(
        "accounts/edit.html", kind=kind, account=account, problems=problems, fields=accounts.FIELDS[kind], words=FIELDS,
        typed=typed, name=request.form.get("name", account.name if account else ""),
        filled=accounts.has_secret(account, house().vault) if account else {},
    )  # fmt: skip
