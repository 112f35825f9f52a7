"""The client app's JSON API: feed, item, comments, likes. The app names its device by `X-Client-Id`.

Errors are {"error": {"code", "text"}} with a Chinese text. No cookie is read or set here.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models import FeedEntry
from core.models.words import ChannelKind, CommentState
from portal import comments
from portal.access import client_visitor, house, is_collector, wait_s
from portal.comments import Posted, Shown, Slice, Viewer
from portal.failures import failure, too_fast
from portal.likes import add_like, counts_of, need_live

CHANNEL = ChannelKind.CLIENT.value
FEED_ROWS, COMMENT_ROWS, MOST_ROWS = 20, 50, 200
MOST_ID = 10**15

blueprint = Blueprint("client", __name__, url_prefix="/client")


@blueprint.get("/feed")
def feed() -> Response:
    """Items newest first: {"items": [...], "next": number to pass as `before`, or null}."""
    limit, before = _number("limit", FEED_ROWS, MOST_ROWS), _number("before", MOST_ID, MOST_ID)
    query = select(FeedEntry).where(FeedEntry.removed_at.is_(None), FeedEntry.id < before)
    with house().db.read() as db:
        rows = list(db.scalars(query.order_by(FeedEntry.id.desc()).limit(limit + 1)))
    more = rows[limit - 1].id if len(rows) > limit else None
    return jsonify(items=[_entry(row, whole=False) for row in rows[:limit]], next=more)


@blueprint.get("/items/<int:article_id>")
def item(article_id: int) -> Response:
    """One item with its HTML; 410 when it was withdrawn."""
    with house().db.read() as db:
        need_live(db, article_id, CHANNEL)
        query = select(FeedEntry).where(FeedEntry.article_id == article_id, FeedEntry.removed_at.is_(None))
        return jsonify(_entry(db.scalars(query.order_by(FeedEntry.id.desc())).first(), whole=True))


@blueprint.get("/items/<int:article_id>/comments")
def show_comments(article_id: int) -> Response:
    """Comments with ids above `after`, oldest first; `next` is the last id when there may be more, else null."""
    limit, after = _number("limit", COMMENT_ROWS, MOST_ROWS), _number("after", 0, MOST_ID)
    with house().db.read() as db:
        need_live(db, article_id, CHANNEL)
        rows = comments.list_comments(db, article_id, CHANNEL, _viewer(), Slice(limit + 1, after))
    more = rows[limit - 1].id if len(rows) > limit else None
    return jsonify(items=[_comment(row) for row in rows[:limit]], next=more)


@blueprint.post("/items/<int:article_id>/comments")
def post_comment(article_id: int) -> Response | tuple[Response, int]:
    """Take {"author", "text", "parent"}; 201 with the comment, which waits for a person."""
    if wait := wait_s("comment"):
        return too_fast(wait)
    posted = _posted()
    if posted is None:
        return failure(415, "请用 JSON 提交：author、text，回复时加 parent。", "not_json")
    opened = house()
    try:
        with opened.db.write() as db:
            need_live(db, article_id, CHANNEL)
            if not comments.comments_on(db):
                return failure(403, "评论暂未开放。", "comments_off")
            row = comments.write_comment(db, article_id, CHANNEL, posted, client_visitor(), opened.clock.now())
    except CheckFailed as error:
        return failure(422, error.text, error.problems[0].code)
    shown = Shown(row.id, row.parent_id, row.author_name, row.text, row.posted_at, CommentState.PENDING.value)
    return jsonify(_comment(shown)), 201


@blueprint.get("/items/<int:article_id>/counts")
def show_counts(article_id: int) -> Response:
    """{"likes", "comments"} in the app."""
    return jsonify(counts_of(article_id, CHANNEL, _viewer()))


@blueprint.post("/items/<int:article_id>/likes")
def post_like(article_id: int) -> Response:
    """One like a device; gives the counts after it."""
    if wait := wait_s("like"):
        return too_fast(wait)
    add_like(article_id, CHANNEL, client_visitor())
    return jsonify(counts_of(article_id, CHANNEL, _viewer()))


def _viewer() -> Viewer:
    named = "X-Client-Id" in request.headers
    return Viewer(is_collector(request, house()), client_visitor() if named else "")


def _posted() -> Posted | None:
    content = request.get_json(silent=True) if request.is_json else None
    if not isinstance(content, dict):
        return None
    fields = {name: content.get(name) for name in ("author", "text", "parent")}
    if any(isinstance(value, dict | list | bool | float) for value in fields.values()):
        return None
    return Posted(**{name: "" if value is None else str(value) for name, value in fields.items()})


def _number(name: str, usual: int, most: int) -> int:
    """A whole number of the query; 400 for anything else, `most` at most."""
    given = request.args.get(name, "")
    if not given:
        return usual
    if not (given.isascii() and given.isdigit() and len(given) <= 16):
        abort(400)
    return min(max(int(given), 0 if name == "after" else 1), most)


def _entry(row: FeedEntry | None, whole: bool) -> dict[str, Any]:
    if row is None:
        abort(404)
    hidden = () if whole else ("html",)
    content = {key: value for key, value in row.content.items() if key not in hidden}
    times = {"published_at": row.published_at.isoformat(), "feed_id": row.id}
    changed = row.changed_at.isoformat() if row.changed_at else None
    return {**content, "id": row.article_id, **times, "changed_at": changed}


def _comment(row: Shown) -> dict[str, Any]:
    return {
        "id": row.id,
        "parent": row.parent,
        "author": row.author,
        "text": row.text,
        "posted_at": row.posted_at.isoformat(),
        "state": row.state,
        "likes": row.likes,
    }
