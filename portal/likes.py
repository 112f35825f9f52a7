"""Counts and likes of one live item, the same for the site and the client. Knows no page and no JSON."""

from __future__ import annotations

from flask import abort
from sqlalchemy.orm import Session

from portal import comments
from portal.access import house
from portal.comments import Viewer


def need_live(db: Session, article_id: int, channel: str) -> None:
    """410 for an item that was withdrawn, 404 for one that never was there."""
    state = comments.item_state(db, article_id, channel)
    if state != "live":
        abort(410 if state == "gone" else 404)


def counts_of(article_id: int, channel: str, viewer: Viewer) -> dict[str, int]:
    """Likes and comments as this viewer may see them."""
    with house().db.read() as db:
        need_live(db, article_id, channel)
        return comments.counts(db, article_id, channel, viewer)


def add_like(article_id: int, channel: str, visitor: str) -> bool:
    """One like a visitor; False when there was one already."""
    opened = house()
    with opened.db.write() as db:
        need_live(db, article_id, channel)
        return comments.like(db, article_id, channel, visitor, opened.clock.now())
