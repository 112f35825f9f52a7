"""Writing the ledger's rows: a move through the state table, an observation, an event of a copy. Decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import Copy, CopyEvent, Delivery, Observation, Step
from core.models.words import CopyEventKind, CopyState, DeliveryState, Operation
from core.ports import Effect
from publisher.workflow import ENDED, IN_FLIGHT, UNSENT, State, check_move

POSSIBLE = ("", Effect.UNKNOWN.value, Effect.DONE.value)  # effects of once-steps that were, or may have been, done
REST_AT_ONCE = 200
ABSENT = "absent"  # effect of a once-step that was looked for and is not there


def move(delivery: Delivery, end: str, now: datetime, reason: str = "") -> None:
    """One step of the state table; `reason` is Chinese. TransitionNotAllowed otherwise."""
    check_move(delivery.state, end)
    delivery.state = State(end).value
    delivery.step_at = now
    if reason:
        delivery.reason = reason
    delivery.ended_at = now if State(end) in ENDED else None
    if State(end) not in IN_FLIGHT:
        delivery.worker_id, delivery.look_at = None, None


def put_back(
    delivery: Delivery, now: datetime, *, retry_at: datetime | None = None, held: str = "", cancelled: str = ""
) -> None:
    """In flight to planned (certainly not live), and on from there to held or cancelled if a reason is given."""
    move(delivery, State.PLANNED, now)
    delivery.retry_at, delivery.absent_at, delivery.asked_at, delivery.looks = retry_at, None, None, 0
    delivery.once_step, delivery.once_deadline_at = "", None
    if cancelled:
        move(delivery, State.CANCELLED, now, cancelled)
    elif held:
        move(delivery, State.HELD, now, held)


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


def close_steps(session: Session, delivery: Delivery, effect: str, now: datetime) -> None:
    """Give the open or uncertain once-steps of a row their final effect."""
    steps = session.scalars(
        select(Step).where(
            Step.delivery_id == delivery.id, Step.once.is_(True), Step.effect.in_(["", Effect.UNKNOWN.value])
        )
    )
    for step in steps:
        step.effect, step.result_at = effect, step.result_at or now


def calls_made(session: Session, delivery_id: int) -> int:
    """Once-only calls that reached the platform or may have; absent ones count, since a late accept may yet come."""
    count = select(func.count()).where(
        Step.delivery_id == delivery_id, Step.once.is_(True), Step.effect.in_((*POSSIBLE, ABSENT))
    )
    return session.scalar(count) or 0


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
    return list(session.scalars(query.order_by(Delivery.id).with_for_update()))


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
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    for place, row in enumerate(rows):
        row.retry_at = max(row.retry_at or until, until + gap * place)


def end_copy(session: Session, copy: Copy, state: CopyState, now: datetime) -> None:
    """The copy is not, or never was, live any more."""
    copy.state, copy.ended_at = state.value, now
