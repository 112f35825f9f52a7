"""Writing statuses, reposts and comments, for the API as for the crowd. Ids rise with every insertion."""

from typing import Any

from ..world import World
from .objects import Row, uid_of

EPOCH_S = 515_483_463  # what Weibo's id clock starts from


def next_id(world: World) -> int:
    """A 16-digit id from the present second; strictly rising, so that `since_id` never misses a row."""
    now = int(world.options.clock())
    return world.store.next("weibo_id", at_least=(now - EPOCH_S) << 22)


def add_status(world: World, account: str | None, author: tuple[int, str], text: str, **more: Any) -> dict[str, Any]:
    """Insert a status (or repost) and give its row. `more` overrides columns; times are Unix seconds."""
    now = world.now()
    values = {
        "sent_text": text,
        "links": "[]",
        "created_at": now,
        "accepted_at": now,
        "visible_at": now,
        "origin": "crowd",
        **more,
    }
    identity = next_id(world)
    world.store.insert("weibo_status", id=identity, account=account, uid=author[0], name=author[1], text=text, **values)
    row = world.store.one("SELECT * FROM weibo_status WHERE id = ?", identity)
    assert row
    return row


def add_repost(world: World, target: dict[str, Any], name: str, text: str, at: float, **more: Any) -> int:
    """A crowd member reposts `target` (a status row); a repost of a repost keeps the root and names its `pid`."""
    chained = target["root"] is not None
    row = add_status(
        world,
        None,
        (uid_of(name), name),
        text,
        root=target["root"] if chained else target["id"],
        pid=target["id"] if chained else None,
        **{"created_at": at, "visible_at": at, **more},
    )
    return int(row["id"])


def add_comment(world: World, status: Row, author: tuple[int, str], text: str, **more: Any) -> Row:
    """Insert a comment under a status row; `parent` (a comment row) makes it an answer."""
    parent: dict[str, Any] | None = more.pop("parent", None)
    now = world.now()
    values = {"created_at": now, "visible_at": now, "origin": "crowd", **more}
    identity = next_id(world)
    floor = world.store.number("SELECT max(floor) FROM weibo_comment WHERE status = ?", status["id"]) + 1
    world.store.insert(
        "weibo_comment",
        id=identity,
        account=status["account"],
        status=status["id"],
        uid=author[0],
        name=author[1],
        text=text,
        parent=parent["id"] if parent else None,
        root=parent["root"] if parent else identity,
        floor=floor,
        **values,
    )
    row = world.store.one("SELECT * FROM weibo_comment WHERE id = ?", identity)
    assert row
    return row


def find_status(world: World, identity: int) -> dict[str, Any] | None:
    """A live, visible status, or None."""
    return world.store.one(
        "SELECT * FROM weibo_status WHERE id = ? AND deleted_at IS NULL AND visible_at <= ?", identity, world.now()
    )


def find_comment(world: World, identity: int) -> dict[str, Any] | None:
    """A live comment, or None."""
    return world.store.one("SELECT * FROM weibo_comment WHERE id = ? AND deleted_at IS NULL", identity)
