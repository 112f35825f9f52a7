"""The ledger's duty figures and its own audit. Read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, not_, select
from sqlalchemy.orm import Session

from core.config import Settings
from core.models import Copy, CopyEvent, Delivery, Step
from core.models.words import CopyEventKind, CopyState, Operation
from core.ports import Effect
from publisher.delivery.copies import doubled_copies
from publisher.delivery.pace import Pace, pace_of
from publisher.workflow import IN_FLIGHT, State

OPEN = [State.PLANNED.value, State.INTENDED.value, State.SENT.value, State.UNKNOWN.value]
LATE_S = 60.0


@dataclass(frozen=True)
class DutyFigures:
    """What the first page and /healthz show. `silent`: due, not final, and no step written for `alarm_s`."""

    silent_oldest_s: float
    silent: int
    unknown: int
    late: int
    held: int
    duplicates: int
    asked: int


def figures(session: Session, now: datetime, settings: Settings) -> DutyFigures:
    """The figures at `now`; cheap enough for every health check."""
    pace = pace_of(settings)
    turn = func.coalesce(Delivery.waits_until, Delivery.due_at)  # however often it was tried since
    last = func.min(func.coalesce(Delivery.step_at, Delivery.due_at))
    count, oldest = session.execute(select(func.count(Delivery.id), last).where(*silent_rows(now, pace))).one()
    late_since = now - pace.scaled(LATE_S)

    def number(*where: object) -> int:
        return session.scalar(select(func.count(Delivery.id)).where(*where)) or 0  # type: ignore[arg-type]

    return DutyFigures(
        silent_oldest_s=(now - oldest).total_seconds() if oldest else 0.0,
        silent=count,
        unknown=number(Delivery.state == State.UNKNOWN.value),
        late=number(Delivery.state == State.PLANNED.value, turn <= late_since),
        held=number(Delivery.state == State.HELD.value),
        duplicates=len(doubled_copies(session)),
        asked=number(*asked_rows()),
    )


def asked_rows() -> list[ColumnElement[bool]]:
    """Conditions of a row about which a person was asked and has not answered."""
    return [Delivery.asked_at.is_not(None), Delivery.state.in_([State.UNKNOWN.value, State.SENT.value])]


def silent_rows(now: datetime, pace: Pace) -> list[ColumnElement[bool]]:
    """Conditions of a silent row: due, not final, and nothing learned for `alarm_s`.

    An accepted row whose polls are answered is not silent while its next poll is still ahead: an audit takes hours.
    """
    quiet_since = now - timedelta(seconds=pace.alarm_s)
    polled = and_(Delivery.state == State.SENT.value, Delivery.look_at > quiet_since, Delivery.error_text == "")
    return [
        Delivery.state.in_(OPEN),
        func.coalesce(Delivery.retry_at, Delivery.due_at) <= quiet_since,
        func.coalesce(Delivery.step_at, Delivery.created_at) <= quiet_since,
        not_(func.coalesce(polled, false())),
    ]


@dataclass(frozen=True)
class Finding:
    """One thing the audit found wrong with the ledger's rows."""

    rule: str
    text: str
    delivery_id: int | None = None
    copy_id: int | None = None


def audit(session: Session) -> list[Finding]:
    """Check the rows against the ledger's own rules; an empty list means they agree."""
    return [*_lanes(session), *_copies(session), *_steps(session)]


def _lanes(session: Session) -> list[Finding]:
    flying = [state.value for state in IN_FLIGHT]
    rows = session.execute(
        select(Delivery.article_id, Delivery.account_id, func.count(Delivery.id))
        .where(Delivery.state.in_(flying), Delivery.operation != Operation.REPLY.value)
        .group_by(Delivery.article_id, Delivery.account_id)
        .having(func.count(Delivery.id) > 1)
    ).all()
    text = "同一稿件在同一账号上有多条进行中的分发"
    return [Finding("lane", f"{text}（稿件 {article_id}，账号 {account_id}）") for article_id, account_id, _n in rows]


def _copies(session: Session) -> list[Finding]:
    found = []
    confirmed = select(Delivery.copy_id).where(
        Delivery.state == State.CONFIRMED.value, Delivery.operation == Operation.PUBLISH.value
    )
    unproved = select(Copy.id).where(Copy.state == CopyState.LIVE.value, Copy.id.not_in(confirmed))
    late = select(CopyEvent.copy_id).where(CopyEvent.kind == CopyEventKind.LIVE.value)
    unproved = unproved.where(Copy.id.not_in(late))
    found += [Finding("live", "在线稿件没有已确认的分发记录", copy_id=each) for each in session.scalars(unproved)]
    lost = select(Delivery.id, Delivery.copy_id).join(Copy, Copy.id == Delivery.copy_id)
    ended = [CopyState.EXPECTED.value, CopyState.NEVER.value]
    query = lost.where(
        Delivery.state == State.CONFIRMED.value,
        Delivery.operation == Operation.PUBLISH.value,
        Copy.state.in_(ended),
    )
    for delivery_id, copy_id in session.execute(query):
        found.append(Finding("copy", "分发已确认而稿件状态不是在线", delivery_id, copy_id))
    twice = select(CopyEvent.copy_id).where(CopyEvent.kind == CopyEventKind.DUPLICATE.value).distinct()
    found += [Finding("duplicate", "同一稿件在平台上出现过两条", copy_id=each) for each in session.scalars(twice)]
    return found


def _steps(session: Session) -> list[Finding]:
    query = (
        select(Step.delivery_id)
        .join(Delivery, Delivery.id == Step.delivery_id)
        .where(Step.once.is_(True), Step.effect.in_(["", Effect.UNKNOWN.value]))
        .where(Delivery.state.in_([State.PLANNED.value, State.CONFIRMED.value, State.CANCELLED.value]))
        .distinct()
    )
    return [Finding("step", "有一次性调用没有结论", delivery_id=row_id) for row_id in session.scalars(query)]
