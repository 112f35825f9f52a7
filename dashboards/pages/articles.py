"""Articles: the list, one article with everything that happened to it, and what changed between revisions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.models import Article, Copy, CopyEvent, Delivery, Payload, Person, Release, ReviewStep, Revision
from core.models.words import ArticleKind, ArticleState
from dashboards.access import needs
from dashboards.diff import Piece, compare
from dashboards.paging import one_page
from dashboards.sessions import reading
from publisher import review
from publisher.checks import plain_text

COMPARED = (
    ("title", "标题"),
    ("summary", "摘要"),
    ("body", "正文"),
    ("source", "来源"),
    ("author", "作者"),
    ("keywords", "关键词"),
)
page = Blueprint("articles", __name__, url_prefix="/articles")


@page.get("")
@needs("articles.read")
def index() -> str:
    """The list: state, kind, mine, and words of the title in the address."""
    query = select(Article).order_by(Article.updated_at.desc(), Article.id.desc())
    state, kind, words = request.args.get("state", ""), request.args.get("kind", ""), request.args.get("q", "").strip()
    if state in set(ArticleState):
        query = query.where(Article.state == state)
    if kind in set(ArticleKind):
        query = query.where(Article.kind == kind)
    if request.args.get("mine"):
        query = query.where(Article.author_id == current_user.person.id)
    if words:
        query = query.where(Article.title.contains(words, autoescape=True))
    rows, paging = one_page(reading(), query)
    copies = copies_of(reading(), [row.id for row in rows])
    return render_template(
        "articles/index.html", rows=rows, paging=paging, copies=copies, names=names_of(reading()),
        states=list(ArticleState), kinds=list(ArticleKind),
    )  # fmt: skip


@page.get("/<int:article_id>")
@needs("articles.read")
def show(article_id: int) -> str:
    """One article: where it stands, what is live, who approved, who released, every revision."""
    session = reading()
    article = find_article(session, article_id)
    head = session.get(Revision, article.head_id)
    copies = copies_of(session, [article_id]).get(article_id, [])
    events = select(CopyEvent).where(CopyEvent.copy_id.in_([copy.id for copy in copies])).order_by(CopyEvent.at)
    return render_template(
        "articles/show.html", article=article, head=head, copies=copies,
        events=session.scalars(events).all(), steps=session.scalars(_of(ReviewStep, article_id)).all(),
        releases=session.scalars(_of(Release, article_id)).all(), names=names_of(session),
        revisions=list(reversed(article.revisions)), needed=review.required_steps(article),
        standing=review.standing(session, head.id) if head else [],
        deliveries=session.scalars(_of(Delivery, article_id)).all(),
        submitted=_submitted(session, article_id),
    )  # fmt: skip


@page.get("/<int:article_id>/compare")
@needs("articles.read")
def changes(article_id: int) -> str:
    """Word by word between two revisions; without numbers in the address, the last two."""
    session = reading()
    article = find_article(session, article_id)
    by_number = {revision.number: revision for revision in article.revisions}
    last = max(by_number)
    new = by_number.get(request.args.get("new", last, type=int))
    old = by_number.get(request.args.get("old", max(1, last - 1), type=int))
    if new is None or old is None:
        abort(404)
    return render_template(
        "articles/compare.html", article=article, old=old, new=new, parts=compare_revisions(old, new),
        numbers=sorted(by_number, reverse=True), names=names_of(session),
    )  # fmt: skip


def find_article(session: Session, article_id: int) -> Article:
    """The article, or 404."""
    article = session.get(Article, article_id)
    if article is None:
        abort(404)
    return article


def copies_of(session: Session, article_ids: list[int]) -> dict[int, list[Copy]]:
    """The copies of each article, by account and round."""
    found: dict[int, list[Copy]] = {}
    query = select(Copy).where(Copy.article_id.in_(article_ids)).order_by(Copy.account_id, Copy.round)
    for copy in session.scalars(query):
        found.setdefault(copy.article_id, []).append(copy)
    return found


def names_of(session: Session) -> dict[int, str]:
    """Display names by person id; an office has few people."""
    rows = session.execute(select(Person.id, Person.display_name)).all()
    return {row.id: row.display_name for row in rows}


def compare_revisions(old: Revision, new: Revision) -> list[tuple[str, list[Piece]]]:
    """The compared parts of two revisions with their Chinese names."""
    return [(word, compare(_part(old, name), _part(new, name))) for name, word in COMPARED]


def _part(revision: Revision, name: str) -> str:
    return plain_text(revision.body_html) if name == "body" else str(getattr(revision, name))


def _of(table: Any, article_id: int) -> Select[Any]:
    """Every row of a table that belongs to an article, oldest first."""
    return select(table).where(table.article_id == article_id).order_by(table.id)


def _submitted(session: Session, article_id: int) -> set[int]:
    query = select(Payload.revision_id).join(Revision).where(Revision.article_id == article_id)
    return set(session.scalars(query))
