"""Alerts (预警): raised by the rules of `monitors.alerting`, sent to people, acknowledged by them.

A message is a row before it is sent. A worker that dies before sending leaves the row due again; one that dies after
sending repeats the message under the same Message-ID. Critical alarms of any room go out the same way, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.alarms import clear, raise_
from core.audit import Actor, record
from core.clock import shanghai
from core.db import insert_for
from core.errors import ChannelError, Refused, RuleError
from core.house import House
from core.models import Alarm, Alert, AlertSend, Issue, Mention
from core.models.words import AlarmLevel, AlertReason, IssueState, Level, Role, SendState
from core.ports import Message, Notifier
from monitors.alerting import MAX_TRIES, Due, Past, Standing, decide, retry_after
from monitors.notifiers import open_notifiers

LEASE_S = 60
"""How long a message that is being sent is left alone; longer than the notifier's own time-outs."""
WATCHED = timedelta(days=14)
LEVELS = {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}
REASONS = {
    AlertReason.FIRST: "新议题",
    AlertReason.WORSE: "等级上升",
    AlertReason.REPEAT: "尚未签收，再次提醒",
    AlertReason.SUBSIDED: "已消退",
    AlertReason.RELAPSED: "反弹",
}
MAIL_ALARM = "mail:failing"


def raise_due(house: House) -> list[int]:
    """Raise every alert that is due now, with a message for each receiver; returns the new alerts' ids."""
    now = house.clock.now()
    targets = receivers(house)
    raised: list[int] = []
    with house.db.write() as session:
        for issue in _watched(session, now):
            due = decide(_standing(issue), _past(session, issue.id), now)
            alert_id = _insert_alert(session, issue, due, now) if due else None
            if alert_id is not None:
                raised.append(alert_id)
                _queue(session, targets, now, alert_id=alert_id)
        for alarm in _critical(session):
            _queue(session, targets, now, alarm_id=alarm.id)
    return raised


def receivers(house: House) -> list[tuple[str, str]]:
    """(notifier, address) of everybody who gets alerts; empty without a mail server or receivers."""
    settings = house.settings
    if not settings.smtp_url:
        return []
    return [("mail", address.strip()) for address in settings.mail_to.split(",") if address.strip()]


def _watched(session: Session, now: datetime) -> list[Issue]:
    open_states = [IssueState.FOUND.value, IssueState.CONFIRMED.value]
    statement = select(Issue).where(Issue.state.in_(open_states), Issue.updated_at >= now - WATCHED)
    return list(session.scalars(statement.order_by(Issue.id)))


def _standing(issue: Issue) -> Standing:
    relapsed = issue.reasons.get("relapsed_at")
    return Standing(
        issue_id=issue.id,
        state=issue.state,
        level=issue.level,
        found_at=issue.created_at,
        last_at=issue.last_at,
        relapsed_at=datetime.fromisoformat(relapsed) if relapsed else None,
    )


def _past(session: Session, issue_id: int) -> list[Past]:
    alerts = session.scalars(select(Alert).where(Alert.issue_id == issue_id).order_by(Alert.raised_at, Alert.id))
    return [Past(alert.reason, alert.level, alert.raised_at, alert.acknowledged_at) for alert in alerts]


def _insert_alert(session: Session, issue: Issue, due: Due, now: datetime) -> int | None:
    row = {
        "issue_id": issue.id,
        "reason": str(due.reason),
        "level": due.level,
        "dedup_key": due.dedup_key,
        "explanation": explain(issue, due),
        "respond_by": due.respond_by,
        "raised_at": now,
    }
    insert = insert_for(session, Alert).values(row).on_conflict_do_nothing(index_elements=["dedup_key"])
    found: int | None = session.scalar(insert.returning(Alert.id))
    return found


def explain(issue: Issue, due: Due) -> dict[str, Any]:
    """Every number the alert rests on, frozen at the moment it is raised."""
    return {
        "title": issue.title,
        "terms": issue.terms[:8],
        "acknowledge_by": due.acknowledge_by.isoformat(),
        "conference_by": due.conference_by.isoformat() if due.conference_by else None,
        "first_at": issue.first_at.isoformat(),
        "last_at": issue.last_at.isoformat(),
        "reasons": issue.reasons,
    }


def _critical(session: Session) -> list[Alarm]:
    statement = select(Alarm).where(
        Alarm.cleared_at.is_(None), Alarm.sent_at.is_(None), Alarm.level == AlarmLevel.CRITICAL
    )
    return list(session.scalars(statement.order_by(Alarm.id)))


def _queue(session: Session, targets: list[tuple[str, str]], now: datetime, **subject: int) -> None:
    fresh = {"state": SendState.WAITING.value, "tries": 0, "next_at": now, "error": ""}
    rows = [{**subject, **fresh, "notifier": kind, "target": target} for kind, target in targets]
    if rows:
        session.execute(insert_for(session, AlertSend.__table__).on_conflict_do_nothing(), rows)


# --- sending ----------------------------------------------------------------------------------------------------


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
            select(AlertSend.id, AlertSend.tries)
            .where(AlertSend.state == SendState.WAITING, AlertSend.next_at <= now)
            .order_by(AlertSend.next_at, AlertSend.id)
            .limit(1)
        )
        found = session.execute(due).first()
        if found is None:
            return None
        take = (
            update(AlertSend)
            .where(AlertSend.id == found.id, AlertSend.tries == found.tries, AlertSend.state == SendState.WAITING)
            .values(tries=found.tries + 1, next_at=now + timedelta(seconds=LEASE_S))
            .returning(AlertSend.id)
        )
        if session.scalar(take) is None:
            return None
        row = session.get_one(AlertSend, found.id, populate_existing=True)
        message = _alert_message(session, house, row) if row.alert_id else _alarm_message(session, house, row)
        message = replace(message, target=row.target, key=f"alert-message-{row.id}")
        return _Claimed(row.id, row.alarm_id, row.notifier, row.target, row.tries, message)


