"""Figures about our own work: engagement with what we published, delivery outcome, citizens' messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.models import Account, Case, Copy, Delivery, Snapshot
from core.models.words import CaseState, DeliveryState
from monitors.figures.forms import Figure, explain

COUNTS = ("likes", "comments", "reposts", "reads")
DONE_CASES = (CaseState.CLOSED.value, CaseState.REJECTED.value)


def engagement(
    session: Session, since: datetime, until: datetime, now: datetime, article_id: int | None = None
) -> Figure:
    """Growth of likes, comments, reposts and reads in a span, and in the span of the same length before it.

    `value` {count: {"now", "before", "total"}}; a count no channel reports is None. `base` copies with snapshots.
    """
    before = since - (until - since)
    totals = {at: _totals(session, at, article_id) for at in (before, since, until)}
    copies = sorted(totals[until])
    value: dict[str, Any] = {}
    for name in COUNTS:
        value[name] = {
            "now": _growth(totals[since], totals[until], name),
            "before": _growth(totals[before], totals[since], name),
            "total": _sum(totals[until], name),
        }
    query = explain(
        "各渠道最近一次计数快照之差：本时段，以及之前同样长的时段",
        _snapshots(until, article_id),
        since=since,
        until=until,
        now=now,
        article_id=article_id,
    )
    return Figure("engagement", value, len(copies), query, "次")


def _snapshots(at: datetime, article_id: int | None) -> Select[Any]:
    newest = select(func.max(Snapshot.id)).where(Snapshot.at < at).group_by(Snapshot.copy_id)
    statement = select(Snapshot).where(Snapshot.id.in_(newest))
    if article_id is not None:
        statement = statement.join(Copy, Copy.id == Snapshot.copy_id).where(Copy.article_id == article_id)
    return statement


def _totals(session: Session, at: datetime, article_id: int | None) -> dict[int, Snapshot]:
    return {row.copy_id: row for row in session.scalars(_snapshots(at, article_id))}


def _sum(snapshots: dict[int, Snapshot], name: str) -> int | None:
    known = [count for row in snapshots.values() if (count := getattr(row, name)) is not None]
    return sum(known) if known else None


def _growth(earlier: dict[int, Snapshot], later: dict[int, Snapshot], name: str) -> int | None:
    """Sum over copies of later - earlier; a copy without an earlier snapshot began at nought."""
    grown = [
        count - (getattr(earlier.get(copy_id), name, None) or 0)
        for copy_id, row in later.items()
        if (count := getattr(row, name)) is not None
    ]
    return sum(grown) if grown else None


def delivery_outcome(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """Deliveries due in a span by state and channel; `value` {"states", "channels" {kind: {state: count}}}."""
    statement = (
        select(Account.kind, Delivery.state, func.count(Delivery.id))
        .join(Account, Account.id == Delivery.account_id)
        .where(Delivery.due_at >= since, Delivery.due_at < until)
        .group_by(Account.kind, Delivery.state)
    )
    states: dict[str, int] = dict.fromkeys([state.value for state in DeliveryState], 0)
    channels: dict[str, dict[str, int]] = {}
    for kind, state, count in session.execute(statement):
        states[state] = states.get(state, 0) + count
        channels.setdefault(kind, {})[state] = count
    query = explain("应在时段内执行的分发任务，按渠道和状态计数", statement, since=since, until=until, now=now)
    return Figure("delivery_outcome", {"states": states, "channels": channels}, sum(states.values()), query, "次")


def published_items(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """Items that went live in a span; `value` [{article_id, title, channels}], `base` live copies."""
    statement = (
        select(Copy).where(Copy.published_at >= since, Copy.published_at < until, Copy.confirmed_at.is_not(None))
    ).order_by(Copy.published_at)
    items: dict[int, dict[str, Any]] = {}
    copies = list(session.scalars(statement))
    for copy in copies:
        row = items.setdefault(
            copy.article_id, {"article_id": copy.article_id, "title": copy.article.title, "channels": []}
        )
        row["channels"].append(copy.account.kind)
    query = explain("时段内首次公开并已确认的稿件及渠道", statement, since=since, until=until, now=now)
    return Figure("published_items", list(items.values()), len(copies), query, "篇")


def cases_received(session: Session, since: datetime, until: datetime, now: datetime) -> Figure:
    """Citizens' messages received in a span by state; `value` {state: count}."""
    statement = (
        select(Case.state, func.count(Case.id))
        .where(Case.received_at >= since, Case.received_at < until)
        .group_by(Case.state)
    )
    counts: dict[str, int] = dict.fromkeys([state.value for state in CaseState], 0)
    counts.update({row[0]: row[1] for row in session.execute(statement)})
    query = explain("时段内收到的群众留言，按当前状态计数", statement, since=since, until=until, now=now)
    return Figure("cases_received", counts, sum(counts.values()), query, "件")


def unanswered(session: Session, now: datetime) -> Figure:
    """Citizens' messages not yet closed; `value` {"open", "overdue", "oldest_at"}, `base` every message received."""
    statement = (
        select(func.count(Case.id), func.min(Case.received_at))
        .where(Case.state.not_in(DONE_CASES), Case.received_at < now)
    )  # fmt: skip
    overdue = select(func.count(Case.id)).where(Case.state.not_in(DONE_CASES), Case.due_at < now)
    count, oldest = session.execute(statement).one()
    value = {"open": count, "overdue": session.scalar(overdue), "oldest_at": oldest}
    base = session.scalar(select(func.count(Case.id)).where(Case.received_at < now))
    query = explain("尚未办结的群众留言、其中已超期的，以及最早一件的收到时间", statement, overdue, now=now)
    return Figure("unanswered", value, base, query, "件")
