"""Alerts (预警): raised by the rules of `monitors.alerting`, sent to people, acknowledged by them.

A message is a row before it is sent (`monitors.alerts.sending`). Critical alarms of any room go out the same way, once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.db import insert_for
from core.errors import RuleError
from core.house import House
from core.models import Alarm, Alert, AlertSend, Issue
from core.models.words import AlarmLevel, IssueState, Role, SendState
from monitors.alerting import Due, Past, Standing, decide
from monitors.alerts.sending import send_due

__all__ = ["acknowledge", "explain", "raise_due", "receivers", "send_due"]

WATCHED = timedelta(days=14)
ROBOTS = ("wecom", "dingtalk", "feishu", "webhook")


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
    """(notifier, address) of everybody who gets alerts: mail receivers, and the group behind each robot."""
    settings = house.settings
    mailed = settings.mail_to.split(",") if settings.smtp_url else []
    robots = [(kind, "group") for kind in ROBOTS if getattr(settings, f"{kind}_url")]
    return [("mail", address.strip()) for address in mailed if address.strip()] + robots


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
