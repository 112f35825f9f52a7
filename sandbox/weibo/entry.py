"""The door of the Weibo side: token, rate limits, parameters and the error body."""

from typing import Any

from flask import Response, jsonify, request

from ..accounts import find_token
from ..codes import PlatformError
from ..gate import bearer_token
from ..options import DAY_S, HOUR_S
from ..routes import PathBlueprint
from ..world import World, the_world

blueprint = PathBlueprint("weibo", __name__)

LIMITS = {
    "ordinary": {"day": 100, "post_hour": 30, "comment_hour": 60, "ip_hour": 15_000},
    "commercial": {"day": 1_000_000, "post_hour": 100_000, "comment_hour": 100_000, "ip_hour": 1_000_000},
}
UNCOUNTED = ("/2/account/rate_limit_status.json",)


def regime_of(world: World, account: dict[str, Any]) -> str:
    """`ordinary` or `commercial`: the account's own setting before the run's."""
    return str(account.get("regime") or world.options.regime)


def limit_of(world: World, account: dict[str, Any], name: str) -> int:
    """The limit of one counter for this account."""
    return int(account["quotas"].get(name, LIMITS[regime_of(world, account)][name]))


def enter(purpose: str | None = None) -> tuple[World, dict[str, Any]]:
    """Check token and limits, count the call; `purpose` is `post_hour` or `comment_hour` for writing calls."""
    world = the_world()
    account = account_of_token(world)
    if request.path not in UNCOUNTED:
        ip = f"ip:{request.remote_addr}"
        if not world.count_use(ip, "ip_hour", HOUR_S, limit_of(world, account, "ip_hour")):
            raise PlatformError("weibo", 10022)
        if not world.count_use(account["id"], "day", DAY_S, limit_of(world, account, "day")):
            raise PlatformError("weibo", 10023)
    if purpose and not world.count_use(account["id"], purpose, HOUR_S, limit_of(world, account, purpose)):
        raise PlatformError("weibo", 20016)
    return world, account


def account_of_token(world: World) -> dict[str, Any]:
    """The account of the call's token: 10006 none given, 21332 unknown or ended, 21327 expired."""
    value = bearer_token()
    if not value:
        raise PlatformError("weibo", 10006)
    row = find_token(world.store, "weibo", value)
    if row is None or (row["dies_at"] is not None and row["dies_at"] <= world.now()):
        raise PlatformError("weibo", 21332)
    if row["expires_at"] <= world.now():
        raise PlatformError("weibo", 21327)
    account = world.accounts.get("weibo", row["account"])
    assert account
    return account


def need(name: str) -> str:
    """A required parameter; 10016 names the missing one."""
    value = request.values.get(name, "")
    if not value:
        raise refuse(10016, name)
    return value


def number(name: str, default: int = 0) -> int:
    """An optional whole number; 10017 when it is none."""
    value = request.values.get(name) or str(default)
    try:
        return int(value)
    except ValueError:
        raise refuse(10017, name) from None


def refuse(code: int, *words: object) -> PlatformError:
    """The error with the given words set into its text."""
    plain = PlatformError("weibo", code)
    return PlatformError("weibo", code, plain.text.format(*words))


def render_error(error: PlatformError) -> Response:
    """`{request, error_code, error}`; OAuth errors as RFC 6749 with Weibo's additions."""
    if request.path.startswith("/oauth2/"):
        body: dict[str, Any] = {
            "error": error.text,
            "error_code": error.code,
            "request": request.path,
            "error_uri": request.path,
            "error_description": error.hint or error.text,
        }
    else:
        body = {"request": request.path, "error_code": error.code, "error": error.text}
    response = jsonify({**body, **error.extra})
    response.status_code = error.status
    return response
