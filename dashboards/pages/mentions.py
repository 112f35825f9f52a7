"""What people say: one list with filters in the address, search by words, and the answer to one of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models import Account, Article, Copy, Evidence, Issue, Mention, MentionScore, Source
from core.models.words import ChannelKind, MentionKind, Sentiment
from dashboards.access import needs
from dashboards.paging import address_day, next_day, one_page
from dashboards.sessions import actor, house, reading
from publisher import authoring

SEARCH_LIMIT = 2000  # best hits of one search that the filters then narrow
page = Blueprint("mentions", __name__, url_prefix="/mentions")


@page.get("")
@needs("mentions.read")
def index() -> str:
    """Fifty a page, newest first; every filter stands in the address."""
    session = reading()
    rows, paging = one_page(session, filtered(session))
    return render_template(
        "mentions/index.html", rows=rows, paging=paging, scores=newest_scores(session, [row.id for row in rows]),
        about=about_mentions(session, rows), kinds=list(MentionKind), sentiments=list(Sentiment),
        channels=list(ChannelKind),
        article=session.get(Article, request.args.get("article", 0, type=int)),
        issue=session.get(Issue, request.args.get("issue", 0, type=int)),
    )  # fmt: skip


@page.get("/<int:mention_id>/reply")
@needs("mentions.reply")
def reply(mention_id: int) -> str:
    """The form for an answer."""
    return render_template("mentions/reply.html", mention=_find(mention_id), text="", problems=[])


@page.post("/<int:mention_id>/reply")
@needs("mentions.reply")
def save_reply(mention_id: int) -> str | Response | tuple[str, int]:
    """Draft an answer and submit it; another person reviews it before it goes out."""
    text, now = request.form.get("text", ""), house().clock.now()
    try:
        with house().db.write() as session:
            article = authoring.draft_reply(session, actor(), mention_id, text, now)
            authoring.submit(house(), session, actor(), article.id, [])
    except CheckFailed as error:
        mention = _find(mention_id)
        return render_template("mentions/reply.html", mention=mention, text=text, problems=error.problems), 422
    flash("回复已起草并送审，由另一人审核后发出。", "done")
    return redirect(url_for("articles.show", article_id=article.id))


def filtered(session: Session) -> Select[Any]:
    """The query of the filters in the address: words, channel, sentiment, kind, item, issue, days."""
    args = request.args
    query = select(Mention).order_by(Mention.posted_at.desc(), Mention.id.desc())
    if args.get("kind") in set(MentionKind):
        query = query.where(Mention.kind == args["kind"])
    if args.get("channel") in set(ChannelKind):
        query = query.join(Source, Source.id == Mention.source_id).join(Account, Account.id == Source.account_id)
        query = query.where(Account.kind == args["channel"])
    if args.get("article", type=int):
        query = query.where(Mention.article_id == args.get("article", type=int))
    if args.get("issue", type=int):
        belongs = select(Evidence.mention_id).where(Evidence.issue_id == args.get("issue", type=int))
        query = query.where(Mention.id.in_(belongs))
    if args.get("demo") == "0":
        query = query.where(Mention.demo.is_(False))
    return _by_days(_by_words(_by_sentiment(query)))


def _by_sentiment(query: Select[Any]) -> Select[Any]:
    wanted = request.args.get("sentiment")
    if wanted not in set(Sentiment):
        return query
    scored = select(MentionScore.mention_id).where(MentionScore.label == wanted)
    return query.where(Mention.id.in_(scored))


def _by_words(query: Select[Any]) -> Select[Any]:
    words = request.args.get("q", "").strip()
    if not words:
        return query
    hits = house().index.query(words, kinds=("mention",), limit=SEARCH_LIMIT)
    return query.where(Mention.id.in_([hit.row_id for hit in hits])) if hits else query.where(false())


def _by_days(query: Select[Any]) -> Select[Any]:
    since, until = address_day("since"), address_day("until")
    if since:
        query = query.where(Mention.posted_at >= since)
    return query.where(Mention.posted_at < next_day(until)) if until else query


def newest_scores(session: Session, mention_ids: list[int]) -> dict[int, MentionScore]:
    """The newest score of each mention."""
    query = select(MentionScore).where(MentionScore.mention_id.in_(mention_ids)).order_by(MentionScore.id)
    return {score.mention_id: score for score in session.scalars(query)}


def about_mentions(session: Session, rows: list[Mention]) -> dict[int, tuple[Account, Article]]:
    """Account and item of each mention that stands under one of our copies."""
    copy_ids = {row.copy_id for row in rows if row.copy_id}
    query = select(Copy.id, Account, Article).join(Account, Account.id == Copy.account_id)
    found = session.execute(query.join(Article, Article.id == Copy.article_id).where(Copy.id.in_(copy_ids)))
    return {copy_id: (account, article) for copy_id, account, article in found}


def _find(mention_id: int) -> Mention:
    mention = reading().get(Mention, mention_id)
    if mention is None:
        abort(404)
    return mention
