"""The daily brief (简报), frozen when it is made: every number in it stands with the query behind it.

`Brief.figures` is JSON; `dashboards` renders it and adds nothing:

    {"version": 1, "kind": "daily" | "interim", "date": "2026-11-23", "title": …, "summary": one sentence,
     "span": {"since": ISO, "until": ISO}, "made_at": ISO,
     "sections": [{"key": "mentions" | "publication" | "interaction" | "alerts" | "cases" | "coverage",
                   "title": …, "text": …, "figures": [names in "figures" that the text rests on]}, …],
     "issues": [{"id", "title", "level", "state", "matter" 事由, "situation" 态势, "judgement" 研判, "advice" 建议,
                 "unit" 责任单位, "deadline" ISO or null, "deadline_text" 时限,
                 "top_posts": [{"mention_id", "text", "posted_at", "channel"}],
                 "figures": {"total" | "sentiment_split" | "recent" | "earlier": figure}}, … at most 5],
     "issues_left_out": how many more there were,
     "figures": {name: {"name", "value", "base", "unit", "query": {"text", "parameters", "sql"}}}}

Instants are UTC; days are Shanghai days.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.clock import shanghai
from core.db import insert_for
from core.house import House
from core.models import Account, Alert, Brief, Issue, Mention, Person, Source
from core.models.words import IssueState
from monitors.briefs import wording
from monitors.detection.grading import ORDER
from monitors.figures import Scope, day_figures, day_span, mention_count, sentiment_split
from monitors.figures.forms import plain

MOST_ISSUES = 5
VOLUME = ("mention_count", "mention_count_before", "channel_split", "sentiment_split")
SECTIONS = (
    ("mentions", "舆情总体", wording.mentions, VOLUME),
    ("publication", "发布情况", wording.publication, ("delivery_outcome", "published_items")),
    ("interaction", "互动情况", wording.interaction, ("engagement",)),
    ("alerts", "预警处置", wording.alerts, ("alert_response", "issues_found")),
    ("cases", "留言办理", wording.cases, ("cases_received", "unanswered")),
    ("coverage", "采集盲区", wording.blind_spots, ("coverage_gaps",)),
)


def make(house: House, day: date) -> Brief:
    """The brief of a Shanghai day, made now unless it exists; what exists is returned as it was frozen.

    A day that is over has one `daily` brief, period `YYYY-MM-DD`. For the running day an `interim` one is made that
    says so, period `YYYY-MM-DD HH:MM`: at most one a minute, and never in the way of the daily one.
    """
    now = house.clock.now()
    since, end = day_span(day)
    kind = "daily" if now >= end else "interim"
    period = day.isoformat() if kind == "daily" else f"{shanghai(now):%Y-%m-%d %H:%M}"
    with house.db.read() as session:
        known = _find(session, period, kind)
        if known is not None:
            return known
        content = _content(session, (since, min(now, end)), kind, now)
    row = {
        "period": period,
        "kind": kind,
        "title": content["title"],
        "figures": content,
        "digest": hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest(),
        "created_at": now,
    }
    with house.db.write() as session:
        session.execute(insert_for(session, Brief).values(row).on_conflict_do_nothing())
        made = _find(session, period, kind)
        assert made is not None
        return made


def _find(session: Session, period: str, kind: str) -> Brief | None:
    return session.scalar(select(Brief).where(Brief.period == period, Brief.kind == kind))


def _content(session: Session, span: tuple[datetime, datetime], kind: str, now: datetime) -> dict[str, Any]:
    since, until = span
    day = shanghai(since).date()
    figures = day_figures(session, day, now)
    issues = _issues(session, since, until)
    rows = [_issue_row(session, issue, until, now) for issue in issues[:MOST_ISSUES]]
    name = "舆情日报" if kind == "daily" else f"舆情快报（截至 {shanghai(until):%H:%M}）"
    return {
        "version": 1,
        "kind": kind,
        "date": day.isoformat(),
        "title": f"{name} {day.year}年{day.month}月{day.day}日",
        "summary": wording.summary(figures, rows),
        "span": {"since": plain(since), "until": plain(until)},
        "made_at": plain(now),
        "sections": [
            {"key": key, "title": title, "text": write(figures), "figures": list(names)}
            for key, title, write, names in SECTIONS
        ],
        "issues": rows,
        "issues_left_out": max(0, len(issues) - MOST_ISSUES),
        "figures": {key: figure.as_json() for key, figure in figures.items()},
    }


def _issues(session: Session, since: datetime, until: datetime) -> list[Issue]:
    """Issues that stand open, or were talked about in the span; dismissed ones are left out. Worst first."""
    statement = select(Issue).where(
        Issue.state != IssueState.DISMISSED,
        Issue.first_at < until,
        or_(Issue.last_at >= since, Issue.state.in_([IssueState.FOUND.value, IssueState.CONFIRMED.value])),
    )
    found = list(session.scalars(statement.order_by(Issue.last_at.desc(), Issue.id)))
    return sorted(found, key=lambda issue: -ORDER.index(issue.level))


def _issue_row(session: Session, issue: Issue, until: datetime, now: datetime) -> dict[str, Any]:
    scope, step = Scope(issue_id=issue.id), timedelta(hours=3)
    figures = {
        "total": mention_count(session, issue.first_at, until, now, scope),
        "sentiment_split": sentiment_split(session, issue.first_at, until, now, scope),
        "recent": mention_count(session, until - step, until, now, scope),
        "earlier": mention_count(session, until - 2 * step, until - step, now, scope),
    }
    owner = session.get(Person, issue.owner_id) if issue.owner_id else None
    deadline = _deadline(session, issue)
    return {
        "id": issue.id,
        "title": issue.title,
        "level": issue.level,
        "state": issue.state,
        "matter": wording.matter(issue),
        "situation": wording.situation(figures, until, issue.last_at),
        "judgement": wording.judgement(issue),
        "advice": wording.advice(issue),
        "unit": f"{wording.UNIT_UNKNOWN}（研判人：{owner.display_name}）" if owner else wording.UNIT_UNKNOWN,
        "deadline": plain(deadline),
        "deadline_text": f"{wording.instant(deadline)} 前回应" if deadline else "未定",
        "top_posts": _posts(session, issue),
        "figures": {name: figure.as_json() for name, figure in figures.items()},
    }


def _deadline(session: Session, issue: Issue) -> datetime | None:
    """The earliest answer time any alert of an open issue set."""
    if issue.state == IssueState.CLOSED:
        return None
    return session.scalar(
        select(Alert.respond_by).where(Alert.issue_id == issue.id).order_by(Alert.respond_by).limit(1)
    )


def _posts(session: Session, issue: Issue) -> list[dict[str, Any]]:
    ids = issue.reasons.get("top_posts", [])[:3]
    statement = (
        select(Mention, Account.kind)
        .join(Source, Source.id == Mention.source_id)
        .outerjoin(Account, Account.id == Source.account_id)
        .where(Mention.id.in_(ids), Mention.deleted_at.is_(None))
    )
    found = {mention.id: (mention, kind) for mention, kind in session.execute(statement)}
    return [
        {
            "mention_id": mention.id,
            "text": mention.text[:120],
            "posted_at": plain(mention.posted_at),
            "channel": kind or "other",
        }
        for mention, kind in (found[mention_id] for mention_id in ids if mention_id in found)
    ]


def brief_text(brief: Brief) -> str:
    """The brief as plain text, for the command line and for messages."""
    content: Mapping[str, Any] = brief.figures
    lines = [content["title"], "", content["summary"], ""]
    if not content["issues"]:
        lines += ["重点议题：无", ""]
    for number, issue in enumerate(content["issues"], 1):
        lines += [
            f"议题{number}　{issue['title']}",
            f"  事由：{issue['matter']}",
            f"  态势：{issue['situation']}",
            f"  研判：{issue['judgement']}",
            f"  建议：{issue['advice']}",
            f"  责任单位：{issue['unit']}　时限：{issue['deadline_text']}",
            "",
        ]
    if content["issues_left_out"]:
        lines += [f"另有 {content['issues_left_out']} 个议题未列出。", ""]
    lines += [f"{section['title']}：{section['text']}" for section in content["sections"]]
    until = wording.instant(datetime.fromisoformat(content["span"]["until"]))
    return "\n".join([*lines, "", f"数据截至 {until}。每个数字的查询见网页版简报。"])
