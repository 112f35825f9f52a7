"""Which rows may go out now, and the claim itself. Due rows that may not are held for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Boolean, ColumnElement, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.claims import Claimed, Holder, claim_statement, run_claim
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
Params = dict[str, Any]


def due_rows(now: Any) -> list[ColumnElement[bool]]:
    """Conditions of a row that may be claimed: due, lane free, account usable, its turn after the website.

    A withdrawal is tried whatever state the account is in, so that it goes on alarming until it is done.
    """
    other = aliased(Delivery)
    # A withdrawal waits for what is in flight, and for another one due before it (two rounds may be live): what is
    # merely planned for later must not keep a copy live. Everything else waits for it: nothing goes out beside what is
    # to be taken down.
    withdraws, other_withdraws = (each.operation == Operation.WITHDRAW.value for each in (Delivery, other))
    ripe = and_(other.due_at <= now, func.coalesce(other.retry_at, now) <= now)
    older = and_(other.id < Delivery.id, or_(~withdraws, and_(other_withdraws, ripe)))
    queued = and_(other.state == State.PLANNED.value, or_(older, and_(other_withdraws, ~withdraws)))
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
            params = {"now": now, **_frozen(frozen_scopes(session))}
            _hold(session, now, params)
            return _claim(session, holder, limit, params)
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


def _hold(session: Session, now: datetime, params: Params) -> None:
    """Missed windows and frozen accounts: the due rows go to held."""
    rows = session.scalars(TO_HOLD, params).all()
    missed = [row for row in rows if row.window_ends_at is not None and row.window_ends_at < now]
    hold(missed, "已过发布时限，请决定是否仍要发出", now)
    hold([row for row in rows if row not in missed], "发布已冻结，解冻后请决定是否发出", now)
    session.flush()


def _claim(session: Session, holder: Holder, limit: int, params: Params) -> list[Claimed]:
    """Only new posts push others out of a list; withdrawals and replies never wait for its window."""
    windows = {kind: size for kind in channels().kinds() if (size := channel_class(kind).list_window)}
    values = {"state": State.INTENDED.value, "intended_at": params["now"], "step_at": params["now"]}
    kinds = {"kinds": list(windows)}
    rows = run_claim(session, holder, CLAIM_PLAIN, values, {**params, **kinds}, limit)
    if windows and len(rows) < limit:
        chosen = _choose(session, windows, {**params, **kinds})[: limit - len(rows)]
        rows += run_claim(session, holder, CLAIM_CHOSEN, values, {**params, "chosen": chosen}, limit) if chosen else []
    return rows


def _choose(session: Session, windows: Mapping[str, int], params: Params) -> list[int]:
    """Where the platform lists only our newest posts, so few are sent that the oldest undecided one stays listed.

    Numbers of the rows that may be claimed on each account, whose row is locked meanwhile; the first due come first.
    """
    connection = session.connection()
    waiting = connection.execute(WAITING_POSTS, {**params, "most": max(windows.values())}).all()
    if not waiting:
        return []
    wanted = {"account_ids": list({row.account_id for row in waiting})}
    kinds = {row.id: row.kind for row in connection.execute(LOCK_ACCOUNTS, wanted)}
    used = {row.account_id: row.posts for row in connection.execute(SINCE_OLDEST_OPEN, wanted)}
    return [
        row.id
        for row in waiting
        if row.account_id in kinds and row.place <= windows[kinds[row.account_id]] - used.get(row.account_id, 0)
    ]


def _since_oldest_open() -> Select[Any]:
    """By account the posts begun or ended since its oldest undecided one began, itself among them.

    One that was begun earlier and ended later may stand above it in the list as well. Undecided posts that a person was
    asked about are not waited for.
    """
    public = Delivery.operation == Operation.PUBLISH.value
    account_ids: Any = bindparam("account_ids", expanding=True)
    oldest = (
        select(Delivery.account_id, func.min(Delivery.intended_at).label("at"))
        .where(
            Delivery.account_id.in_(account_ids), public, Delivery.state.in_(FLYING), Delivery.asked_at.is_(None)
        )
        .group_by(Delivery.account_id)
        .subquery()
    )  # fmt: skip
    later = or_(Delivery.intended_at >= oldest.c.at, Delivery.ended_at >= oldest.c.at)
    mine = and_(Delivery.account_id == oldest.c.account_id, public, later)
    return (
        select(oldest.c.account_id, func.count(Delivery.id).label("posts"))
        .join(Delivery, mine)
        .group_by(oldest.c.account_id)
    )


def _waiting_posts(where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The posts that are due on accounts with a window, each account's first ones, with their place on it."""
    order = (Delivery.due_at, Delivery.id)
    place = func.row_number().over(partition_by=Delivery.account_id, order_by=order).label("place")
    ranked = select(Delivery.id, Delivery.account_id, Delivery.due_at, place).where(*where, WINDOWED, POSTS).subquery()
    return select(ranked).where(ranked.c.place <= bindparam("most")).order_by(ranked.c.due_at, ranked.c.id)


