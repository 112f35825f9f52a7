"""Releasing: plan, withdraw, publish again. Each names the channels and, when it cannot be undone, asks twice."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import CheckFailed, NotConfigured
from core.models import Account, Article, Copy, Payload
from core.models.words import CopyState, LatePolicy
from core.ports import Problem
from dashboards.access import needs
from dashboards.pages.articles import copies_of, find_article, names_of
from dashboards.paging import form_instant
from dashboards.sessions import actor, house, reading
from publisher import delivery as ledger
from publisher import review
from publisher.channels import channel_class

MINUTE_S = 60
OUT = {CopyState.LIVE, CopyState.EXPECTED}
OVER = {CopyState.WITHDRAWN, CopyState.GONE, CopyState.NEVER}
page = Blueprint("releases", __name__)


@page.get("/articles/<int:article_id>/plan")
@needs("deliveries.release")
def plan(article_id: int) -> str:
    """When, to which accounts, and what to do when it comes too late."""
    return _plan_form(article_id, [])


@page.post("/articles/<int:article_id>/plan")
@needs("deliveries.release")
def save_plan(article_id: int) -> str | Response | tuple[str, int]:
    """Plan the approved payloads; without a time, at once."""
    now = house().clock.now()
    try:
        due_at = form_instant("due_at", "发布时间") or now
        chosen = _chosen()
        with house().db.write() as session:
            rows = ledger.plan(
                session, actor(), article_id, max(due_at, now), now,
                window_s=request.form.get("window_min", 60, type=int) * MINUTE_S,
                late_policy=request.form.get("late_policy", LatePolicy.HOLD), account_ids=chosen,
            )  # fmt: skip
    except CheckFailed as error:
        return _plan_form(article_id, error.problems), 422
    flash(f"已排入分发：{len(rows)} 个账号。", "done")
    return redirect(url_for("deliveries.matrix"))


@page.get("/articles/<int:article_id>/withdraw")
@needs("deliveries.release")
def withdraw(article_id: int) -> str:
    """Which copies, and why."""
    return _withdraw_form(article_id, [], [])


@page.post("/articles/<int:article_id>/withdraw")
@needs("deliveries.release")
def save_withdraw(article_id: int) -> str | Response | tuple[str, int]:
    """First press: name what will disappear where. Second press: withdraw."""
    reason, chosen = request.form.get("reason", "").strip(), _ids()
    problems = [] if reason else [Problem("reason", "请写明撤回的理由，会记入留痕。")]
    if not chosen:
        problems.append(Problem("accounts", "请至少选择一个账号。"))
    if problems or not request.form.get("press"):
        return _withdraw_form(article_id, problems, [] if problems else chosen), 422 if problems else 200
    with house().db.write() as session:
        ledger.withdraw(session, actor(), article_id, reason, house().clock.now(), account_ids=chosen)
    flash("撤回已下达，结果以回读为准，请看分发表。", "done")
    return redirect(url_for("deliveries.matrix"))


@page.get("/copies/<int:copy_id>/again")
@needs("deliveries.release")
def again(copy_id: int) -> str:
    """Why a withdrawn or vanished copy should go out once more."""
    return _again_form(copy_id, [], False)


@page.post("/copies/<int:copy_id>/again")
@needs("deliveries.release")
def save_again(copy_id: int) -> str | Response | tuple[str, int]:
    """Two presses; a new round of the same account."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        return _again_form(copy_id, [Problem("reason", "请写明再次发布的理由，会记入留痕。")], False), 422
    if not request.form.get("press"):
        return _again_form(copy_id, [], True)
    with house().db.write() as session:
        ledger.publish_again(session, actor(), copy_id, reason, house().clock.now())
    flash("已排入新一轮发布。", "done")
    return redirect(url_for("deliveries.matrix"))


def _ids() -> list[int]:
    return [int(value) for value in request.form.getlist("accounts") if value.isdigit()]


def _chosen() -> list[int]:
    chosen = _ids()
    if not chosen:
        raise CheckFailed([Problem("accounts", "请至少选择一个账号。")])
    return chosen


def _plan_form(article_id: int, problems: list[Problem]) -> str:
    session = reading()
    article = find_article(session, article_id)
    head_id = article.head_id or abort(404)
    accounts = _approved_accounts(session, article)
    live = {copy.account_id for copy in copies_of(session, [article_id]).get(article_id, []) if copy.state in OUT}
    fixed = {account.id for account in accounts if account.id in live and not can_correct(account.kind)}
    ready = {account.id for account in accounts if account.enabled and account.id not in fixed}
    chosen = set(_ids()) if request.method == "POST" else ready
    return render_template(
        "articles/plan.html", article=article, accounts=accounts, live=live, fixed=fixed, problems=problems,
        chosen=chosen,
        approved=review.is_approved(session, head_id), may=review.may_release(session, actor(), head_id),
        standing=review.standing(session, head_id), names=names_of(session),
        policies=list(LatePolicy), due_at=_typed_due(), form=request.form,
    )  # fmt: skip


def can_correct(kind: str) -> bool:
    """Whether what is live on this kind of channel can be changed in place."""
    try:
        return channel_class(kind).can_correct
    except NotConfigured:
        return False


def _typed_due() -> datetime | None:
    try:
        return form_instant("due_at", "发布时间")
    except CheckFailed:
        return None


def _approved_accounts(session: Session, article: Article) -> list[Account]:
    """The accounts whose payload was approved with the newest revision."""
    query = select(Account).join(Payload, Payload.account_id == Account.id)
    return list(session.scalars(query.where(Payload.revision_id == article.head_id).order_by(Account.id)))


def _withdraw_form(article_id: int, problems: list[Problem], pending: list[int]) -> str:
    session = reading()
    article = find_article(session, article_id)
    copies = [
        copy for copy in copies_of(session, [article_id]).get(article_id, [])
        if copy.state in OUT
    ]  # fmt: skip
    chosen = set(_ids()) if request.method == "POST" else {copy.account_id for copy in copies}
    return render_template(
        "articles/withdraw.html", article=article, copies=copies, problems=problems, chosen=chosen,
        pending=[copy for copy in copies if copy.account_id in pending], reason=request.form.get("reason", ""),
    )  # fmt: skip


def _again_form(copy_id: int, problems: list[Problem], pending: bool) -> str:
    copy = reading().get(Copy, copy_id)
    if copy is None:
        abort(404)
    return render_template(
        "articles/again.html", copy=copy, problems=problems, pending=pending, reason=request.form.get("reason", ""),
        allowed=copy.state in OVER,
    )  # fmt: skip
