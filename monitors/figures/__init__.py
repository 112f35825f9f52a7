"""Every number on any page and in any brief: `name(session, ..., now) -> Figure | Series`, with the query behind it.

Only reads. Ratios carry their base, instants are aware UTC, spans are since <= t < until.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from core.clock import SHANGHAI
from monitors.figures.forms import Figure, Query, Row, Series
from monitors.figures.stir import alert_response, issue_trend, issues_found, standing_issues
from monitors.figures.talk import (
    EVERYTHING,
    Scope,
    channel_split,
    coverage_gaps,
    mention_count,
    mention_series,
    sentiment_split,
    top_terms,
)
from monitors.figures.work import cases_received, delivery_outcome, engagement, published_items, unanswered

__all__ = [
    "EVERYTHING",
    "Figure",
    "Query",
    "Row",
    "Scope",
    "Series",
    "alert_response",
    "cases_received",
    "channel_split",
    "coverage_gaps",
    "day_figures",
    "day_span",
    "delivery_outcome",
    "engagement",
    "issue_trend",
    "issues_found",
    "mention_count",
    "mention_series",
    "published_items",
    "sentiment_split",
    "standing_issues",
    "top_terms",
    "unanswered",
]


def day_span(day: date) -> tuple[datetime, datetime]:
    """Midnight to midnight in Shanghai as instants."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return start, start + timedelta(days=1)


def day_figures(session: Session, day: date, now: datetime) -> dict[str, Figure]:
    """The figures of one Shanghai day, by name; "mention_count_before" is the day before's."""
    since, until = day_span(day)
    figures = [
        mention_count(session, since, until, now),
        sentiment_split(session, since, until, now),
        channel_split(session, since, until, now),
        top_terms(session, since, until, now, 10),
        engagement(session, since, until, now),
        coverage_gaps(session, since, until, now),
        issues_found(session, since, until, now),
        alert_response(session, since, until, now),
        delivery_outcome(session, since, until, now),
        published_items(session, since, until, now),
        cases_received(session, since, until, now),
        unanswered(session, min(now, until)),
    ]
    before = mention_count(session, since - timedelta(days=1), since, now)
    return {figure.name: figure for figure in figures} | {"mention_count_before": before}
