"""Comments: under a post, received by the account, written, answered, deleted; and the account's own figures."""

from datetime import UTC, datetime
from typing import Any

from flask import request

from ..options import DAY_S, HOUR_S
from ..world import World
from .entry import blueprint, enter, limit_of, need, number, refuse
from .objects import BEIJING, comment_object, root_object, select_page, uid_of, user_object
from .rows import add_comment, find_comment
from .statuses import MAX_CHARACTERS, need_status
from .wording import measure

LIVE = "deleted_at IS NULL AND visible_at <= ?"


@blueprint.get("/2/comments/show.json")
def show() -> dict[str, Any]:
    """Comments of a post, newest first."""
    world, _ = enter()
    status = need_status(world, number("id"))
    page = select_page(
        f"SELECT * FROM weibo_comment WHERE status = ? AND {LIVE}",  # noqa: S608
        (status["id"], world.horizon()),
        world,
        200,
        50,
    )
    body = root_object(world, status["id"])
    return _listing(page, [comment_object(world, row, body) for row in page["rows"]])


@blueprint.get("/2/comments/to_me.json")
def to_me() -> dict[str, Any]:
    """Comments by others under all own posts: the cheapest poll."""
    world, account = enter()
    page = select_page(
        f"SELECT * FROM weibo_comment WHERE account = ? AND uid != ? AND {LIVE}",  # noqa: S608
        (account["id"], int(account["id"]), world.horizon()),
        world,
        200,
        50,
    )
    bodies = {identity: root_object(world, identity) for identity in {row["status"] for row in page["rows"]}}
    return _listing(page, [comment_object(world, row, bodies[row["status"]]) for row in page["rows"]])


def _listing(page: dict[str, Any], comments: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "comments": comments,
        "hasvisible": False,
        "previous_cursor": 0,
        "next_cursor": page["next_cursor"],
        "total_number": page["total"],
    }


def _write(
    world: World, account: dict[str, Any], status: dict[str, Any], text: str, parent: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A comment in the account's name, listed once the account's lag has passed."""
    author, visible_at = (int(account["id"]), account["screen_name"]), world.now() + world.lag_s(account)
    return add_comment(world, status, author, text, origin="api", parent=parent, visible_at=visible_at)


@blueprint.post("/2/comments/create.json")
def create() -> dict[str, Any]:
    """Comment on a post in the account's name."""
    world, account = enter("comment_hour")
    text = check_comment()
    status = need_status(world, number("id"))
    row = _write(world, account, status, text)
    return comment_object(world, row)


@blueprint.post("/2/comments/reply.json")
def reply() -> dict[str, Any]:
    """Answer a comment; the text is led by 回复@name: unless `without_mention` is 1."""
    world, account = enter("comment_hour")
    text = check_comment()
    if not number("cid"):
        raise refuse(20204)
    status = need_status(world, number("id"))
    parent = find_comment(world, number("cid"))
    if parent is None or parent["status"] != status["id"]:
        raise refuse(20201)
    if request.values.get("without_mention") != "1":
        text = f"回复@{parent['name']}:{text}"
    row = _write(world, account, status, text, parent)
    return comment_object(world, row, full=True)


def check_comment() -> str:
    """The `comment` parameter: present, at most 140 characters."""
    text = need("comment")
    if measure(text) > MAX_CHARACTERS:
        raise refuse(20012)
    return text


@blueprint.post("/2/comments/destroy.json")
def destroy() -> dict[str, Any]:
    """Delete an own comment, or any under an own post: 20201 unknown, 20203 not ours."""
    world, account = enter()
    if not number("cid"):
        raise refuse(20204)
    row = find_comment(world, number("cid"))
    if row is None:
        raise refuse(20201)
    if str(row["uid"]) != account["id"] and row["account"] != account["id"]:
        raise refuse(20203)
    body = comment_object(world, row)
    world.store.run("UPDATE weibo_comment SET deleted_at = ? WHERE id = ?", world.now(), row["id"])
    return body


@blueprint.get("/2/users/show.json")
def users_show() -> dict[str, Any]:
    """A user by `uid` or `screen_name`: own accounts and everybody who ever wrote here; 20003 otherwise."""
    world, _ = enter()
    name, uid = request.values.get("screen_name", ""), number("uid")
    if not name and not uid:
        raise refuse(20002)
    for account in world.accounts.all("weibo"):
        if account["id"] == str(uid) or account["screen_name"] == name:
            return user_object(world, int(account["id"]), account["screen_name"])
    return user_object(world, *find_crowd_member(world, uid or uid_of(name)))


def find_crowd_member(world: World, uid: int) -> tuple[int, str]:
    """(uid, name) of somebody who reposted or commented; 20003 when nobody did."""
    for table in ("weibo_status", "weibo_comment"):
        row = world.store.one(f"SELECT uid, name FROM {table} WHERE uid = ? LIMIT 1", uid)  # noqa: S608
        if row:
            return row["uid"], row["name"]
    raise refuse(20003)


@blueprint.get("/2/account/get_uid.json")
def get_uid() -> dict[str, Any]:
    """The uid behind the token."""
    _, account = enter()
    return {"uid": int(account["id"])}


@blueprint.get("/2/account/rate_limit_status.json")
def rate_limit_status() -> dict[str, Any]:
    """What is left in the windows; asking costs nothing."""
    world, account = enter()
    day, now = limit_of(world, account, "day"), world.now()
    ip = limit_of(world, account, "ip_hour")
    ends_at = world.options.window_end(DAY_S, now)
    apis = [
        {
            "api": f"/{api}",
            "limit": limit_of(world, account, name),
            "limit_time_unit": "HOURS",
            "remaining_hits": limit_of(world, account, name) - world.uses(account["id"], name, HOUR_S),
        }
        for api, name in (("statuses/share", "post_hour"), ("comments/create", "comment_hour"))
    ]
    return {
        "api_rate_limits": apis,
        "ip_limit": ip,
        "limit_time_unit": "DAYS",
        "remaining_ip_hits": ip - world.uses(f"ip:{request.remote_addr}", "ip_hour", HOUR_S),
        "user_limit": day,
        "remaining_user_hits": day - world.uses(account["id"], "day", DAY_S),
        "reset_time": reset_text(ends_at),
        "reset_time_in_seconds": max(int(ends_at - now), 0),
    }


def reset_text(at: float) -> str:
    """`YYYY-MM-DD HH:MM:SS` in Beijing."""
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
