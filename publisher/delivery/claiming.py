"""Which rows may go out now, and the claim itself. Due rows that may not are held for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.claims import Claimed, Holder, claim
from core.db import Database
from core.models import Account, Copy, Delivery, Token
from core.models.base import Instant
from core.models.words import CopyState, Operation
from publisher.channels import channel_class, channels
from publisher.delivery.gates import ALL, frozen_scopes, scope_of
from publisher.delivery.rows import hold
from publisher.workflow import IN_FLIGHT, State

FLYING = [state.value for state in IN_FLIGHT]
HOLD_AT_ONCE = 500


def due_rows(now: Any) -> list[ColumnElement[bool]]:
    """Conditions of a row that may be claimed: due, lane free, account usable, its turn after the website.

    A withdrawal is tried whatever state the account is in, so that it goes on alarming until it is done.
    """
    other = aliased(Delivery)
    # A withdrawal waits for what is in flight, and for another one due before it (two rounds may be live): what is
    # merely planned for later must not keep a copy live.
    ripe = and_(other.due_at <= now, func.coalesce(other.retry_at, now) <= now)
    sooner = or_(
        Delivery.operation != Operation.WITHDRAW.value, and_(other.operation == Operation.WITHDRAW.value, ripe)
    )
    queued = and_(other.state == State.PLANNED.value, other.id < Delivery.id, sooner)
    ahead = or_(other.state.in_(FLYING), queued)
    taken = (other.id != Delivery.id, ahead, other.account_id == Delivery.account_id)
    reply, other_reply = Delivery.operation == Operation.REPLY.value, other.operation == Operation.REPLY.value
    usable = (Account.id == Delivery.account_id, Account.enabled.is_(True), Account.paused_reason == "")
    open_account = exists().where(*usable)
    flagged = exists().where(Token.account_id == Delivery.account_id, Token.flagged.is_(True))
    return [
        Delivery.state == State.PLANNED.value,
        Delivery.due_at <= now,
        or_(Delivery.retry_at.is_(None), Delivery.retry_at <= now),
        ~exists().where(~reply, ~other_reply, other.article_id == Delivery.article_id, *taken),
        ~exists().where(reply, other_reply, other.answers_key == Delivery.answers_key, *taken),
        or_(Delivery.operation == Operation.WITHDRAW.value, and_(open_account, ~flagged)),
        _its_turn(now),
    ]


def claim_due(db: Database, holder: Holder, now: datetime, limit: int) -> list[Claimed]:
    """Hold what must be held, then claim up to `limit` due rows for `holder`."""
    if limit < 1 or not _anything_due(db, now):
        return []
    try:
        with db.write() as session:
            frozen = frozen_scopes(session)
            _hold(session, frozen, now)
            return _claim(session, holder, now, limit, _not_frozen(frozen))
    except IntegrityError:  # PostgreSQL: another worker took the same lane in the same instant
        return []


def hold_due(session: Session, since: datetime, until: datetime, reason: str, now: datetime) -> int:
    """Hold every planned row that became due in (since, until]: the clock jumped, a person decides."""
    rows = session.scalars(
        select(Delivery)
        .where(
            Delivery.state == State.PLANNED.value,
            Delivery.operation != Operation.WITHDRAW.value,
            Delivery.due_at > since,
            Delivery.due_at <= until,
        )
        .order_by(Delivery.id)
        .with_for_update(key_share=True)
    ).all()
    hold(rows, reason, now)
    return len(rows)


def _anything_due(db: Database, now: datetime) -> bool:
    """A cheap look without a write lock; rows to be held count."""
    with db.read() as session:
        return session.scalar(CLAIMABLE, {"now": now}) is not None or session.scalar(OVERDUE, {"now": now}) is not None


def _overdue(now: Any) -> Select[int]:
    return select(Delivery.id).where(
        Delivery.state == State.PLANNED.value,
        Delivery.operation != Operation.WITHDRAW.value,
        Delivery.window_ends_at < now,
    )


def _hold(session: Session, frozen: set[str], now: datetime) -> None:
    """Missed windows and frozen accounts: the due rows go to held."""
    late = Delivery.window_ends_at < now
    stopped = and_(Delivery.due_at <= now, ~_not_frozen(frozen)) if frozen else None
    query = select(Delivery).where(
        Delivery.state == State.PLANNED.value,
        Delivery.operation != Operation.WITHDRAW.value,
        or_(late, stopped) if stopped is not None else late,
    )
    rows = session.scalars(query.limit(HOLD_AT_ONCE).with_for_update(skip_locked=True, key_share=True)).all()
    missed = [row for row in rows if row.window_ends_at is not None and row.window_ends_at < now]
    hold(missed, "已过发布时限，请决定是否仍要发出", now)
    hold([row for row in rows if row not in missed], "发布已冻结，解冻后请决定是否发出", now)
    session.flush()


def _claim(session: Session, holder: Holder, now: datetime, limit: int, allowed: ColumnElement[bool]) -> list[Claimed]:
    values = {"state": State.INTENDED.value, "intended_at": now, "step_at": now}
    where = [*due_rows(now), allowed]
    windows = {kind: size for kind in channels().kinds() if (size := channel_class(kind).list_window)}
    # Only new posts push others out of a list; withdrawals and replies never wait for its window.
    posts = Delivery.operation.in_((Operation.PUBLISH.value, Operation.CORRECT.value))
    plain = or_(~exists().where(Account.id == Delivery.account_id, Account.kind.in_(windows)), ~posts)
    rows = claim(
        session, holder, Delivery, [*where, plain], values,
        order_by=[Delivery.due_at], limit=limit,
    )  # fmt: skip
    for kind, size in windows.items():
        rows += _claim_in_window(session, holder, [*where, _kind_is(kind), posts], values, size, limit - len(rows))
    return rows


def _claim_in_window(
    session: Session,
    holder: Holder,
    where: Sequence[ColumnElement[bool]],
    values: dict[str, object],
    size: int,
    limit: int,
) -> list[Claimed]:
    """Where the platform lists only our newest posts, so few are sent that the oldest undecided one stays listed."""
    rows: list[Claimed] = []
    if limit < 1:
        return rows
    account_ids = session.scalars(select(Delivery.account_id).where(*where).distinct()).all()
    for account_id in account_ids:
        locked = select(Account.id).where(Account.id == account_id).with_for_update(skip_locked=True)
        if session.scalar(locked) is None:
            continue
        free = min(limit - len(rows), size - _since_oldest_open(session, account_id))
        if free > 0:
            mine = [*where, Delivery.account_id == account_id]
            rows += claim(session, holder, Delivery, mine, values, order_by=[Delivery.due_at], limit=free)
    return rows


def _since_oldest_open(session: Session, account_id: int) -> int:
    """Posts begun or ended on the account since its oldest undecided one began, itself among them.

    One that was begun earlier and ended later may stand above it in the list as well. Undecided posts that a person was
    asked about are not waited for.
    """
    public = Delivery.operation == Operation.PUBLISH.value
    oldest = session.scalar(
        select(func.min(Delivery.intended_at)).where(
            Delivery.account_id == account_id, public, Delivery.state.in_(FLYING), Delivery.asked_at.is_(None)
        )
    )
    if oldest is None:
        return 0
    later = or_(Delivery.intended_at >= oldest, Delivery.ended_at >= oldest)
    query = select(func.count(Delivery.id)).where(Delivery.account_id == account_id, public, later)
    return session.scalar(query) or 0


def _kind_is(kind: str) -> ColumnElement[bool]:
    return exists().where(Account.id == Delivery.account_id, Account.kind == kind)


def _its_turn(now: Any) -> ColumnElement[bool]:
    first = and_(
        Copy.article_id == Delivery.article_id,
        Copy.state == CopyState.LIVE.value,
        Copy.account_id == Account.id,
        Account.kind == Delivery.waits_for,
    )
    return or_(Delivery.waits_for == "", Delivery.waits_until <= now, exists().where(first))


def _not_frozen(frozen: set[str]) -> ColumnElement[bool]:
    """True for rows that may move: withdrawals always, others unless their scope is frozen."""
    free = Delivery.operation == Operation.WITHDRAW.value
    if ALL in frozen:
        return free
    ids = [int(scope.partition(":")[2]) for scope in frozen if scope.startswith(scope_of(0)[:-1])]
    return or_(free, Delivery.account_id.not_in(ids))


# Asked several times a second, so built once.
NOW: BindParameter[datetime] = bindparam("now", type_=Instant())
CLAIMABLE = select(Delivery.id).where(*due_rows(NOW)).limit(1)
OVERDUE = _overdue(NOW).limit(1)
