"""Writing the ledger's rows: locks in the one order, moves through the state table, observations, events of a copy.

Locks are taken in the order article, copy, delivery (by number), freeze, account: whoever needs several never waits
for somebody who waits for him. They leave keys alone (`key_share`): PostgreSQL looks at an article's and a copy's key
whenever a row is added under it, whatever the writer holds by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload, object_session
from sqlalchemy.orm.attributes import set_committed_value

from core.db import insert_for
from core.errors import LostClaim
from core.models import Copy, CopyEvent, Delivery, Observation, Step
from core.models.base import Instant
from core.models.words import CopyEventKind, CopyState, DeliveryState, Operation
from core.ports import Effect
from publisher.delivery.holding import end_hold, raise_hold
from publisher.workflow import ENDED, IN_FLIGHT, UNSENT, State, check_move

POSSIBLE = ("", Effect.UNKNOWN.value, Effect.DONE.value)  # effects of once-steps that were, or may have been, done
REST_AT_ONCE = 200
ABSENT = "absent"  # effect of a once-step that was looked for and is not there
# Statements of every outcome, built once: building them costs more than running them.
LOCK_COPY = (
    select(Copy)
    .join(Delivery, Delivery.copy_id == Copy.id)
    .where(Delivery.id == bindparam("row_id"))
    .with_for_update(of=Copy, key_share=True)
    .execution_options(populate_existing=True)
)
LOCK_ROW = (
    select(Delivery)
    .where(Delivery.id == bindparam("row_id"))
    .options(joinedload(Delivery.account, innerjoin=True), joinedload(Delivery.article, innerjoin=True))
    .with_for_update(of=Delivery, key_share=True)
    .execution_options(populate_existing=True)
)
LOCK_MINE = LOCK_ROW.where(Delivery.fence == bindparam("mine"))
CLOSE_STEPS = (
    update(Step)
    .where(
        Step.delivery_id.in_(bindparam("row_ids", expanding=True)), Step.once.is_(True),
        Step.effect.in_(["", Effect.UNKNOWN.value]),
    )
    .values(effect=bindparam("new_effect"), result_at=func.coalesce(Step.result_at, bindparam("now", type_=Instant())))
    .execution_options(synchronize_session=False)
)  # fmt: skip


def _calls_made() -> Select[int, int]:
    mine, other = aliased(Delivery), aliased(Delivery)
    public = Operation.PUBLISH.value
    same_copy = and_(mine.operation == public, other.operation == public, other.copy_id == mine.copy_id)
    return (
        select(mine.id, func.count(Step.id))
        .join(other, or_(other.id == mine.id, same_copy))
        .join(Step, Step.delivery_id == other.id)
        .where(
            mine.id.in_(bindparam("row_ids", expanding=True)), Step.once.is_(True),
            Step.effect.in_((*POSSIBLE, ABSENT)),
        )
        .group_by(mine.id)
    )  # fmt: skip


CALLS_MADE = _calls_made()


def lock(session: Session, delivery_id: int, fence: int | None = None) -> Delivery:
    """The row, read anew and locked, its copy locked before it; LostClaim when `fence` no longer holds it.

    Article and account come along, unlocked. Every transaction that writes a row and may touch its copy begins here.
    """
    first = session.scalar(LOCK_COPY, {"row_id": delivery_id})
    if fence is None:
        row = session.scalar(LOCK_ROW, {"row_id": delivery_id})
    else:
        row = session.scalar(LOCK_MINE, {"row_id": delivery_id, "mine": fence})
    if row is None:
        raise LostClaim(f"第 {delivery_id} 行已由其他进程接手")
    set_committed_value(row, "copy", first)
    return row


def move(delivery: Delivery, end: str, now: datetime, reason: str = "") -> None:
    """One step of the state table; `reason` is Chinese. TransitionNotAllowed otherwise."""
    start = delivery.state
    check_move(start, end)
    delivery.state = State(end).value
    delivery.step_at = now
    if reason:
        delivery.reason = reason
    delivery.ended_at = now if State(end) in ENDED else None
    if State(end) not in IN_FLIGHT:
        delivery.worker_id, delivery.look_at = None, None
    session = object_session(delivery)
    if start == State.HELD and session is not None:
        end_hold(session, delivery.id, now)


def hold(rows: Sequence[Delivery], reason: str, now: datetime) -> None:
    """Planned rows, held together until a person decides about each; one alarm for all of them."""
    for row in rows:
        move(row, State.HELD, now, reason)
    session = object_session(rows[0]) if rows else None
    if session is not None:
        session.flush()
        raise_hold(session, rows, now)


def recall(rows: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Of planned and claimed rows those whose call is not out; a claimed one is taken from its worker."""
    for row in rows:
        if row.state == State.INTENDED and not row.once_step:
            row.fence += 1
            move(row, State.PLANNED, now)
    return [row for row in rows if row.state == State.PLANNED]


def stop(session: Session, rows: Sequence[Delivery], reason: str, now: datetime) -> list[Delivery]:
    """`recall`, and hold them for a person; gives the rows held."""
    stopped = recall(rows, now)
    session.flush()
    hold(stopped, reason, now)
    return stopped


def put_back(
    delivery: Delivery, now: datetime, *, retry_at: datetime | None = None, held: str = "", cancelled: str = ""
) -> None:
    """In flight to planned (certainly not live), and on from there to held or cancelled if a reason is given.

    A correction that was planned meanwhile takes the place of a publish row that is put back.
    """
    move(delivery, State.PLANNED, now)
    delivery.retry_at, delivery.absent_at, delivery.asked_at, delivery.looks = retry_at, None, None, 0
    delivery.once_step, delivery.once_deadline_at = "", None
    if cancelled:
        move(delivery, State.CANCELLED, now, cancelled)
    elif not _gives_way(delivery, now) and held:
        hold([delivery], held, now)


