"""Comments under published articles. Positions are 0-based; `total` is the page's length, `comment_cnt` all."""

import hashlib
from typing import Any

from ..world import World
from .entry import blueprint, enter, ok, read_json, refuse, whole

MAX_COUNT = 50
REPLY_CHARACTERS = 600
MAX_ELECTED = 100


def read_place(world: World, account: dict[str, Any], body: dict[str, Any]) -> tuple[int, int]:
    """(msg_data_id, 0-based index) of a published article: 88001 (with an empty list) when there is none."""
    asked = str(body.get("msg_data_id", ""))
    index = whole(body, "index", 0)
    row = world.store.one(
        "SELECT articles, article_id FROM wechat_article WHERE msg_data_id = ? AND account = ?",
        int(asked) if asked.isdigit() else 0,
        account["id"],
    )
    if row is None or not 0 <= index < row["articles"].count('"article_type"'):
        error = refuse(88001)
        error.extra = {"total": 0, "comment": []}
        raise error
    return int(asked), index


@blueprint.post("/cgi-bin/comment/open")
def open_comments() -> dict[str, Any]:
    """Open comments of an article."""
    return switch(opened=True)


@blueprint.post("/cgi-bin/comment/close")
def close_comments() -> dict[str, Any]:
    """Close comments of an article; those already there stay."""
    return switch(opened=False)


def switch(*, opened: bool) -> dict[str, Any]:
    """Set `need_open_comment` of the stored article."""
    world, account = enter(commenting=True)
    place = read_place(world, account, read_json())
    world.store.run(
        f"UPDATE wechat_article SET articles = json_set(articles, '$[{place[1]}].need_open_comment', ?) "  # noqa: S608
        "WHERE msg_data_id = ?",
        int(opened),
        place[0],
    )
    return ok()


@blueprint.post("/cgi-bin/comment/list")
def list_comments() -> dict[str, Any]:
    """One page, newest first: `type` 0 all, 1 ordinary, 2 elected; count 1-49, 88010 otherwise."""
    world, account = enter(commenting=True)
    body = read_json()
    place = read_place(world, account, body)
    begin, count, kind = whole(body, "begin", 0), whole(body, "count", 20), whole(body, "type", 0)
    if not 0 < count < MAX_COUNT or begin < 0:
        raise refuse(88010)
    where = (
        "FROM wechat_comment WHERE msg_data_id = ? AND position = ? AND deleted_at IS NULL AND created_at <= ? "
        "AND (? = 0 OR elected = ? - 1)"
    )
    values = (*place, world.horizon(), kind, kind)
    rows = world.store.all(f"SELECT * {where} ORDER BY user_comment_id DESC LIMIT ? OFFSET ?", *values, count, begin)
    total = world.store.number(f"SELECT count(*) {where}", *values)
    return ok(total=len(rows), comment_cnt=total, comment=[comment_object(row) for row in rows])


def comment_object(row: dict[str, Any]) -> dict[str, Any]:
    """A comment; `reply` (an object) only when answered."""
    body = {
        "user_comment_id": row["user_comment_id"],
        "openid": row["openid"],
        "create_time": int(row["created_at"]),
        "content": row["content"],
        "comment_type": row["elected"],
    }
    if row["reply"] is not None:
        body["reply"] = {"content": row["reply"], "create_time": int(row["reply_at"])}
    return body


def find_comment(world: World, account: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The comment named by `user_comment_id`: 88008 unknown, 88004 deleted by its writer."""
    place = read_place(world, account, body)
    row = world.store.one(
        "SELECT * FROM wechat_comment WHERE msg_data_id = ? AND position = ? AND user_comment_id = ?",
        *place,
        whole(body, "user_comment_id", 0),
    )
    if row is None or (row["deleted_at"] is not None and row["deleted_by"] == "account"):
        raise refuse(88008)
    if row["deleted_at"] is not None:
        raise refuse(88004)
    return row


@blueprint.post("/cgi-bin/comment/markelect")
def markelect() -> dict[str, Any]:
    """Elect a comment; 88003 beyond a hundred an article."""
    world, account = enter(commenting=True)
    row = find_comment(world, account, read_json())
    elected = world.store.number(
        "SELECT count(*) FROM wechat_comment WHERE msg_data_id = ? AND position = ? AND "
        "elected = 1 AND deleted_at IS NULL",
        row["msg_data_id"],
        row["position"],
    )
    if elected >= MAX_ELECTED:
        raise refuse(88003)
    return change(world, row, elected=1)


@blueprint.post("/cgi-bin/comment/unmarkelect")
def unmarkelect() -> dict[str, Any]:
    """Take the election back."""
    world, account = enter(commenting=True)
    return change(world, find_comment(world, account, read_json()), elected=0)


@blueprint.post("/cgi-bin/comment/delete")
def delete() -> dict[str, Any]:
    """Delete a comment in the account's name."""
    world, account = enter(commenting=True)
    row = find_comment(world, account, read_json())
    return change(world, row, deleted_at=world.now(), deleted_by="account")


@blueprint.post("/cgi-bin/comment/reply/add")
def reply_add() -> dict[str, Any]:
    """Answer a comment once (88005 after that); 88007 empty or beyond 600 characters."""
    world, account = enter(commenting=True)
    body = read_json()
    row, content = find_comment(world, account, body), body.get("content")
    if row["reply"] is not None:
        raise refuse(88005)
    if not isinstance(content, str) or not 0 < len(content) <= REPLY_CHARACTERS:
        raise refuse(88007)
    return change(world, row, reply=content, reply_at=world.now())


@blueprint.post("/cgi-bin/comment/reply/delete")
def reply_delete() -> dict[str, Any]:
    """Remove the answer; 88009 when there is none."""
    world, account = enter(commenting=True)
    row = find_comment(world, account, read_json())
    if row["reply"] is None:
        raise refuse(88009)
    return change(world, row, reply=None, reply_at=None)


def change(world: World, row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Set columns of a comment and say ok."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    world.store.run(f"UPDATE wechat_comment SET {assignments} WHERE id = ?", *values.values(), row["id"])  # noqa: S608
    return ok()


def add_comment(world: World, article: dict[str, Any], position: int, author: str, text: str, **more: Any) -> int:
    """A reader comments on an article row; gives the user_comment_id. `more`: `created_at`, `ref`."""
    number = (
        world.store.number(
            "SELECT max(user_comment_id) FROM wechat_comment WHERE msg_data_id = ? AND position = ?",
            article["msg_data_id"],
            position,
        )
        + 1
    )
    world.store.insert(
        "wechat_comment",
        account=article["account"],
        msg_data_id=article["msg_data_id"],
        position=position,
        user_comment_id=number,
        openid=openid_of(author),
        name=author,
        content=text,
        **more,
    )
    return number


def openid_of(name: str) -> str:
    """A stable 28-character openid for a crowd member's name."""
    return "o" + hashlib.sha256(name.encode()).hexdigest()[:27]
