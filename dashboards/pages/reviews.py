"""Reviewing: the queue, and one item exactly as it is stored for every channel, with the two buttons."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models import Account, Article, Payload, Release, ReviewStep, Revision
from core.models.words import ArticleState, Decision
from core.ports import Problem
from dashboards.access import needs
from dashboards.diff import compare
from dashboards.frame import waiting_reviews
from dashboards.pages.articles import compare_revisions, find_article, names_of
from dashboards.payloads import parts_of, plain_parts
from dashboards.sessions import actor, house, reading
from publisher import review

page = Blueprint("reviews", __name__, url_prefix="/reviews")


@page.get("")
@needs("articles.review")
def queue() -> str:
    """What waits for me, then everything else that is in review."""
    session = reading()
    mine = session.scalars(waiting_reviews(current_user, Article).order_by(Article.updated_at)).all()
    others = select(Article).where(
        Article.state == ArticleState.IN_REVIEW, Article.id.not_in([article.id for article in mine])
    )
    rest = session.scalars(others.order_by(Article.updated_at)).all()
    done = {a.id: review.standing(session, a.head_id) for a in [*mine, *rest] if a.head_id}
    return render_template("reviews/queue.html", mine=mine, rest=rest, done=done, names=names_of(session))


@page.get("/<int:article_id>")
@needs("articles.review")
def show(article_id: int) -> str:
    """The stored payloads, the checks, what changed since the last approved version, and the decision."""
    return _page(article_id, [])


@page.post("/<int:article_id>")
@needs("articles.review")
def decide(article_id: int) -> str | Response | tuple[str, int]:
    """Approve or return exactly what the page showed."""
    form = request.form
    decision = form.get("decision", "")
    if decision not in set(Decision):
        return _page(article_id, [Problem("reason", "请选择“通过”或“退回”。")]), 422
    judgement = review.Judgement(
        form.get("revision_id", 0, type=int), form.get("digest", ""), decision, form.get("reason", "")
    )
    try:
        with house().db.write() as session:
            step = review.decide(session, actor(), article_id, judgement, house().clock.now())
    except CheckFailed as error:
        return _page(article_id, error.problems), 422
    flash(f"第 {step.step} 审已{'通过' if decision == Decision.APPROVE else '退回作者'}。", "done")
    return redirect(url_for("reviews.queue"))


def _page(article_id: int, problems: list[Problem]) -> str:
    session = reading()
    article = find_article(session, article_id)
    head = session.get_one(Revision, article.head_id)
    standing = review.standing(session, head.id)
    before = last_approved(session, article)
    return render_template(
        "reviews/show.html", article=article, head=head, problems=problems, standing=standing,
        needed=review.required_steps(article), digest=review.package_digest(session, head.id),
        packages=packages(session, head, before), before=before, names=names_of(session),
        parts=compare_revisions(before, head) if before else None,
        found=[Problem(**row) for row in head.problems], refusal=refusal(session, article, standing),
        history=session.scalars(
            select(ReviewStep).where(ReviewStep.article_id == article.id).order_by(ReviewStep.id.desc())
        ).all(),
    )  # fmt: skip


def last_approved(session: Session, article: Article) -> Revision | None:
    """The newest other revision that was released, else the newest other one that was submitted."""
    released = (
        select(Revision)
        .join(Release, Release.revision_id == Revision.id)
        .where(Release.article_id == article.id, Revision.id != article.head_id)
    )
    submitted = select(Revision).where(
        Revision.article_id == article.id, Revision.id != article.head_id, Revision.submitted_at.is_not(None)
    )
    for query in (released, submitted):
        found = session.scalar(query.order_by(Revision.number.desc()).limit(1))
        if found:
            return found
    return None


def packages(session: Session, head: Revision, before: Revision | None) -> list[dict[str, object]]:
    """One entry an account: the stored payload's parts, its digest, and the words that changed."""
    query = select(Payload, Account).join(Account, Account.id == Payload.account_id)
    rows = session.execute(query.where(Payload.revision_id == head.id).order_by(Account.id)).all()
    old = {}
    if before:
        earlier = select(Payload).where(Payload.revision_id == before.id)
        old = {payload.account_id: payload.template for payload in session.scalars(earlier)}
    return [
        {
            "account": account,
            "payload": payload,
            "parts": parts_of(payload.template),
            "diff": compare(plain_parts(old[account.id]), plain_parts(payload.template)) if account.id in old else None,
        }
        for payload, account in rows
    ]


def refusal(session: Session, article: Article, standing: list[ReviewStep]) -> str:
    """Why this person cannot decide now, in Chinese; empty when they can. The rule itself is publisher.review's."""
    me = current_user.person.id
    if article.state != ArticleState.IN_REVIEW:
        return "稿件现在不在审核中。"
    if me in review.authors(session, article):
        return "您写过这篇稿件，作者不能审核自己的稿件。"
    if me in {step.person_id for step in standing}:
        return "您已审核过本稿，同一人不能办理两个审次。"
    role = review.STEP_ROLES[len(standing)] if len(standing) < len(review.STEP_ROLES) else None
    if article.kind == "article" and role not in current_user.roles:
        return f"现在轮到{review.STEP_NAMES[len(standing)]}，您没有这个角色。"
    return ""
