"""WeChat's two token families, which leave each other alone, and the quota calls."""

from typing import Any

from flask import request

from ..accounts import issue_token
from ..codes import PlatformError
from ..options import DAY_S
from ..world import World, the_world
from .entry import account_of_token, blueprint, check_ip, count_call, daily_limit, ok, read_json, refuse

STABLE_OVERLAP_S = 300
FORCED_PER_DAY = 20
FORCED_GAP_S = 30
CLEARS_PER_MONTH = 10
MONTH_S = 30 * DAY_S


@blueprint.get("/cgi-bin/token")
def token() -> dict[str, Any]:
    """A new token at every call; the one before dies after a short grace."""
    world = the_world()
    account = check_client(world, request.args)
    count_call(world, account, "token")
    return grant(world, account, "plain", float(account["grace_s"]))


@blueprint.post("/cgi-bin/stable_token")
def stable_token() -> dict[str, Any]:
    """The same token until five minutes before its end; `force_refresh` makes a new one and kills the old."""
    world = the_world()
    body = read_json()
    account = check_client(world, body)
    count_call(world, account, "stable_token")
    now = world.now()
    row = world.store.one(
        "SELECT * FROM token WHERE platform = 'wechat' AND account = ? AND family = 'stable' AND expires_at > ? "
        "AND dies_at IS NULL ORDER BY issued_at DESC, rowid DESC LIMIT 1",
        account["id"],
        now,
    )
    if row and body.get("force_refresh") is True and now - row["issued_at"] >= world.scaled(FORCED_GAP_S):
        if not world.count_use(account["id"], "stable_token:force", DAY_S, FORCED_PER_DAY):
            raise refuse(45009)
        return grant(world, account, "stable", 0.0)
    if row and row["expires_at"] - now > world.scaled(STABLE_OVERLAP_S):
        return {"access_token": row["value"], "expires_in": int(row["expires_at"] - now)}
    return grant(world, account, "stable", float(STABLE_OVERLAP_S))


def grant(world: World, account: dict[str, Any], family: str, grace_s: float) -> dict[str, Any]:
    """Issue a token of a family; earlier ones of the same family end after the grace."""
    now, life_s = world.now(), world.scaled(float(account["token_life_s"]))
    world.store.run(
        "UPDATE token SET dies_at = ?, death = 'replaced' WHERE platform = 'wechat' AND account = ? AND family = ? "
        "AND dies_at IS NULL",
        now + world.scaled(grace_s),
        account["id"],
        family,
    )
    value = world.word("wechat-token", 136)
    issue_token(world.store, account, value, family, (now, now + life_s))
    return {"access_token": value, "expires_in": int(life_s)}


def check_client(world: World, given: Any) -> dict[str, Any]:
    """The account of appid and secret: 41002, 40013, 41004, 40002, 40125, 40164."""
    if not given.get("appid"):
        raise refuse(41002)
    if given.get("grant_type") != "client_credential":
        raise refuse(40002)
    account = world.accounts.get("wechat", str(given["appid"]))
    if account is None:
        raise refuse(40013)
    if not given.get("secret"):
        raise refuse(41004)
    if account["secret"] != given["secret"]:
        raise refuse(40125)
    check_ip(account)
    return account


@blueprint.post("/cgi-bin/clear_quota")
def clear_quota() -> dict[str, Any]:
    """Set the day counters back; ten times a month, then 48006."""
    world = the_world()
    account = account_of_token(world)
    if read_json().get("appid") != account["id"]:
        raise refuse(40013)
    if not world.count_use(account["id"], "clear_quota", MONTH_S, CLEARS_PER_MONTH):
        raise refuse(48006)
    world.store.run(
        "DELETE FROM used WHERE account = ? AND period = ? AND api NOT LIKE 'clear_quota'",
        account["id"],
        world.period(DAY_S),
    )
    return ok()


@blueprint.post("/cgi-bin/openapi/quota/get")
def quota_get() -> dict[str, Any]:
    """Limit, used and rest of the day for one `cgi_path`; asking is not counted."""
    world = the_world()
    account = account_of_token(world)
    path = str(read_json().get("cgi_path", ""))
    if not path.startswith("/cgi-bin/"):
        raise PlatformError("wechat", 40097, hint="[cgi_path]")
    api = path.removeprefix("/cgi-bin/")
    limit, used = daily_limit(account, api), world.uses(account["id"], api, DAY_S)
    return ok(
        quota={"daily_limit": limit, "used": used, "remain": max(limit - used, 0)},
        rate_limit={"call_count": limit, "refresh_second": int(world.scaled(DAY_S))},
    )


@blueprint.post("/cgi-bin/openapi/rid/get")
def rid_get() -> dict[str, Any]:
    """What one failed request asked and got."""
    world = the_world()
    account = account_of_token(world)
    rid = str(read_json().get("rid"))
    row = world.store.one("SELECT * FROM call WHERE rid = ? AND account = ?", rid, account["id"])
    if row is None:
        raise refuse(76001)
    url, _, body = str(row["request"]).partition(" ")
    return ok(
        request={
            "invoke_time": int(row["at"]),
            "cost_in_ms": int(row["took_ms"]),
            "request_url": url,
            "request_body": body,
            "response_body": row["response"],
            "client_ip": row["host"],
        }
    )
