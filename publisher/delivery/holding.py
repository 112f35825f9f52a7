"""Rows that are held until a person decides: each hold raises one alarm, which ends when its last row is let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core import alarms
from core.house import House
from core.models import Alarm, Delivery
from core.models.words import AlarmLevel, DeliveryState

ROOM = "publisher"
NAMED = 500  # rows named in one alarm
PREFIX = "held:"


def raise_hold(session: Session, rows: Sequence[Delivery], now: datetime) -> None:
    """The alarm of rows that have just been held together; their reasons stand in the rows."""
    first = rows[0]
    if len(rows) == 1:
        text = f"《{first.article.title}》在“{first.account.name}”已暂缓，等待人工决定：{first.reason}"
    else:
        text = f"{len(rows)} 条分发已暂缓，等待人工决定：{first.reason}"
    ids = [row.id for row in rows[:NAMED]]
    alarms.raise_(session, f"{PREFIX}{first.id}", AlarmLevel.WARNING, ROOM, text, now, ids=ids)


def end_empty_holds(house: House) -> int:
    """Close alarms none of whose rows is held any more: two people may let go of the last two at once."""
    now, cleared = house.clock.now(), 0
    query = select(Alarm).where(Alarm.dedup_key.startswith(PREFIX), Alarm.cleared_at.is_(None))
    with house.db.read() as session:
        empty = [alarm.dedup_key for alarm in session.scalars(query) if not _any_held(session, _ids(alarm))]
    if empty:
        with house.db.write() as session:
            for alarm in session.scalars(query.where(Alarm.dedup_key.in_(empty)).order_by(Alarm.id)).all():
                if not _any_held(session, _ids(alarm)):
                    cleared += alarms.clear(session, alarm.dedup_key, "ledger", now)
    return cleared


def _ids(alarm: Alarm) -> list[int]:
    return list(alarm.detail.get("ids", []))


def _any_held(session: Session, row_ids: Sequence[int]) -> bool:
    held = exists().where(Delivery.id.in_(row_ids), Delivery.state == DeliveryState.HELD.value)
    return bool(session.scalar(select(held)))


def end_hold(session: Session, delivery_id: int, now: datetime) -> None:
    """The row is held no longer: close the alarms of which it was the last."""
    query = select(Alarm).where(Alarm.dedup_key.startswith(PREFIX), Alarm.cleared_at.is_(None))
    for alarm in session.scalars(query).all():
        others = [row_id for row_id in _ids(alarm) if row_id != delivery_id]
        if len(others) < len(_ids(alarm)) and not _any_held(session, others):
            alarms.clear(session, alarm.dedup_key, "ledger", now)