def _send(house: House, claimed: _Claimed, ready: dict[str, Notifier], reasons: dict[str, str]) -> int:
    notifier = ready.get(claimed.notifier)
    if notifier is None:
        _failed(house, claimed, reasons.get(claimed.notifier, "没有这种通知方式"), final=False)
        return 0
    try:
        notifier.send(claimed.message)
    except ChannelError as error:
        _failed(house, claimed, f"{error.platform_message}（{error.code}）", final=isinstance(error, Refused))
        return 0
    now = house.clock.now()
    with house.db.write() as session:
        done = {"state": SendState.SENT.value, "sent_at": now, "error": ""}
        session.execute(update(AlertSend).where(AlertSend.id == claimed.send_id).values(done))
        if claimed.alarm_id is not None:
            session.execute(update(Alarm).where(Alarm.id == claimed.alarm_id).values(sent_at=now))
        clear(session, MAIL_ALARM, "monitors.alerts", now)
    return 1


def _failed(house: House, claimed: _Claimed, why: str, final: bool) -> None:
    now = house.clock.now()
    final = final or claimed.tries >= MAX_TRIES
    state = SendState.FAILED if final else SendState.WAITING
    values = {"state": state.value, "error": why, "next_at": now + retry_after(claimed.tries)}
    with house.db.write() as session:
        session.execute(update(AlertSend).where(AlertSend.id == claimed.send_id).values(values))
        text = f"预警邮件{'已放弃发送' if final else '发送失败，将重试'}：{why}"
        raise_(session, MAIL_ALARM, AlarmLevel.WARNING, "monitors", text, now, target=claimed.target)


def _alert_message(session: Session, house: House, row: AlertSend) -> Message:
    alert = session.get_one(Alert, row.alert_id)
    return alert_message(session, alert, house.settings.staff_url)


def alert_message(session: Session, alert: Alert, staff_url: str) -> Message:
    """What a person reads: what it is about, how much, since when, in which words, until when to act."""
    told = alert.explanation
    posts = session.scalars(select(Mention).where(Mention.id.in_(told["reasons"].get("top_posts", [])[:5])))
    answer = f"，{_clock(alert.respond_by.isoformat())} 前回应" if alert.respond_by else ""
    lines = [
        told["title"],
        "",
        f"缘由：{REASONS[AlertReason(alert.reason)]}",
        *_numbers(told["reasons"]),
        f"首条 {_clock(told['first_at'])}，最近一条 {_clock(told['last_at'])}",
        f"请在 {_clock(told['acknowledge_by'])} 前签收{answer}",
        "",
        *(f"· {post.text[:80]}" for post in posts),
    ]
    subject = f"【{LEVELS[Level(alert.level)]}预警】{REASONS[AlertReason(alert.reason)]}：{told['title'][:40]}"
    return Message(subject, "\n".join(lines), f"{staff_url.rstrip('/')}/issues/{alert.issue_id}")


def _numbers(reasons: dict[str, Any]) -> list[str]:
    share = reasons.get("negative_share")
    negative = "未知" if share is None else f"{share:.0%}"
    return [
        f"提及 {reasons.get('mentions', 0)} 条，不同作者 {reasons.get('authors', 0)} 人",
        f"负面占比 {negative}（机器判定），雷同文本占比 {reasons.get('copy_share', 0):.0%}",
        f"主要词「{reasons.get('term') or '该稿件全部议论'}」加权计数 {reasons.get('observed')}，"
        f"平常约 {reasons.get('expected')}，偏离 {reasons.get('z')} 倍",
        f"采集情况：{reasons.get('coverage', {}).get('note', '未知')}",
    ]


def _alarm_message(session: Session, house: House, row: AlertSend) -> Message:
    alarm = session.get_one(Alarm, row.alarm_id)
    body = f"{alarm.text}\n\n发生于 {_clock(alarm.raised_at.isoformat())}，已出现 {alarm.times} 次。"
    return Message(f"【系统告警】{alarm.text[:40]}", body, f"{house.settings.staff_url.rstrip('/')}/alarms")


def _clock(instant: str) -> str:
    return f"{shanghai(datetime.fromisoformat(instant)):%m月%d日 %H:%M}"


# --- people -----------------------------------------------------------------------------------------------------


def acknowledge(session: Session, actor: Actor, alert_id: int, now: datetime) -> Alert:
    """A person has seen the alert: repeats stop. The first one counts; again is no error. Raises NotPermitted."""
    actor.need(Role.ANALYST, Role.LEADER, Role.PUBLISHER, Role.ADMINISTRATOR)
    mark = (
        update(Alert)
        .where(Alert.id == alert_id, Alert.acknowledged_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=actor.person_id)
        .returning(Alert.id)
    )
    first = session.scalar(mark) is not None
    alert = session.get(Alert, alert_id, populate_existing=True)
    if alert is None:
        raise RuleError("没有这条预警")
    if first:
        record(session, actor, "alert.acknowledge", "alert", alert_id, issue_id=alert.issue_id, level=alert.level)
    return alert
