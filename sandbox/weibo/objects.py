"""Rows as Weibo's JSON objects: user, status, comment, and pages of them."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from flask import request

from ..world import World
from .entry import account_of_token, number, regime_of

BEIJING = timezone(timedelta(hours=8))
DELETED_TEXT = "此微博已被原作者删除。"
Row = dict[str, Any]


def uid_of(name: str) -> int:
    """A stable ten-digit number for a crowd member's name."""
    digest = hashlib.sha256(name.encode()).digest()
    return 1_000_000_000 + int.from_bytes(digest[:8], "big") % 8_000_000_000


def weibo_time(at: float) -> str:
    """`Tue May 31 17:46:55 +0800 2011`."""
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).strftime("%a %b %d %H:%M:%S %z %Y")


def user_object(world: World, uid: int, name: str) -> dict[str, Any]:
    """The user fields of §2.7; own accounts are verified government accounts."""
    official = world.accounts.get("weibo", str(uid)) is not None
    return {
        "id": uid,
        "idstr": str(uid),
        "screen_name": name,
        "name": name,
        "province": "11",
        "city": "1",
        "location": "北京 东城区",
        "description": "",
        "url": "",
        "profile_url": f"u/{uid}",
        "domain": "",
        "weihao": "",
        "profile_image_url": f"http://tva1.sinaimg.cn/crop.0.0.180.180.50/{uid}.jpg",
        "gender": "n",
        "followers_count": uid % 997,
        "friends_count": uid % 311,
        "statuses_count": uid % 89,
        "favourites_count": 0,
        "created_at": weibo_time(1_300_000_000 + uid % 200_000_000),
        "following": False,
        "allow_all_act_msg": False,
        "geo_enabled": True,
        "verified": official,
        "verified_type": 1 if official else -1,
        "verified_reason": f"{name}官方微博" if official else "",
        "remark": "",
        "allow_all_comment": True,
        "avatar_large": f"http://tva1.sinaimg.cn/crop.0.0.180.180.180/{uid}.jpg",
        "follow_me": False,
        "online_status": 0,
        "bi_followers_count": 0,
        "lang": "zh-cn",
    }


def status_object(world: World, row: Row, counts: dict[int, Row] | None = None, *, deep: bool = True) -> dict[str, Any]:
    """A status; a repost carries its root as `retweeted_status` (deleted: a stub) when `deep`."""
    own = (counts if counts is not None else count_reactions(world, [row["id"]])).get(row["id"], {})
    pic = f"{request.host_url}picture/{row['pic']}" if row["pic"] else None
    body = {
        "created_at": weibo_time(row["created_at"]),
        "id": row["id"],
        "mid": str(row["id"]),
        "idstr": str(row["id"]),
        "text": row["text"],
        "textLength": len(row["text"].encode("gbk", "replace")),
        "favorited": False,
        "source": '<a href="http://app.weibo.com/t/feed/6vtZb0" rel="nofollow">微博 weibo.com</a>',
        "truncated": False,
        "in_reply_to_status_id": "",
        "in_reply_to_user_id": "",
        "in_reply_to_screen_name": "",
        "pic_urls": [{"thumbnail_pic": pic}] if pic else [],
        "geo": None,
        "annotations": [],
        "isLongText": False,
        "user": user_object(world, row["uid"], row["name"]),
        "reposts_count": own.get("reposts", 0),
        "comments_count": own.get("comments", 0),
        "attitudes_count": row["likes"],
        "mlevel": 0,
        "visible": {"type": 0, "list_id": 0},
        "pic_num": 1 if pic else 0,
        "url_objects": json.loads(row["links"]),
    }
    if pic:
        body |= {"thumbnail_pic": pic, "bmiddle_pic": pic, "original_pic": pic}
    if row["pid"] and regime_of(world, account_of_token(world)) == "commercial":
        body["pid"] = row["pid"]
    if row["root"] and deep:
        body["retweeted_status"] = root_object(world, row["root"])
    return body


