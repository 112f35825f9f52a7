"""JPush: push, validate, cid, withdraw, received report. Accepting is synchronous; the inbox page shows deliveries."""

import json
import uuid
from typing import Any

from flask import Response, g, jsonify, request

from ..codes import PlatformError
from ..gate import basic_user
from ..options import DAY_S
from ..routes import PathBlueprint
from ..world import World, the_world
from .bodies import check_push

blueprint = PathBlueprint("jpush", __name__)
PER_MINUTE = {"push": 600, "report": 2_400}
MINUTE_S = 60.0
CID_FREE_COUNT = 10
FIRST_MSG_ID = 18_100_000_000_000_000


def enter(family: str = "push") -> tuple[World, dict[str, Any]]:
    """Basic authentication (1004) and the minute's quota (2002)."""
    world = the_world()
    user, password = basic_user()
    account = world.accounts.get("jpush", user)
    if account is None or account["master_secret"] != password:
        raise PlatformError("jpush", 1004)
    limit = int(account["quotas"].get(family, PER_MINUTE[family]))
    allowed = world.count_use(account["id"], f"minute:{family}", MINUTE_S, limit)
    used = world.uses(account["id"], f"minute:{family}", MINUTE_S)
    ends_at = world.options.window_end(MINUTE_S, world.now())
    g.rate = {
        "X-Rate-Limit-Quota": limit,
        "X-Rate-Limit-Remaining": limit - used,
        "X-Rate-Limit-Reset": max(int(ends_at - world.now()), 0),
    }
    if not allowed:
        raise PlatformError("jpush", 2002)
    return world, account


@blueprint.after_request
def add_rate_headers(response: Response) -> Response:
    """Every answer names quota, rest and seconds to the next window."""
    for name, value in g.get("rate", {}).items():
        response.headers[name] = str(value)
    return response


@blueprint.post("/v3/push")
def push() -> dict[str, Any]:
    """Accept one push. The same cid within a day gives the first success again and pushes nothing."""
    world, account = enter()
    body = read_body()
    cid, now = body.get("cid"), world.now()
    if cid and (first := find_first(world, account["id"], cid)):
        return first
    devices = check_push(world, account, body)
    msg_id, sendno = str(world.store.next("jpush_msg", FIRST_MSG_ID)), str(body.get("options", {}).get("sendno", "0"))
    overrides = body.get("options", {}).get("override_msg_id")
    world.store.insert(
        "jpush_push",
        msg_id=msg_id,
        account=account["id"],
        sendno=sendno,
        cid=cid,
        body=body,
        accepted_at=now,
        overrides=str(overrides) if overrides else None,
        android=sum(d["platform"] == "android" for d in devices),
        ios=sum(d["platform"] == "ios" for d in devices),
    )
    if overrides:
        world.store.run("UPDATE jpush_push SET overridden_at = ? WHERE msg_id = ?", now, str(overrides))
    if cid:
        world.store.run(
            "INSERT OR REPLACE INTO jpush_cid (cid, account, sendno, msg_id, done_at) VALUES (?, ?, ?, ?, ?)",
            cid,
            account["id"],
            sendno,
            msg_id,
            now,
        )
    return {"sendno": sendno, "msg_id": msg_id}


def find_first(world: World, account: str, cid: str) -> dict[str, Any] | None:
    """The first success of a cid within a day; a failed attempt left none."""
    return world.store.one(
        "SELECT sendno, msg_id FROM jpush_cid WHERE account = ? AND cid = ? AND done_at > ?",
        account,
        cid,
        world.now() - world.scaled(DAY_S),
    )


@blueprint.post("/v3/push/validate")
def validate() -> dict[str, Any]:
    """The same checks; nothing is sent."""
    world, account = enter()
    body = read_body()
    check_push(world, account, body)
    return {"sendno": str(body.get("options", {}).get("sendno", "0")), "msg_id": "0"}


@blueprint.get("/v3/push/cid")
def cids() -> dict[str, Any]:
    """Fresh cids; a free account gets at most ten at a time."""
    world, account = enter()
    count, kind = request.args.get("count", "1"), request.args.get("type", "push")
    if kind not in ("push", "schedule") or not count.isdigit() or not 1 <= int(count) <= 1000:
        raise PlatformError("jpush", 1003)
    words = [world.word("jpush-cid", 32, "0123456789abcdef") for _ in range(min(int(count), CID_FREE_COUNT))]
    return {"cidlist": [f"{account['id']}-{uuid.UUID(word)}" for word in words]}


@blueprint.delete("/v3/push/<msg_id>")
def withdraw(msg_id: str) -> dict[str, Any]:
    """Withdraw a push of the last day; 1003 when unknown, too old or already withdrawn."""
    world, account = enter()
    now = world.now()
    changed = world.store.run(
        "UPDATE jpush_push SET withdrawn_at = ? WHERE msg_id = ? AND account = ? AND withdrawn_at IS NULL "
        "AND accepted_at > ?",
        now,
        msg_id,
        account["id"],
        now - world.scaled(DAY_S),
    )
    if not changed:
        raise PlatformError("jpush", 1003)
    return {}


@blueprint.get("/v3/received")
@blueprint.get("/v3/received/detail")
def received() -> Any:
    """Deliveries per msg_id (at most 100 ids); null where nothing is known yet."""
    world, account = enter("report")
    ids = [word for word in request.args.get("msg_ids", "").split(",") if word]
    if not ids:
        raise PlatformError("jpush", 1002)
    if len(ids) > 100 or not all(word.isdigit() for word in ids):
        raise PlatformError("jpush", 1003)
    known = world.now() - world.scaled(float(account["report_delay_s"]))
    return jsonify([_report(world, account["id"], word, known) for word in ids])


def _report(world: World, account: str, msg_id: str, known_until: float) -> dict[str, Any]:
    row = world.store.one(
        "SELECT * FROM jpush_push WHERE msg_id = ? AND account = ? AND accepted_at <= ?", msg_id, account, known_until
    )
    android, ios = (row["android"] or None, row["ios"] or None) if row else (None, None)
    return {
        "msg_id": msg_id,
        "android_received": android,
        "ios_apns_sent": ios,
        "ios_apns_received": ios,
        "ios_msg_received": None,
        "wp_mpns_sent": None,
    }


def read_body() -> dict[str, Any]:
    """The JSON object of the body, whatever its Content-Type (one client sends `application/json;charset:utf-8`)."""
    try:
        body = json.loads(request.get_data(cache=True))
    except ValueError:
        raise PlatformError("jpush", 1003, "The JSON body is invalid") from None
    if not isinstance(body, dict):
        raise PlatformError("jpush", 1003, "The body must be an object")
    return body


def render_error(error: PlatformError) -> Response:
    """`{"error":{"code":…,"message":…}}`."""
    response = jsonify(error={"code": error.code, "message": error.text})
    response.status_code = error.status
    return response
