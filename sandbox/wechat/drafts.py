"""The draft box. A draft leaves it once published; nothing here is idempotent, as on the real platform."""

import json
from typing import Any

from flask import request

from ..world import World
from .articles import check_article, check_articles
from .entry import blueprint, enter, ok, page_of, read_json, refuse, whole

IN_BOX = "account = ? AND left_at IS NULL"


@blueprint.post("/cgi-bin/draft/add")
def add() -> dict[str, Any]:
    """Store a draft and give its media_id (no errcode on success)."""
    world, account = enter()
    articles = check_articles(world, account, read_json())
    media_id, now = world.word("wechat-draft", 64), world.now()
    world.store.insert(
        "wechat_draft",
        media_id=media_id,
        account=account["id"],
        articles=articles,
        created_at=now,
        updated_at=now,
        visible_at=now + world.lag_s(account),
    )
    return {"media_id": media_id}


@blueprint.post("/cgi-bin/draft/update")
def update() -> dict[str, Any]:
    """Replace the article at a 0-based index by one object (40114 outside)."""
    world, account = enter()
    body = read_json()
    row = find_draft(world, account["id"], body.get("media_id"))
    articles, index = json.loads(row["articles"]), whole(body, "index", 0)
    if not 0 <= index < len(articles):
        raise refuse(40114)
    articles[index] = check_article(world, account, body.get("articles"))
    world.store.run(
        "UPDATE wechat_draft SET articles = ?, updated_at = ? WHERE media_id = ?",
        json.dumps(articles, ensure_ascii=False),
        world.now(),
        row["media_id"],
    )
    return ok()


@blueprint.post("/cgi-bin/draft/get")
def get() -> dict[str, Any]:
    """A draft's articles with preview links."""
    world, account = enter()
    return content_of(world, find_draft(world, account["id"], read_json().get("media_id")), bare=False)


@blueprint.post("/cgi-bin/draft/delete")
def delete() -> dict[str, Any]:
    """Remove a draft for good."""
    world, account = enter()
    row = find_draft(world, account["id"], read_json().get("media_id"))
    leave_box(world, row["media_id"], "deleted", world.now())
    return ok()


@blueprint.get("/cgi-bin/draft/count")
def count() -> dict[str, Any]:
    """How many drafts are in the box."""
    world, account = enter()
    return {"total_count": world.store.number(f"SELECT count(*) FROM wechat_draft WHERE {IN_BOX}", account["id"])}  # noqa: S608


@blueprint.post("/cgi-bin/draft/batchget")
def batchget() -> dict[str, Any]:
    """One page of the box, the latest change first."""
    world, account = enter()
    offset, size, bare = page_of(read_json())
    where, values = f"FROM wechat_draft WHERE {IN_BOX} AND visible_at <= ?", (account["id"], world.horizon())
    rows = world.store.all(
        f"SELECT * {where} ORDER BY updated_at DESC, rowid DESC LIMIT ? OFFSET ?", *values, size, offset
    )
    items = [
        {
            "media_id": row["media_id"],
            "content": content_of(world, row, bare=bare),
            "update_time": int(row["updated_at"]),
        }
        for row in rows
    ]
    total = world.store.number(f"SELECT count(*) {where}", *values)
    return {"total_count": total, "item_count": len(items), "item": items}


def content_of(world: World, row: dict[str, Any], *, bare: bool) -> dict[str, Any]:
    """`{news_item, create_time, update_time}` of a draft; `bare` leaves the body out."""
    items = [
        present(world, article, f"{request.host_url}s/draft-{row['media_id']}-{place}", bare=bare)
        for place, article in enumerate(json.loads(row["articles"]), 1)
    ]
    return {"news_item": items, "create_time": int(row["created_at"]), "update_time": int(row["updated_at"])}


def present(world: World, article: dict[str, Any], url: str, *, bare: bool) -> dict[str, Any]:
    """An article as lists show it, with `url` and `thumb_url`."""
    thumb = world.store.one("SELECT url FROM wechat_media WHERE media_id = ?", article["thumb_media_id"])
    shown = {**article, "url": url, "thumb_url": thumb["url"] if thumb else ""}
    if bare:
        shown.pop("content")
    return shown


def find_draft(world: World, account: str, media_id: Any) -> dict[str, Any]:
    """A draft still in the box; 40007 otherwise."""
    row = world.store.one(f"SELECT * FROM wechat_draft WHERE media_id = ? AND {IN_BOX}", str(media_id), account)  # noqa: S608
    if row is None:
        raise refuse(40007, f"[{media_id}]")
    return row


def leave_box(world: World, media_id: str, why: str, at: float) -> None:
    """Take a draft out of the box: `published` or `deleted`."""
    world.store.run(
        "UPDATE wechat_draft SET left_at = ?, left_why = ? WHERE media_id = ? AND left_at IS NULL", at, why, media_id
    )
