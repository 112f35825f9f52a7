"""Sends the messages of alerts and critical alarms, one claim at a time.

A worker that dies before sending leaves the row due again; one that dies after sending repeats the message under the
same Message-ID or number, marked 重发. Nothing is dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import aliased

from core.alarms import clear, raise_
from core.errors import ChannelError, Refused, Transient
from core.house import House
from core.models import Alarm, AlertSend
from core.models.words import AlarmLevel, SendState
from core.ports import Message, Notifier
from monitors.alerting import MAX_TRIES, retry_after
from monitors.alerts.messages import message_of
from monitors.notifiers import open_notifiers

LEASE_S = 60
"""How long a message that is being sent is left alone; longer than the notifier's own time-outs."""
MAIL_ALARM = "mail:failing"
A_MINUTE = 18  # WeCom and DingTalk take 20 a minute; DingTalk is silent for ten minutes after the 21st


@dataclass(frozen=True)
class _Claimed:
    """A message this worker alone may send now."""

    send_id: int
    alarm_id: int | None
    notifier: str
    target: str
    tries: int
    message: Message


def send_due(house: House, limit: int = 50) -> int:
    """Send the messages that are due; returns how many went out. A failure is tried again, then given up loudly."""
    ready, reasons = open_notifiers(house)
    sent = 0
    for _ in range(limit):
        claimed = _claim(house)
        if claimed is None:
            break
        sent += _send(house, claimed, ready, reasons)
    return sent


def _claim(house: House) -> _Claimed | None:
    """Take the message that is due longest; its next time is moved on first, so that nobody else takes it."""
    now = house.clock.now()
    with house.db.write() as session:
        due = (
            select(AlertSend.id, AlertSend.tries, AlertSend.error)
            .where(AlertSend.state == SendState.WAITING, AlertSend.next_at <= now, ~_crowded(now))
            .order_by(AlertSend.next_at, AlertSend.id)
            .limit(1)
        )
        found = session.execute(due).first()
        if found is None:
            return None
        take = (
            update(AlertSend)
            .where(AlertSend.id == found.id, AlertSend.tries == found.tries, AlertSend.state == SendState.WAITING)
            .values(tries=found.tries + 1, next_at=now + timedelta(seconds=LEASE_S), error="")
            .returning(AlertSend.id)
        )
        if session.scalar(take) is None:
            return None
        row = session.get_one(AlertSend, found.id, populate_existing=True)
        message = message_of(session, row, house.settings.staff_url)
        again = found.tries > 0 and not found.error  # the last try told nothing: its worker died, perhaps after sending
        subject = f"（重发）{message.subject}" if again else message.subject
        message = replace(message, subject=subject, target=row.target, key=f"alert-message-{row.id}")
        return _Claimed(row.id, row.alarm_id, row.notifier, row.target, row.tries, message)


def _crowded(now: datetime) -> ColumnElement[bool]:
    """Whether a message's robot has said as much in the last minute as its group takes; mail has no such limit."""
    said = aliased(AlertSend)
    lately = (said.notifier == AlertSend.notifier, said.sent_at > now - timedelta(minutes=1))
    count = select(func.count(said.id)).where(*lately).correlate(AlertSend).scalar_subquery()
    return and_(AlertSend.notifier != "mail", count >= A_MINUTE)


def _send(house: House, claimed: _Claimed, ready: dict[str, Notifier], reasons: dict[str, str]) -> int:
    notifier = ready.get(claimed.notifier)
    if notifier is None:
        _failed(house, claimed, reasons.get(claimed.notifier, "没有这种通知方式"), final=False)
        return 0
    try:
        notifier.send(claimed.message)
    except ChannelError as error:
        wait_s = error.retry_after_s if isinstance(error, Transient) else 0.0
        why = f"{error.platform_message}（{error.code}）"
        _failed(house, claimed, why, final=isinstance(error, Refused), wait_s=wait_s)
        return 0
    now = house.clock.now()
    with house.db.write() as session:
        done = {"state": SendState.SENT.value, "sent_at": now, "error": ""}
        session.execute(update(AlertSend).where(AlertSend.id == claimed.send_id).values(done))
        if claimed.alarm_id is not None:
            session.execute(update(Alarm).where(Alarm.id == claimed.alarm_id).values(sent_at=now))
        clear(session, MAIL_ALARM, "monitors.alerts", now)
    return 1


def _failed(house: House, claimed: _Claimed, why: str, final: bool, wait_s: float = 0.0) -> None:
    now = house.clock.now()
    final = final or claimed.tries >= MAX_TRIES
    state = SendState.FAILED if final else SendState.WAITING
    values = {
        "state": state.value,
        "error": why,
        "next_at": now + max(retry_after(claimed.tries), timedelta(seconds=wait_s)),
    }
    with house.db.write() as session:
        session.execute(update(AlertSend).where(AlertSend.id == claimed.send_id).values(values))
        text = f"预警通知{'已放弃发送' if final else '发送失败，将重试'}：{why}"
        raise_(session, MAIL_ALARM, AlarmLevel.WARNING, "monitors", text, now, target=claimed.target)
