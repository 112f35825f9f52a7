"""Search everything: articles, mentions and cases by their words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy import ColumnElement, or_, select

from core.models import Article, Case, Mention, Revision
from dashboards.access import needs
from dashboards.sessions import house, reading

SHOWN = 20
page = Blueprint("search", __name__)


@page.get("/search")
@needs("own")
def everything() -> str:
    """The best of each kind; a kind the role may not read is left out."""
    words = request.args.get("q", "").strip()
    found = {kind: search(words) for kind, permission, search in KINDS if words and current_user.may(permission)}
    return render_template("home/search.html", words=words, found=found, articles=found.get("article", []))


def articles_with(words: str) -> list[Article]:
    """Items whose title or newest text holds the words as written."""
    head = Revision.id == Article.head_id
    query = (
        select(Article).join(Revision, head).where(_holds(words, Article.title, Revision.summary, Revision.body_html))
    )
    return list(reading().scalars(query.order_by(Article.updated_at.desc()).limit(SHOWN)))


def mentions_with(words: str) -> list[Mention]:
    """Mentions by the search index, best first; they are too many to be read through."""
    ids = [hit.row_id for hit in house().index.query(words, kinds=("mention",), limit=SHOWN)]
    by_id = {row.id: row for row in reading().scalars(select(Mention).where(Mention.id.in_(ids)))}
    return [by_id[row_id] for row_id in ids if row_id in by_id]


def cases_with(words: str) -> list[Case]:
    """Citizens' messages whose number, title or text holds the words."""
    query = select(Case).where(_holds(words, Case.number, Case.title, Case.text))
    return list(reading().scalars(query.order_by(Case.received_at.desc()).limit(SHOWN)))


def _holds(words: str, *columns: Any) -> ColumnElement[bool]:
    return or_(*(column.contains(words, autoescape=True) for column in columns))


KINDS: tuple[tuple[str, str, Callable[[str], list[Any]]], ...] = (
    ("article", "articles.read", articles_with),
    ("mention", "mentions.read", mentions_with),
    ("case", "cases.read", cases_with),
)
