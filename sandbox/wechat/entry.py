"""The door of the WeChat side: token, day quotas, raw JSON bodies, errors with a rid. HTTP status is always 200."""

import json
import re
from typing import Any

from flask import Response, g, jsonify, request

from ..accounts import find_token
from ..codes import PlatformError
from ..options import DAY_S
from ..routes import PathBlueprint
from ..world import HEXADECIMAL, World, the_world

blueprint = PathBlueprint("wechat", __name__)

DAILY = {
    "token": 2_000,
    "stable_token": 500_000,
    "media/uploadimg": 1_000,
    "media/upload": 100_000,
    "material/add_material": 100_000,
    "material/batchget_material": 1_000,
    "material/get_materialcount": 1_000,
    "material/del_material": 1_000,
    "draft/add": 1_000,
    "draft/update": 1_000,
    "draft/delete": 1_000,
    "draft/count": 1_000,
    "draft/batchget": 1_000,
    "draft/get": 500,
    "freepublish/submit": 100,
    "freepublish/get": 100,
    "freepublish/delete": 10,
    "freepublish/getarticle": 100,
    "freepublish/batchget": 100,
}
OTHER_DAILY = 100_000
ESCAPED = re.compile(rb"\\u[0-9a-fA-F]{4}")


def daily_limit(account: dict[str, Any], api: str) -> int:
    """The day quota of an API; the account's `quotas` may name it or `*`."""
    quotas = account["quotas"]
    return int(quotas.get(api, quotas.get("*", DAILY.get(api, OTHER_DAILY))))


def enter(*, publishing: bool = False, commenting: bool = False) -> tuple[World, dict[str, Any]]:
    """Check token, permission (48001, 88000) and day quota (45009); counts the call."""
    world = the_world()
    account = account_of_token(world)
    if publishing and not account["may_publish"]:
        raise refuse(48001)
    if commenting and not account["may_comment"]:
        raise refuse(88000)
    count_call(world, account, g.api)
    return world, account


def count_call(world: World, account: dict[str, Any], api: str) -> None:
    """Count one call against the day quota; 45009 when it is spent."""
    if not world.count_use(account["id"], api, DAY_S, daily_limit(account, api)):
        raise refuse(45009)


def account_of_token(world: World) -> dict[str, Any]:
    """The account of `?access_token=`: 41001 absent, 40014 malformed, 42001 expired, 40001 unknown or replaced."""
    value = request.args.get("access_token", "")
    if not value:
        raise refuse(41001)
    if len(value) < 16 or len(value) > 512:
        raise refuse(40014)
    row = find_token(world.store, "wechat", value)
    if row is None or (row["dies_at"] is not None and row["dies_at"] <= world.now()):
        raise refuse(40001)
    if row["expires_at"] <= world.now():
        raise refuse(42001)
    account = world.accounts.get("wechat", row["account"])
    assert account
    check_ip(account)
    return account


def check_ip(account: dict[str, Any]) -> None:
    """40164 when the account has a whitelist without the caller."""
    if account["ip_whitelist"] is not None and request.remote_addr not in account["ip_whitelist"]:
        raise PlatformError("wechat", 40164, PlatformError("wechat", 40164).text.format(request.remote_addr))


def read_json() -> dict[str, Any]:
    """The JSON object of the body, whatever its Content-Type: 44002 empty, 40033 `\\uXXXX`, 47001 no JSON object."""
    raw = request.get_data(cache=True)
    if not raw.strip():
        raise refuse(44002)
    if ESCAPED.search(raw):
        raise refuse(40033)
    try:
        body = json.loads(raw)
    except ValueError:
        raise refuse(47001, "[json]") from None
    if not isinstance(body, dict):
        raise refuse(47001, "[object]")
    return body


def whole(body: dict[str, Any], name: str, default: int | None = None) -> int:
    """A JSON number field; strings give 40097, as on the real platform."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(40097, f"[{name}]")
    return value


def page_of(body: dict[str, Any]) -> tuple[int, int, bool]:
    """(offset, count 1-20, without content) of a batchget."""
    offset, count = whole(body, "offset", 0), whole(body, "count", 20)
    if offset < 0:
        raise refuse(45164)
    if not 1 <= count <= 20:
        raise refuse(45165)
    return offset, count, whole(body, "no_content", 0) == 1


def ok(**more: Any) -> dict[str, Any]:
    """The plain success body."""
    return {"errcode": 0, "errmsg": "ok", **more}


def refuse(code: int, hint: str = "") -> PlatformError:
    """A documented error of this platform."""
    return PlatformError("wechat", code, hint=hint)


def render_error(error: PlatformError) -> Response:
    """`{"errcode":…,"errmsg":"… hint: [..] rid: 635a4e8c-1d7a5b59-7a4a2f58"}`; the rid begins with the time in hex."""
    world = the_world()
    tail = world.word("rid", 16, HEXADECIMAL)
    g.rid = f"{int(world.options.clock()):08x}-{tail[:8]}-{tail[8:]}"
    hint = f" hint: {error.hint}" if error.hint else ""
    return jsonify({"errcode": error.code, "errmsg": f"{error.text}{hint} rid: {g.rid}", **error.extra})
