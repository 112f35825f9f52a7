"""Search everything: articles, mentions and cases by their words."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy import select

from core.models import Article, Case, Mention
from dashboards.access import needs
from dashboards.sessions import house, reading

SHOWN = 20
KINDS: dict[str, tuple[Any, str]] = {
    "article": (Article, "articles.read"),
    "mention": (Mention, "mentions.read"),
    "case": (Case, "cases.read"),
}
page = Blueprint("search", __name__)


@page.get("/search")
@needs("own")
def everything() -> str:
    """The best of each kind; a kind the role may not read is left out."""
    words = request.args.get("q", "").strip()
    found: dict[str, list[Any]] = {}
    for kind, (table, permission) in KINDS.items():
        if words and current_user.may(permission):
            ids = [hit.row_id for hit in house().index.query(words, kinds=(kind,), limit=SHOWN)]
            by_id = {row.id: row for row in reading().scalars(select(table).where(table.id.in_(ids)))}
            found[kind] = [by_id[row_id] for row_id in ids if row_id in by_id]
    titles: list[Article] = []
    if words:
        query = select(Article).where(Article.title.contains(words, autoescape=True))
        titles = list(reading().scalars(query.order_by(Article.updated_at.desc()).limit(SHOWN)))
    known = {article.id for article in titles}
    articles = titles + [row for row in found.get("article", []) if row.id not in known]
    return render_template("home/search.html", words=words, articles=articles, found=found)