def root_object(world: World, identity: int) -> dict[str, Any]:
    """The reposted status, or the stub that stays when it was deleted."""
    row = world.store.one("SELECT * FROM weibo_status WHERE id = ?", identity)
    assert row
    if row["deleted_at"] is None:
        return status_object(world, row, deep=False)
    return {
        "created_at": weibo_time(row["created_at"]),
        "id": row["id"],
        "mid": str(row["id"]),
        "idstr": str(row["id"]),
        "text": DELETED_TEXT,
        "deleted": "1",
        "user": user_object(world, row["uid"], row["name"]),
    }


def comment_object(world: World, row: Row, status: Row | None = None, *, full: bool = False) -> dict[str, Any]:
    """A comment with its status; `reply_comment` in the commercial regime, or when `full` (answer to a write)."""
    body = {
        "created_at": weibo_time(row["created_at"]),
        "id": row["id"],
        "mid": str(row["id"]),
        "idstr": str(row["id"]),
        "rootid": row["root"],
        "rootidstr": str(row["root"]),
        "floor_number": row["floor"],
        "text": row["text"],
        "source": '<a href="http://app.weibo.com/t/feed/6vtZb0" rel="nofollow">微博 weibo.com</a>',
        "disable_reply": 0,
        "like_count": 0,
        "user": user_object(world, row["uid"], row["name"]),
    }
    if status is None:
        status = root_object(world, row["status"])
    body["status"] = status
    if row["parent"] and (full or regime_of(world, account_of_token(world)) == "commercial"):
        parent = world.store.one("SELECT * FROM weibo_comment WHERE id = ?", row["parent"])
        assert parent
        body["reply_comment"] = {
            "id": parent["id"],
            "idstr": str(parent["id"]),
            "mid": str(parent["id"]),
            "text": parent["text"],
            "created_at": weibo_time(parent["created_at"]),
            "user": user_object(world, parent["uid"], parent["name"]),
        }
    return body


def count_reactions(world: World, ids: Iterable[int]) -> dict[int, Row]:
    """id -> live reposts and comments; reposts of reposts count for the root and for the one reposted."""
    wanted = list(ids)
    marks = ",".join("?" * len(wanted))
    now = world.now()
    found: dict[int, Row] = {identity: {"reposts": 0, "comments": 0} for identity in wanted}
    for column in ("root", "pid"):
        rows = world.store.all(
            f"SELECT {column} AS id, count(*) AS n FROM weibo_status WHERE {column} IN ({marks}) "  # noqa: S608
            f"AND deleted_at IS NULL AND visible_at <= ? GROUP BY {column}",
            *wanted,
            now,
        )
        for row in rows:
            found[row["id"]]["reposts"] += row["n"]
    for row in world.store.all(
        f"SELECT status AS id, count(*) AS n FROM weibo_comment WHERE status IN ({marks}) "  # noqa: S608
        "AND deleted_at IS NULL AND visible_at <= ? GROUP BY status",
        *wanted,
        now,
    ):
        found[row["id"]]["comments"] = row["n"]
    return found


def select_page(rows_sql: str, values: tuple[Any, ...], world: World, most: int, default: int = 20) -> dict[str, Any]:
    """One page of `rows_sql` (a query giving live rows): `since_id` strictly greater, `max_id` less or equal.

    Gives `rows`, `total`, `next_cursor` (the `max_id` to go on with, 0 at the end). Ordinary accounts read the newest
    `readable_rows` only, while `total` counts all.
    """
    since, upto = number("since_id"), number("max_id")
    count = min(max(number("count", default), 1), most)
    skip = (max(number("page", 1), 1) - 1) * count
    total = world.store.number(f"SELECT count(*) FROM ({rows_sql})", *values)  # noqa: S608
    account = account_of_token(world)
    shown = total if regime_of(world, account) == "commercial" else int(account["readable_rows"])
    rows = world.store.all(
        f"SELECT * FROM (SELECT * FROM ({rows_sql}) ORDER BY id DESC LIMIT ?) "  # noqa: S608
        "WHERE id > ? AND (? = 0 OR id <= ?) ORDER BY id DESC LIMIT ? OFFSET ?",
        *values,
        shown,
        since,
        upto,
        upto,
        count + 1,
        skip,
    )
    more = rows[count]["id"] if len(rows) > count else 0
    return {"rows": rows[:count], "total": total, "next_cursor": more}
