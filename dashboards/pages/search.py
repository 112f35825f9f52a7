"""Search everything: items, comments and citizens' messages by their words, through one index."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import Article, Case, Mention
from dashboards.access import needs
from dashboards.pages.mentions import about_mentions, newest_scores
from dashboards.paging import PER_PAGE, page_of
from dashboards.sessions import house, reading

KINDS: dict[str, tuple[str, type[Any]]] = {
    "article": ("articles.read", Article),
    "mention": ("mentions.read", Mention),
    "case": ("cases.read", Case),
}
page = Blueprint("search", __name__)


@page.get("/search")
@needs("own")
def everything() -> str:
    """One kind at a time, best first, fifty a page; a kind the role may not read does not exist here."""
    words = request.args.get("q", "").strip()
    kinds = [kind for kind, (permission, _table) in KINDS.items() if current_user.may(permission)]
    counts = house().index.aggregate(words, kinds=kinds) if words else {}
    fullest = max(kinds, key=lambda kind: counts.get(kind, 0))
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else fullest
    paging = page_of(counts.get(kind, 0))
    session = reading()
    rows = _rows(session, words, kind, (paging.page - 1) * PER_PAGE)
    said = rows if kind == "mention" else []
    return render_template(
        "home/search.html", words=words, kind=kind, kinds=kinds, counts=counts, total=sum(counts.values()),
        rows=rows, paging=paging, about=about_mentions(session, said),
        scores=newest_scores(session, [row.id for row in said]),
    )  # fmt: skip


def _rows(session: Session, words: str, kind: str, skip: int) -> list[Any]:
    """The rows behind one page of hits, in the order of the hits."""
    table = KINDS[kind][1]
    hits = house().index.query(words, kinds=(kind,), limit=PER_PAGE, offset=skip)
    found = {row.id: row for row in session.scalars(select(table).where(table.id.in_([hit.row_id for hit in hits])))}
    return [found[hit.row_id] for hit in hits if hit.row_id in found]
