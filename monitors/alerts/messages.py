"""What an alert says to the person who gets it: every number it rests on, in Chinese."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import shanghai
from core.models import Alarm, Alert, AlertSend, Mention
from core.models.words import AlertReason, Level
from core.ports import Message

LEVELS = {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}
REASONS = {
    AlertReason.FIRST: "新议题",
    AlertReason.WORSE: "等级上升",
    AlertReason.REPEAT: "尚未签收，再次提醒",
    AlertReason.SUBSIDED: "已消退",
    AlertReason.RELAPSED: "反弹",
}


def message_of(session: Session, row: AlertSend, staff_url: str) -> Message:
    """The message of one row, about its alert or its alarm."""
    if row.alert_id is not None:
        return alert_message(session, session.get_one(Alert, row.alert_id), staff_url)
    return alarm_message(session.get_one(Alarm, row.alarm_id), staff_url)


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
        f"平常约 {reasons.get('expected')}，偏离度 {reasons.get('z')}（达到 4 即为异常）",
        f"采集情况：{reasons.get('coverage', {}).get('note', '未知')}",
    ]


def alarm_message(alarm: Alarm, staff_url: str) -> Message:
    """A critical alarm of the house, for the person on duty."""
    body = f"{alarm.text}\n\n发生于 {_clock(alarm.raised_at.isoformat())}，已出现 {alarm.times} 次。"
    return Message(f"【系统告警】{alarm.text[:40]}", body, f"{staff_url.rstrip('/')}/alarms")


def _clock(instant: str) -> str:
    return f"{shanghai(datetime.fromisoformat(instant)):%m月%d日 %H:%M}"
