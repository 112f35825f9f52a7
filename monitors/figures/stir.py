"""Figures about issues and alerts: an issue's course against the usual, standing issues, how fast people answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.models import Alert, Issue, TermCount
from core.models.words import IssueState
from monitors.detection.grading import ORDER
from monitors.detection.merging import ITEM_MARK
from monitors.detection.series import LEARNABLE, QUARTER, Replay, Scale, State, deviation, learn
from monitors.figures import coverage
from monitors.figures.forms import Figure, Row, Series, bins_between, explain
from monitors.figures.talk import evidence_series, gaps_json

BEFORE = timedelta(hours=6)
BASELINE = timedelta(days=14)
LONGEST = timedelta(days=7)
OPEN = (IssueState.FOUND.value, IssueState.CONFIRMED.value)


def issue_trend(session: Session, issue_id: int, now: datetime) -> Series | None:
    """The course of an issue in quarters of an hour, from six hours before it began; None when there is no such issue.

    Rows: evidence by label ({"label"}), then every mention of the leading term ({"term"}). `band` is what is usual for
    that term: from 0 to mean + 4 deviations, learned before each bin. Units: mentions a bin.
    """
    issue = session.get(Issue, issue_id)
    if issue is None:
        return None
    since = issue.first_at - BEFORE
    until = min(max(issue.last_at + BEFORE, since + 2 * BEFORE), max(now, issue.last_at), since + LONGEST)
    bins = bins_between(since, until + timedelta(seconds=QUARTER.bin_s), QUARTER.bin_s)
    rows, evidence = evidence_series(session, issue_id, bins, QUARTER.bin_s)
    term, shown = leading_term(issue)
    statement = (
        select(TermCount.bin_at, TermCount.total)
        .where(TermCount.term == term, TermCount.bin_at >= since - BASELINE)
        .where(TermCount.bin_at < coverage.bin_at(bins[-1] + 1, QUARTER.bin_s))
        .order_by(TermCount.bin_at)
    )
    counts = {int(at.timestamp()) // QUARTER.bin_s: total for at, total in session.execute(statement)}
    rows.append(Row({"term": shown}, [counts.get(at, 0) for at in bins]))
    query = explain(
        "议题佐证按情感计数；主要词的全部提及；区间为该词此前水平（指数加权均值加四倍离差）",
        evidence,
        statement,
        issue_id=issue_id,
        term=shown,
        now=now,
    )
    starts = [coverage.bin_at(at, QUARTER.bin_s) for at in bins]
    band = _band(session, counts, bins, now)
    return Series("issue_trend", QUARTER.bin_s, starts, rows, query, gaps_json(session, since, min(until, now)), band)


def leading_term(issue: Issue) -> tuple[str, str]:
    """The counted term an issue stands for, and how it is shown."""
    term = issue.reasons.get("term") or (issue.terms[0] if issue.terms else "")
    article_id = issue.reasons.get("article_id")
    if issue.reasons.get("term") == "" and article_id is not None:
        return f"{ITEM_MARK}{article_id}", "该稿件下全部提及"
    return term, term


def _band(session: Session, counts: dict[int, int], bins: list[int], now: datetime) -> list[tuple[float, float]]:
    start = min([bins[0], *counts])
    reading = coverage.reading_of(session, coverage.bin_at(start, QUARTER.bin_s), now, QUARTER.bin_s)
    replay = Replay(QUARTER, reading, State(), start)
    replay.run([(at, float(count)) for at, count in sorted(counts.items()) if at < bins[0]], bins[0])
    replay.advance(bins[0])
    state, band = replay.state, []
    for at in bins:
        band.append((0.0, round(state.mean + _width(state, QUARTER), 2)))
        if reading.share(at) >= LEARNABLE:
            state = learn(state, counts.get(at, 0) / reading.share(at), QUARTER)
    return band


def _width(state: State, scale: Scale) -> float:
    return scale.alarm_z * deviation(state, scale)


def standing_issues(session: Session, now: datetime, limit: int = 5) -> Figure:
    """Open issues, highest level and then newest first; `value` [{id, title, level, state, mentions, last_at}]."""
    statement = select(Issue).where(Issue.state.in_(OPEN)).order_by(Issue.last_at.desc())
    issues = sorted(session.scalars(statement), key=lambda issue: -ORDER.index(issue.level))
    rows = [
        {
            "id": issue.id,
            "title": issue.title,
            "level": issue.level,
            "state": issue.state,
            "mentions": issue.reasons.get("mentions", 0),
            "last_at": issue.last_at,
        }
        for issue in issues[:limit]
    ]
    query = explain("尚未办结的议题，先按等级、再按最近提及排列", statement, now=now, limit=limit)
    return Figure("standing_issues", rows, len(issues), query, "个")


def issues_found(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """Issues opened in a span by level; `value` {level: count}."""
    statement = (
        select(Issue.level, func.count(Issue.id))
        .where(Issue.created_at >= since, Issue.created_at < until)
        .group_by(Issue.level)
    )
    counts: dict[str, int] = dict.fromkeys(ORDER, 0)
    counts.update({row[0]: row[1] for row in session.execute(statement)})
    query = explain("时段内新发现的议题，按等级计数", statement, since=since, until=until, now=now)
    return Figure("issues_found", counts, sum(counts.values()), query, "个")


def alert_response(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """How alerts of a span were answered; `value` {raised, acknowledged, waiting, late, median_min}, `base` raised.

    Late: not acknowledged by the time its level allows (15 min red, 30 min orange, 1 h yellow, the same day blue).
    """
    statement = select(Alert).where(Alert.raised_at >= since, Alert.raised_at < until, Alert.reason != "subsided")
    alerts = list(session.scalars(statement))
    minutes = [
        (alert.acknowledged_at - alert.raised_at).total_seconds() / 60 for alert in alerts if alert.acknowledged_at
    ]
    value: dict[str, Any] = {
        "raised": len(alerts),
        "acknowledged": len(minutes),
        "waiting": len(alerts) - len(minutes),
        "late": sum(_is_late(alert, now) for alert in alerts),
        "median_min": round(median(minutes), 1) if minutes else None,
    }
    query = explain("时段内发出的预警及其签收情况（消退通知除外）", statement, since=since, until=until, now=now)
    return Figure("alert_response", value, len(alerts), query, "条")


def _is_late(alert: Alert, now: datetime) -> bool:
    due = alert.explanation.get("acknowledge_by")
    return due is not None and (alert.acknowledged_at or now) > datetime.fromisoformat(due)