def _its_turn(now: Any) -> ColumnElement[bool]:
    first = and_(
        Copy.article_id == Delivery.article_id,
        Copy.state == CopyState.LIVE.value,
        Copy.account_id == Account.id,
        Account.kind == Delivery.waits_for,
    )
    return or_(Delivery.waits_for == "", Delivery.waits_until <= now, exists().where(first))


def _frozen(scopes: set[str]) -> Params:
    """The frozen scopes as parameters of `MAY_MOVE`."""
    ids = [int(scope.partition(":")[2]) for scope in scopes if scope.startswith(scope_of(0)[:-1])]
    return {"all_open": ALL not in scopes, "frozen_ids": ids}


# Asked several times a second, so built once.
NOW: BindParameter[datetime] = bindparam("now", type_=Instant())
PLANNED = Delivery.state == State.PLANNED.value
WITHDRAWAL = Delivery.operation == Operation.WITHDRAW.value
POSTS = Delivery.operation.in_((Operation.PUBLISH.value, Operation.CORRECT.value))
WINDOWED = exists().where(Account.id == Delivery.account_id, Account.kind.in_(bindparam("kinds", expanding=True)))
MAY_MOVE = or_(  # withdrawals always, others unless their scope is frozen
    WITHDRAWAL,
    and_(
        bindparam("all_open", type_=Boolean()).is_(True),
        Delivery.account_id.not_in(bindparam("frozen_ids", expanding=True)),
    ),
)
DUE = due_rows(NOW)
CLAIMABLE = select(Delivery.id).where(*DUE).limit(1)
OVERDUE = select(Delivery.id).where(PLANNED, ~WITHDRAWAL, Delivery.window_ends_at < NOW).limit(1)
TO_HOLD = (
    select(Delivery)
    .where(PLANNED, ~WITHDRAWAL, or_(Delivery.window_ends_at < NOW, and_(Delivery.due_at <= NOW, ~MAY_MOVE)))
    .limit(HOLD_AT_ONCE)
    .with_for_update(skip_locked=True, key_share=True)
)
CHANGED = ("state", "intended_at", "step_at")
CLAIM_PLAIN = claim_statement(
    Delivery, [*DUE, MAY_MOVE, or_(~WINDOWED, ~POSTS)], CHANGED, order_by=[Delivery.due_at]
)  # fmt: skip
CLAIM_CHOSEN = claim_statement(
    Delivery, [*DUE, MAY_MOVE, Delivery.id.in_(bindparam("chosen", expanding=True))], CHANGED,
    order_by=[Delivery.due_at],
)  # fmt: skip
WAITING_POSTS = _waiting_posts([*DUE, MAY_MOVE])
SINCE_OLDEST_OPEN = _since_oldest_open()
LOCK_ACCOUNTS = (
    select(Account.id, Account.kind)
    .where(Account.id.in_(bindparam("account_ids", expanding=True)))
    .order_by(Account.id)
    .with_for_update(skip_locked=True, key_share=True)
)
