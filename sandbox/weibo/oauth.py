"""OAuth2 of Weibo: consent page, code, token, token facts, revocation. There is no refresh token."""

from html import escape
from typing import Any
from urllib.parse import urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue

from ..accounts import find_token, issue_token
from ..codes import PlatformError
from ..world import World, the_world
from .entry import blueprint

CODE_LIFE_S = 300


@blueprint.get("/oauth2/authorize")
def authorize() -> ResponseReturnValue:
    """The consent page; saying yes posts the same parameters back."""
    account = check_client(the_world())
    fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in request.args.items())
    return (
        f'<!doctype html><meta charset="utf-8"><title>授权</title><h1>授权应用访问微博账号</h1>'
        f"<p>账号：{escape(account['screen_name'])}</p>"
        f'<form method="post" action="/oauth2/authorize">{fields}'
        f'<button name="consent" value="yes">同意授权</button>'
        f'<button name="consent" value="no">拒绝</button></form>'
    )


@blueprint.post("/oauth2/authorize")
def consent() -> ResponseReturnValue:
    """Redirect with a code that lives five minutes, or with `access_denied`."""
    world = the_world()
    account = check_client(world)
    target = request.values["redirect_uri"]
    if request.values.get("consent") == "no":
        answer = {"error": "access_denied", "error_code": "21330"}
    else:
        code = world.word("weibo-code", 32, "0123456789abcdef")
        world.store.insert(
            "grant_code",
            value=code,
            account=account["id"],
            redirect_uri=target,
            expires_at=world.now() + world.scaled(CODE_LIFE_S),
        )
        answer = {"code": code}
    if request.values.get("state"):
        answer["state"] = request.values["state"]
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}")


def check_client(world: World) -> dict[str, Any]:
    """The account behind `client_id` with a fitting redirect address and response type."""
    account = world.accounts.by_field("weibo", "client_id", request.values.get("client_id", ""))
    if account is None:
        raise PlatformError("weibo", 21324)
    target = request.values.get("redirect_uri", "")
    if not target or (account["redirect_uri"] and account["redirect_uri"] != target):
        raise PlatformError("weibo", 21322)
    if request.values.get("response_type", "code") != "code":
        raise PlatformError("weibo", 21329)
    return account


@blueprint.post("/oauth2/access_token")
def access_token() -> dict[str, Any]:
    """Change a code for a token; the code works once. An `access_token=None` in the body is ignored."""
    world = the_world()
    account = world.accounts.by_field("weibo", "client_id", request.values.get("client_id", ""))
    if account is None or account["client_secret"] != request.values.get("client_secret"):
        raise PlatformError("weibo", 21324)
    if request.values.get("grant_type") != "authorization_code":
        raise PlatformError("weibo", 21328)
    code = world.store.one("SELECT * FROM grant_code WHERE value = ?", request.values.get("code", ""))
    if not code or code["used_at"] or code["expires_at"] <= world.now() or code["account"] != account["id"]:
        raise PlatformError("weibo", 21325)
    if code["redirect_uri"] != request.values.get("redirect_uri"):
        raise PlatformError("weibo", 21322)
    world.store.run("UPDATE grant_code SET used_at = ? WHERE value = ?", world.now(), code["value"])
    token, life_s = grant_token(world, account)
    return {
        "access_token": token,
        "remind_in": str(life_s),
        "expires_in": life_s,
        "uid": account["id"],
        "isRealName": "true",
    }


def grant_token(world: World, account: dict[str, Any]) -> tuple[str, int]:
    """A new token for the account and its life in real seconds; earlier tokens live on."""
    now, life_s = world.now(), world.scaled(float(account["token_life_s"]))
    token = "2.00" + world.word("weibo-token", 28)
    issue_token(world.store, account, token, "oauth", (now, now + life_s))
    return token, int(life_s)


@blueprint.post("/oauth2/get_token_info")
def get_token_info() -> dict[str, Any]:
    """Facts of a token; the field really is called `expire_in`."""
    world = the_world()
    row = living_token(world)
    account = world.accounts.get("weibo", row["account"])
    assert account
    return {
        "uid": int(row["account"]),
        "appkey": account["client_id"],
        "scope": "",
        "create_at": int(row["issued_at"]),
        "expire_in": int(row["expires_at"] - world.now()),
    }


@blueprint.route("/oauth2/revokeoauth2", methods=["GET", "POST"])
def revoke() -> dict[str, Any]:
    """End a token; later calls with it give 21332."""
    world = the_world()
    row = living_token(world)
    world.store.run("UPDATE token SET dies_at = ?, death = 'revoked' WHERE value = ?", world.now(), row["value"])
    return {"result": "true"}


def living_token(world: World) -> dict[str, Any]:
    """The row of the `access_token` parameter: 21323 absent, 21332 unknown or ended, 21327 expired."""
    value = request.values.get("access_token")
    if not value:
        raise PlatformError("weibo", 21323)
    row = find_token(world.store, "weibo", value)
    if row is None or (row["dies_at"] is not None and row["dies_at"] <= world.now()):
        raise PlatformError("weibo", 21332)
    if row["expires_at"] <= world.now():
        raise PlatformError("weibo", 21327)
    return row