def _gives_way(delivery: Delivery, now: datetime) -> bool:
    """Superseded by the newest correction that waits in the lane, which becomes the publish; False without one."""
    session = object_session(delivery)
    if session is None or delivery.operation != Operation.PUBLISH or delivery.copy_id is None:
        return False
    waiting = rows_of(session, delivery.copy_id, UNSENT, Operation.CORRECT.value)
    if not waiting:
        return False
    move(delivery, State.SUPERSEDED, now, "已由新版本代替")
    session.flush()
    newer = waiting[-1]
    newer.operation, newer.round, newer.attempt = Operation.PUBLISH.value, delivery.round, delivery.attempt + 1
    newer.waits_for, newer.waits_until, newer.memory = delivery.waits_for, delivery.waits_until, {}
    newer.retry_at = max(newer.retry_at or delivery.retry_at, delivery.retry_at) if delivery.retry_at else None
    session.flush()
    return True


def observe(
    session: Session,
    delivery: Delivery,
    source: str,
    verdict: str,
    now: datetime,
    *,
    event_key: str | None = None,
    remote_id: str = "",
    detail: dict[str, Any] | None = None,
) -> bool:
    """Append what was learned; False when this very event was known already."""
    insert = insert_for(session, Observation).values(
        delivery_id=delivery.id, source=source, verdict=verdict, event_key=event_key, remote_id=remote_id,
        detail=detail or {}, seen_at=now,
    )  # fmt: skip
    added = session.execute(insert.on_conflict_do_nothing().returning(Observation.id)).first() is not None
    if added:
        delivery.step_at = now
    return added


def note_event(session: Session, copy: Copy, kind: CopyEventKind, now: datetime, **detail: Any) -> None:
    """Write what happened to a copy."""
    session.add(CopyEvent(copy_id=copy.id, kind=kind.value, detail=detail, at=now))


def close_steps(session: Session, delivery_ids: Sequence[int], effect: str, now: datetime) -> None:
    """Give the open or uncertain once-steps of these rows their final effect."""
    values = {"row_ids": delivery_ids, "new_effect": str(effect), "now": now}
    session.connection().execute(CLOSE_STEPS, values)


def calls_made(session: Session, delivery_ids: Sequence[int]) -> dict[int, int]:
    """Once-only calls that reached the platform or may have; absent ones count, since a late accept may yet come.

    By row; rows without any are left out. A publish counts the calls of every publish of its copy: an older version's
    late accept would be a second post as well.
    """
    if not delivery_ids:
        return {}
    return dict(session.execute(CALLS_MADE, {"row_ids": delivery_ids}).all())


def possible_calls(session: Session, delivery_id: int) -> int:
    """Once-only calls of a row that were, or may have been, carried out."""
    query = select(func.count(Step.id)).where(
        Step.delivery_id == delivery_id, Step.once.is_(True), Step.effect.in_(POSSIBLE)
    )
    return session.scalar(query) or 0


def rows_of(session: Session, copy_id: int, states: frozenset[State], *operations: str) -> list[Delivery]:
    """A copy's rows in the given states, locked; all operations unless some are named."""
    query = select(Delivery).where(Delivery.copy_id == copy_id, Delivery.state.in_([state.value for state in states]))
    if operations:
        query = query.where(Delivery.operation.in_(operations))
    query = query.order_by(Delivery.id).with_for_update(key_share=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def waiting_withdrawal(session: Session, copy_id: int | None) -> Delivery | None:
    """The copy's withdrawal that is not done yet, if any."""
    if copy_id is None:
        return None
    query = select(Delivery).where(
        Delivery.copy_id == copy_id,
        Delivery.operation == Operation.WITHDRAW.value,
        Delivery.state.in_([state.value for state in UNSENT | IN_FLIGHT]),
    )
    return session.scalar(query.limit(1))


def add_withdrawal(
    session: Session, copy: Copy, now: datetime, reason: str, *, release_id: int | None = None
) -> Delivery | None:
    """Plan the withdrawal of a copy, due at once; None when one is on its way already."""
    if waiting_withdrawal(session, copy.id):
        return None
    highest = session.scalar(
        select(func.max(Delivery.attempt)).where(
            Delivery.copy_id == copy.id, Delivery.operation == Operation.WITHDRAW.value
        )
    )
    row = Delivery(
        article_id=copy.article_id, account_id=copy.account_id, copy_id=copy.id, revision_id=copy.revision_id,
        release_id=release_id, operation=Operation.WITHDRAW.value, round=copy.round, attempt=(highest or 0) + 1,
        state=DeliveryState.PLANNED.value, due_at=now, reason=reason, created_at=now, step_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def rest_account(session: Session, account_id: int, until: datetime, gap: timedelta) -> None:
    """The platform asked the account to slow down: its other due rows wait too, then try one after another."""
    rows = session.scalars(
        select(Delivery)
        .where(
            Delivery.account_id == account_id, Delivery.state == DeliveryState.PLANNED.value,
            Delivery.operation != Operation.WITHDRAW.value, Delivery.due_at <= until,
        )
        .order_by(Delivery.due_at, Delivery.id)
        .limit(REST_AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    )  # fmt: skip
    for place, row in enumerate(rows):
        row.retry_at = max(row.retry_at or until, until + gap * place)


def end_copy(session: Session, copy: Copy, state: CopyState, now: datetime) -> None:
    """The copy is not, or never was, live any more."""
    copy.state, copy.ended_at = state.value, now
