"""Site comments waiting to be shown, and the switch that lets people comment at all."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from casework import moderation
from core import runtime
from core.errors import CheckFailed
from core.models import Article, CommentDecision, SiteComment
from core.models.words import CommentState
from dashboards.access import needs
from dashboards.paging import one_page
from dashboards.sessions import actor, house, local_path, reading

page = Blueprint("comments", __name__, url_prefix="/comments")


@page.get("")
@needs("comments.moderate")
def queue() -> str:
    """Pending ones first; the others by their state."""
    session = reading()
    state = request.args.get("state", CommentState.PENDING)
    query = select(SiteComment).outerjoin(CommentDecision, CommentDecision.comment_id == SiteComment.id)
    if state == CommentState.PENDING:
        query = query.where(
            CommentDecision.comment_id.is_(None) | (CommentDecision.state == CommentState.PENDING)
        ).order_by(SiteComment.posted_at)
    else:
        query = query.where(CommentDecision.state == state).order_by(SiteComment.posted_at.desc())
    rows, paging = one_page(session, query)
    articles = session.scalars(select(Article).where(Article.id.in_({row.article_id for row in rows})))
    decisions = session.scalars(select(CommentDecision).where(CommentDecision.comment_id.in_([r.id for r in rows])))
    return render_template(
        "mentions/comments.html", rows=rows, paging=paging, state=state, states=list(CommentState),
        articles={article.id: article for article in articles},
        decisions={row.comment_id: row for row in decisions},
        open=runtime.value_of(session, runtime.COMMENTS)["on"],
    )  # fmt: skip


@page.post("/decide")
@needs("comments.moderate")
def decide() -> Response:
    """One decision for one or many comments."""
    state, reason = request.form.get("state", ""), request.form.get("reason", "")
    chosen = [int(value) for value in request.form.getlist("comment") if value.isdigit()]
    if state not in set(CommentState) or not chosen:
        flash("请先选中评论，再按“通过”或“不通过”。", "late")
        return _back()
    try:
        with house().db.write() as session:
            for comment_id in chosen:
                moderation.decide(session, actor(), comment_id, state, reason, house().clock.now())
    except CheckFailed as error:
        flash(error.text, "late")
        return _back()
    flash(f"{len(chosen)} 条评论{'已通过，网站和客户端可见' if state == CommentState.ACCEPTED else '已处理'}。", "done")
    return _back()


@page.post("/switch")
@needs("settings.manage")
def switch() -> Response:
    """Turn commenting on or off for site and client."""
    on = request.form.get("on") == "1"
    with house().db.write() as session:
        runtime.change(session, actor(), runtime.COMMENTS, {"on": "1" if on else ""}, house().clock.now())
    flash("已开放评论，先审后发。" if on else "已关闭评论。", "done")
    return redirect(url_for("accounts.index"))


def _back() -> Response:
    target = (request.referrer or url_for("comments.queue")).removeprefix(request.host_url.rstrip("/"))
    return redirect(local_path(target))
