"""Telling people: rows nobody can decide, withdrawals that are not done. Changes no state."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from core import alarms
from core.house import House
from core.models import Account, Alarm, Delivery
from core.models.words import AlarmLevel, Operation
from publisher.channels import channel_class
from publisher.delivery.copies import ROOM
from publisher.delivery.outcomes import ask_key, stuck_key
from publisher.delivery.pace import Pace
from publisher.delivery.schedule import VERIFY_S
from publisher.workflow import IN_FLIGHT, UNSENT, State

LATE = "late:"
AGREEMENT = 0.7  # times the settle time, counted from the first look-up that said absent
QUESTIONS = {
    True: "是否已经撤下无法断定，请到平台核对后判定",
    False: "是否发出无法断定，请核对后判定",
}


def ask_people(house: House, pace: Pace) -> int:
    """Ask about rows that stay undecided for `ask_s`, or for which no look-up is left. Number of rows asked about."""
    now = house.clock.now()
    where = _undecided(now - timedelta(seconds=pace.ask_s))
    with house.db.read() as session:
        if not any(_is_time(row, now, pace) for row in session.scalars(select(Delivery).where(*where))):
            return 0
    with house.db.write() as session:
        rows = session.scalars(select(Delivery).where(*where).with_for_update(skip_locked=True, key_share=True)).all()
        rows = [row for row in rows if _is_time(row, now, pace)]
        for row in rows:
            row.asked_at = now
            question = QUESTIONS[row.operation == Operation.WITHDRAW]
            text = f"《{row.article.title}》在“{row.account.name}”{question}"
            alarms.raise_(session, ask_key(row.id), AlarmLevel.CRITICAL, ROOM, text, now, delivery_id=row.id)
        return len(rows)


def alarm_stuck_withdrawals(house: House, pace: Pace) -> int:
    """One alarm a withdrawal that is not done `alarm_s` after it was due, whatever it waits for."""
    now = house.clock.now()
    with house.db.read() as session:
        late = _stuck(session, now - timedelta(seconds=pace.alarm_s))
    if not late:
        return 0
    with house.db.write() as session:
        for row in session.scalars(
            select(Delivery).where(Delivery.id.in_(late)).with_for_update(skip_locked=True, key_share=True)
        ):
            why = f"：{row.error_text}" if row.error_text else ""
            text = f"《{row.article.title}》在“{row.account.name}”的撤回还没有完成{why}"
            alarms.raise_(session, stuck_key(row.id), AlarmLevel.CRITICAL, ROOM, text, now, delivery_id=row.id)
    return len(late)


def alarm_late_accounts(house: House, pace: Pace) -> int:
    """One alarm an account whose rows do not go out `alarm_s` after they were due, however often they were tried.

    It ends when none is late any more. Withdrawals have their own alarm. Gives the number of late accounts.
    """
    now = house.clock.now()
    with house.db.read() as session:
        late = {row.id: row for row in session.execute(_late(now - timedelta(seconds=pace.alarm_s)))}
        told = select(Alarm.dedup_key).where(Alarm.dedup_key.startswith(LATE), Alarm.cleared_at.is_(None))
        known = set(session.scalars(told))
    keys = {f"{LATE}{account_id}": account_id for account_id in late}
    if keys.keys() == known:
        return len(late)
    with house.db.write() as session:
        for key in sorted(keys.keys() - known):
            row = late[keys[key]]
            text = f"账号“{row.name}”有 {row.number} 条到时仍未发出，请查看原因"
            alarms.raise_(session, key, AlarmLevel.CRITICAL, ROOM, text, now, account_id=row.id)
        for key in sorted(known - keys.keys()):
            alarms.clear(session, key, "ledger", now)
    return len(late)


def _late(since: datetime) -> Select[int, str, int]:
    """Accounts with rows whose turn came before `since`, and how many."""
    due = func.coalesce(Delivery.waits_until, Delivery.due_at)
    return (
        select(Account.id, Account.name, func.count(Delivery.id).label("number"))
        .join(Delivery, Delivery.account_id == Account.id)
        .where(
            Delivery.state == State.PLANNED.value, Delivery.operation != Operation.WITHDRAW.value, due <= since
        )
        .group_by(Account.id, Account.name)
    )  # fmt: skip


def _stuck(session: Session, since: datetime) -> list[int]:
    """Open withdrawals due before `since` about which no alarm stands."""
    told = select(Alarm.dedup_key).where(Alarm.cleared_at.is_(None))
    rows = session.scalars(
        select(Delivery).where(
            Delivery.operation == Operation.WITHDRAW.value, Delivery.due_at <= since,
            Delivery.state.in_([state.value for state in UNSENT | IN_FLIGHT]),
        )
    ).all()  # fmt: skip
    keys = {stuck_key(row.id): row.id for row in rows}
    known = set(session.scalars(told.where(Alarm.dedup_key.in_(keys)))) if keys else set()
    return [row_id for key, row_id in keys.items() if key not in known]


def _undecided(late: datetime) -> list[ColumnElement[bool]]:
    withdrawal = Delivery.operation == Operation.WITHDRAW.value
    exhausted = (Delivery.state == State.UNKNOWN.value) & Delivery.look_at.is_(None)
    unread = withdrawal & or_(Delivery.looks > len(VERIFY_S), Delivery.intended_at < late)
    return [
        Delivery.state.in_([State.SENT.value, State.UNKNOWN.value]),
        Delivery.asked_at.is_(None),
        or_(Delivery.once_deadline_at < late, exhausted, unread),
    ]


def _is_time(row: Delivery, now: datetime, pace: Pace) -> bool:
    """Never before the channel had its settle time and a look-up after it, unless no look-up is left."""
    if row.operation == Operation.WITHDRAW or (row.state == State.UNKNOWN and row.look_at is None):
        return True
    settle = pace.settle(channel_class(row.account.kind).settle_s)
    settled_at = (row.once_deadline_at or now) + settle
    if row.absent_at and now < row.absent_at + settle * AGREEMENT:
        return False
    return now >= settled_at + settle / 2 or (row.looked_at is not None and row.looked_at >= settled_at)
