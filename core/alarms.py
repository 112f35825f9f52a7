"""Alarms from any room: one open row a dedup key. Only stores; `monitors.alerts` alone sends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import Alarm
from core.models.base import Instant
from core.models.words import AlarmLevel

ORDER = [level.value for level in AlarmLevel]
OPEN = text("cleared_at IS NULL")
CLEAR = (  # part of every delivery's outcome, so built once
    update(Alarm)
    .where(Alarm.dedup_key.in_(bindparam("keys", expanding=True)), Alarm.cleared_at.is_(None))
    .values(cleared_at=bindparam("now", type_=Instant()), cleared_by=bindparam("by"))
    .returning(Alarm.id)
    .execution_options(synchronize_session=False)
)


def raise_(session: Session, dedup_key: str, level: str, room: str, text: str, now: datetime, **detail: Any) -> Alarm:
    """Open the alarm, or count it again if it is open. `text` is Chinese.

    A louder level is taken over and the alarm is sent anew; a quieter one changes nothing but the count.
    """
    level = AlarmLevel(level).value
    insert = insert_for(session, Alarm).values(
        dedup_key=dedup_key, level=level, room=room, text=text, detail=detail, raised_at=now, last_at=now
    )
    again = {"times": Alarm.times + 1, "last_at": now, "text": text, "detail": detail}
    alarm_id = session.execute(
        insert.on_conflict_do_update(index_elements=["dedup_key"], index_where=OPEN, set_=again).returning(Alarm.id)
    ).scalar_one()
    alarm = session.get_one(Alarm, alarm_id, populate_existing=True)
    if ORDER.index(level) > ORDER.index(alarm.level):
        alarm.level, alarm.sent_at = level, None
    return alarm


def clear(session: Session, dedup_key: str, by: str, now: datetime) -> bool:
    """Close the open alarm of that key; False when there is none."""
    return clear_all(session, [dedup_key], by, now) > 0


def clear_all(session: Session, dedup_keys: Sequence[str], by: str, now: datetime) -> int:
    """Close the open alarms of these keys; how many there were."""
    return len(session.connection().execute(CLEAR, {"keys": dedup_keys, "now": now, "by": by}).all())


def standing(session: Session) -> list[Alarm]:
    """Every open alarm, loudest and then newest first."""
    rows = session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.last_at.desc()))
    return sorted(rows, key=lambda alarm: -ORDER.index(alarm.level))


def purge(session: Session, before: datetime) -> int:
    """Delete alarms that were cleared before that instant; open ones stay whatever their age."""
    return len(session.execute(delete(Alarm).where(Alarm.cleared_at < before).returning(Alarm.id)).all())
