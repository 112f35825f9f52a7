"""People's decisions that plan, withdraw and publish again: permission, change and audit in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.errors import CheckFailed, NotPermitted, TransitionNotAllowed
from core.models import Account, Article, Copy, Delivery, Payload, Release
from core.models.words import ArticleKind, ArticleState, CopyState, LatePolicy, Operation, Role
from core.ports import Problem, Reconcile
from publisher.channels import channel_class
from publisher.delivery.gates import ensure_scopes
from publisher.delivery.rows import add_withdrawal, end_copy, move, rows_of, waiting_withdrawal
from publisher.review import is_approved, may_release
from publisher.workflow import IN_FLIGHT, UNSENT, State

WEBSITE = "website"
ENDED = (CopyState.WITHDRAWN, CopyState.GONE)
MAY_BE_LIVE = (CopyState.EXPECTED, CopyState.LIVE)


def plan(
    session: Session,
    actor: Actor,
    article_id: int,
    due_at: datetime,
    now: datetime,
    *,
    window_s: int = 3600,
    late_policy: str = "hold",
    account_ids: Sequence[int] | None = None,
    website_first_s: float = 600,
) -> list[Delivery]:
    """Release the head revision: one row per account, `correct` where a copy is, or may be, live already.

    Other channels wait up to `website_first_s` after `due_at` for the website's copy. Older unsent rows become
    superseded. CheckFailed names accounts that cannot take it; NotPermitted, TransitionNotAllowed.
    """
    article = session.get_one(Article, article_id, with_for_update={"key_share": True}, populate_existing=True)
    revision_id = _releasable(session, actor, article)
    chosen = _payloads(session, revision_id, account_ids)
    copies = {account.id: _newest_copy(session, article.id, account.id) for account, _payload in chosen}
    _check(article, chosen, copies, session)
    ensure_scopes(session, [account.id for account, _payload in chosen])
    release = Release(
        article_id=article.id, revision_id=revision_id, operation=Operation.PUBLISH.value, person_id=actor.person_id,
        due_at=due_at, created_at=now,
    )  # fmt: skip
    session.add(release)
    session.flush()
    with_site = any(account.kind == WEBSITE for account, _payload in chosen)
    rows = []
    for account, payload in chosen:
        row = Delivery(
            article_id=article.id, account_id=account.id, revision_id=revision_id, payload_id=payload.id,
            release_id=release.id, state=State.PLANNED.value, due_at=due_at, window_s=window_s,
            late_policy=LatePolicy(late_policy).value, created_at=now, step_at=now,
        )  # fmt: skip
        if row.late_policy == LatePolicy.HOLD:
            row.window_ends_at = due_at + timedelta(seconds=window_s)
        _place(session, article, row, copies[account.id], now)
        if with_site and account.kind != WEBSITE and row.operation == Operation.PUBLISH:
            row.waits_for, row.waits_until = WEBSITE, due_at + timedelta(seconds=website_first_s)
        rows.append(row)
    article.state, article.updated_at = ArticleState.RELEASED.value, now
    session.flush()
    record(
        session, actor, "delivery.plan", "article", article.id, revision_id=revision_id,
        due_at=due_at.isoformat(), rows={row.account_id: [row.id, row.operation] for row in rows},
    )  # fmt: skip
    return rows


def withdraw(
    session: Session,
    actor: Actor,
    article_id: int,
    reason: str,
    now: datetime,
    account_ids: Sequence[int] | None = None,
) -> list[Delivery]:
    """Take the article back: unsent rows are cancelled, live copies withdrawn, rows in flight resolved first."""
    actor.need(Role.PUBLISHER)
    if not reason.strip():
        raise CheckFailed([Problem("reason", "请填写撤回理由。", code="reason_missing")])
    article = session.get_one(Article, article_id, with_for_update={"key_share": True}, populate_existing=True)
    query = (
        select(Copy)
        .where(Copy.article_id == article.id, Copy.state.in_([*MAY_BE_LIVE, CopyState.NEVER]))
        .order_by(Copy.id)
        .with_for_update(key_share=True)  # before their rows: an answer that is being written now is waited for
        .execution_options(populate_existing=True)
    )
    copies = [
        copy
        for copy in session.scalars(query).all()
        if copy.state in MAY_BE_LIVE and (account_ids is None or copy.account_id in account_ids)
    ]
    release = Release(
        article_id=article.id, operation=Operation.WITHDRAW.value, person_id=actor.person_id, reason=reason,
        due_at=now, created_at=now,
    )  # fmt: skip
    session.add(release)
    session.flush()
    planned = [row for copy in copies if (row := take_back(session, copy, now, reason, release.id))]
    _cancel_replies(session, article, copies, now, reason)
    if account_ids is None and article.kind == ArticleKind.ARTICLE:
        article.state, article.updated_at = ArticleState.WITHDRAWN.value, now
    record(
        session, actor, "delivery.withdraw", "article", article.id, reason=reason,
        accounts=[copy.account_id for copy in copies],
    )  # fmt: skip
    return planned


def _cancel_replies(session: Session, article: Article, copies: Sequence[Copy], now: datetime, reason: str) -> None:
    """Answers to comments under these copies, or the answer `article` itself: what was not sent is not sent.

    A claimed one is waited for, should its call be beginning; the gate stops it afterwards.
    """
    open_states = [state.value for state in UNSENT | {State.INTENDED}]
    under = Article.answers["copy_id"].as_integer().in_([copy.id for copy in copies])
    query = (
        select(Delivery)
        .join(Article, Article.id == Delivery.article_id)
        .where(Delivery.operation == Operation.REPLY.value, Delivery.state.in_(open_states))
        .where((Article.id == article.id) | ((Article.kind == ArticleKind.REPLY.value) & under))
        .order_by(Delivery.id)
        .with_for_update(of=Delivery, key_share=True)
        .execution_options(populate_existing=True)
    )
    for row in session.scalars(query).all():
        if row.state in UNSENT:
            move(row, State.CANCELLED, now, f"稿件已撤回，不再回复：{reason}")


def take_back(session: Session, copy: Copy, now: datetime, reason: str, release_id: int | None) -> Delivery | None:
    """Cancel what was not sent of one copy and plan its withdrawal if anything is, or may be, live."""
    unsent = rows_of(session, copy.id, UNSENT, Operation.PUBLISH.value, Operation.CORRECT.value)
    for row in unsent:
        move(row, State.CANCELLED, now, f"已撤回：{reason}")
    in_flight = rows_of(session, copy.id, IN_FLIGHT, Operation.PUBLISH.value, Operation.CORRECT.value)
    own = channel_class(copy.account.kind).reconcile in (Reconcile.OWN, Reconcile.KEY)
    if copy.state == CopyState.LIVE or in_flight or (own and copy.published_at is not None):
        return add_withdrawal(session, copy, now, reason, release_id=release_id)
    end_copy(session, copy, CopyState.NEVER, now)
    return None


def publish_again(session: Session, actor: Actor, copy_id: int, reason: str, now: datetime) -> Delivery:
    """A new round on the same account, once the earlier copy is confirmed withdrawn or was certainly never live."""
    if not reason.strip():
        raise CheckFailed([Problem("reason", "请填写再次发布的理由。", code="reason_missing")])
    article = session.get_one(Article, session.get_one(Copy, copy_id).article_id, with_for_update={"key_share": True})
    old = session.get_one(Copy, copy_id, with_for_update={"key_share": True}, populate_existing=True)
    revision_id = _releasable(session, actor, article)
    newest = _newest_copy(session, article.id, old.account_id)
    if newest is None or newest.id != old.id or old.state not in (*ENDED, CopyState.NEVER):
        raise TransitionNotAllowed("只有确认已撤回、已消失或从未发出的稿件才能再次发布。")
    if rows_of(session, old.id, UNSENT | IN_FLIGHT):
        raise TransitionNotAllowed("这个账号上还有未完成的分发，请等它结束。")
    [(account, payload)] = _payloads(session, revision_id, [old.account_id])
    ensure_scopes(session, [account.id])
    release = Release(
        article_id=article.id, revision_id=revision_id, operation=Operation.PUBLISH.value, person_id=actor.person_id,
        reason=reason, due_at=now, created_at=now,
    )  # fmt: skip
    session.add(release)
    session.flush()
    row = Delivery(
        article_id=article.id, account_id=account.id, revision_id=revision_id, payload_id=payload.id,
        release_id=release.id, state=State.PLANNED.value, due_at=now, created_at=now, step_at=now, reason=reason,
        window_ends_at=now + timedelta(seconds=3600),
    )  # fmt: skip
    _new_round(session, row, old.round + 1)
    article.state, article.updated_at = ArticleState.RELEASED.value, now
    record(
        session, actor, "delivery.publish_again", "copy", copy_id, reason=reason, delivery_id=row.id, round=row.round
    )
    return row


def _releasable(session: Session, actor: Actor, article: Article) -> int:
    """The approved head revision, if this person may release it."""
    revision_id = article.head_id or 0
    if not revision_id or not is_approved(session, revision_id):
        raise TransitionNotAllowed("稿件还没有通过全部审核，不能发布。")
    if not may_release(session, actor, revision_id):
        raise NotPermitted("您不能发布这篇稿件：需要发布人角色，且不能是作者或前两审的审核人。")
    return revision_id


def _payloads(session: Session, revision_id: int, account_ids: Sequence[int] | None) -> list[tuple[Account, Payload]]:
    query = (
        select(Account, Payload)
        .join(Payload, Payload.account_id == Account.id)
        .where(Payload.revision_id == revision_id)
        .order_by(Account.id)
    )
    found = [(account, payload) for account, payload in session.execute(query)]
    chosen = [pair for pair in found if account_ids is None or pair[0].id in account_ids]
    if not chosen or (account_ids is not None and len(chosen) < len(set(account_ids))):
        raise CheckFailed([Problem("accounts", "所选账号没有审定的内容，请重新送审。", code="payload_missing")])
    return chosen


def _newest_copy(session: Session, article_id: int, account_id: int) -> Copy | None:
    query = select(Copy).where(Copy.article_id == article_id, Copy.account_id == account_id)
    query = query.order_by(Copy.round.desc()).limit(1).with_for_update(key_share=True)
    return session.scalar(query.execution_options(populate_existing=True))


def _check(
    article: Article, chosen: list[tuple[Account, Payload]], copies: dict[int, Copy | None], session: Session
) -> None:
    """Every account that cannot take this revision, with the way out."""
    problems = []
    for account, _payload in chosen:
        copy, name = copies[account.id], f"“{account.name}”"
        if not account.enabled:
            problems.append(Problem("accounts", f"账号{name}已停用，请启用或不选。", channel=account.name))
        elif copy is None or article.kind == ArticleKind.REPLY:
            continue
        elif copy.state in ENDED:
            text = f"{name}上的稿件已撤回或消失；如需再发，请用“再次发布”。"
            problems.append(Problem("accounts", text, channel=account.name))
        elif waiting_withdrawal(session, copy.id):
            problems.append(Problem("accounts", f"{name}上的撤回还没有完成，请稍候。", channel=account.name))
        elif _may_be_live(session, copy) and not channel_class(account.kind).can_correct:
            text = f"{name}不能修改已发内容；请先撤回，再用“再次发布”，或不选这个账号。"
            problems.append(Problem("accounts", text, channel=account.name))
    if problems:
        raise CheckFailed(problems)


def _may_be_live(session: Session, copy: Copy) -> bool:
    return copy.state == CopyState.LIVE or bool(rows_of(session, copy.id, IN_FLIGHT))


def _place(session: Session, article: Article, row: Delivery, copy: Copy | None, now: datetime) -> None:
    """Operation, copy, round and attempt of a new row; older unsent rows of the copy are superseded."""
    if article.kind == ArticleKind.REPLY:
        row.operation, row.answers_key = Operation.REPLY.value, str(article.answers["key"])
        row.attempt = _next_attempt(session, row)
        session.add(row)
        session.flush()
        return
    if copy is None or copy.state == CopyState.NEVER:
        _new_round(session, row, copy.round + 1 if copy else 1)
        return
    older = rows_of(session, copy.id, UNSENT, Operation.PUBLISH.value, Operation.CORRECT.value)
    correct = _may_be_live(session, copy)
    for old in older:
        if old.state == State.HELD:
            move(old, State.PLANNED, now)
        move(old, State.SUPERSEDED, now, "已由新版本代替")
    session.flush()
    row.operation = Operation.CORRECT.value if correct else Operation.PUBLISH.value
    row.copy_id, row.round = copy.id, copy.round
    row.attempt = _next_attempt(session, row)
    session.add(row)
    session.flush()


def _new_round(session: Session, row: Delivery, number: int) -> None:
    copy = Copy(article_id=row.article_id, account_id=row.account_id, round=number, created_at=row.created_at)
    session.add(copy)
    session.flush()
    row.operation, row.copy_id, row.round = Operation.PUBLISH.value, copy.id, number
    session.add(row)
    session.flush()


def _next_attempt(session: Session, row: Delivery) -> int:
    query = select(func.max(Delivery.attempt)).where(
        Delivery.operation == row.operation, Delivery.account_id == row.account_id
    )
    same = (
        Delivery.answers_key == row.answers_key if row.operation == Operation.REPLY else Delivery.copy_id == row.copy_id
    )
    return (session.scalar(query.where(same)) or 0) + 1
