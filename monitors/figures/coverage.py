"""What was and was not read: coverage as shares a bin for the detector, as gaps for charts and briefs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.models import Coverage, Source
from core.models.words import CoverageState
from monitors.detection.series import Reading

PARTIAL_WITHOUT_COUNT = 0.5
GAP_S = 1800
"""A source nobody read for this long has a gap; shorter pauses lie between two crawls."""

JOINED = timedelta(minutes=10)


@dataclass(frozen=True)
class Gap:
    """A span in which a source was not read, or not wholly."""

    source_id: int
    source: str
    since_at: datetime
    until_at: datetime
    state: str  # partial | failed | skipped | unread
    note: str = ""


@dataclass(frozen=True)
class _Span:
    source_id: int
    since: float
    until: float
    weight: float


def first_read_at(session: Session) -> datetime | None:
    """The start of the oldest coverage row; what was collected before it was imported whole."""
    return session.scalar(select(func.min(Coverage.since_at)))


def reading_of(session: Session, since: datetime, now: datetime, bin_s: int) -> Reading:
    """Shares of the sources read in each bin from `since` to `now`.

    A source counts from its first coverage row on. Before the house's first row everything counts as read. Rows of
    whole runs count, not those of single copies.
    """
    start, end = int(since.timestamp()) // bin_s, int(now.timestamp()) // bin_s + 1
    spans = _spans(session, since)
    begun = {source_id: at.timestamp() for source_id, at in _beginnings(session)}
    covered = _covered(spans, start, end, bin_s)
    shares = []
    for at in range(start, end):
        expected = [source_id for source_id, first in begun.items() if first < (at + 1) * bin_s]
        if not expected:
            shares.append(1.0)
            continue
        length = max(1.0, min(bin_s, now.timestamp() - at * bin_s))
        read = sum(min(1.0, covered.get((source_id, at), 0.0) / length) for source_id in expected)
        shares.append(read / len(expected))
    return Reading(start, shares)


def _beginnings(session: Session) -> list[tuple[int, datetime]]:
    rows = session.execute(
        select(Coverage.source_id, func.min(Coverage.since_at))
        .join(Source, Source.id == Coverage.source_id)
        .where(Source.enabled, ~Source.spider.contains("counts"))
        .group_by(Coverage.source_id)
    )
    return [(source_id, at) for source_id, at in rows]


def _spans(session: Session, since: datetime) -> list[_Span]:
    rows = session.execute(
        select(
            Coverage.source_id,
            Coverage.since_at,
            Coverage.until_at,
            Coverage.state,
            Coverage.expected,
            Coverage.received,
        ).where(Coverage.until_at > since, Coverage.copy_id.is_(None))  # rows of single copies are parts of those
    )
    return [
        _Span(row.source_id, row.since_at.timestamp(), row.until_at.timestamp(), weight)
        for row in rows
        if (weight := _weight(row)) > 0
    ]


def _weight(row: Any) -> float:
    if row.state == CoverageState.COMPLETE:
        return 1.0
    if row.state != CoverageState.PARTIAL:
        return 0.0
    return min(1.0, row.received / row.expected) if row.expected else PARTIAL_WITHOUT_COUNT


def _covered(spans: Iterable[_Span], start: int, end: int, bin_s: int) -> dict[tuple[int, int], float]:
    """Seconds read of each (source, bin); where spans lie over each other they add up, and the caller caps them."""
    covered: dict[tuple[int, int], float] = {}
    for span in spans:
        for at in range(max(start, int(span.since) // bin_s), min(end, int(span.until) // bin_s + 1)):
            inside = min(span.until, (at + 1) * bin_s) - max(span.since, at * bin_s)
            if inside > 0:
                key = (span.source_id, at)
                covered[key] = covered.get(key, 0.0) + inside * span.weight
    return covered


def gaps(session: Session, since: datetime, until: datetime) -> list[Gap]:
    """Where each source was read in part or not at all between two instants, by source and time.

    The row of a whole run says so, its copies' rows say why. A span without any run for longer than half an hour is
    `unread`, and so is the whole span of an enabled source that never ran. A later complete run closes the gap.
    """
    found: list[Gap] = []
    for source_id, name, first in _expected(session, until):
        rows = list(
            session.scalars(
                select(Coverage)
                .where(Coverage.source_id == source_id, Coverage.until_at > since, Coverage.since_at < until)
                .order_by(Coverage.since_at, Coverage.id)
            )
        )
        found += _joined(_gaps_of((source_id, name), rows, (max(since, first or since), until)))
    return found


def _expected(session: Session, until: datetime) -> list[tuple[int, str, datetime | None]]:
    """Enabled sources of mentions with their first run; those whose first run came later are left out."""
    first = func.min(Coverage.since_at)
    query = (
        select(Source.id, Source.name, first)
        .outerjoin(Coverage, Coverage.source_id == Source.id)
        .where(Source.enabled, ~Source.spider.contains("counts"))
        .group_by(Source.id, Source.name)
        .order_by(Source.id)
    )
    return [(source_id, name, at) for source_id, name, at in session.execute(query) if at is None or at < until]


def _gaps_of(source: tuple[int, str], rows: list[Coverage], window: tuple[datetime, datetime]) -> list[Gap]:
    since, until = window
    whole = [row for row in rows if row.copy_id is None]
    read = _union((row.since_at, row.until_at) for row in whole if row.state == CoverageState.COMPLETE)
    touched = _union((row.since_at, row.until_at) for row in whole)
    found = []
    for row in whole:
        if row.state != CoverageState.COMPLETE:
            span = (max(row.since_at, since), min(row.until_at, until))
            note = row.note or _why(row, rows)
            found += [Gap(*source, a, b, row.state, note) for a, b in _without([span], read)]
    found += [Gap(*source, a, b, "unread") for a, b in _without([window], touched) if (b - a).total_seconds() > GAP_S]
    return found


def _why(whole: Coverage, rows: list[Coverage]) -> str:
    """The notes of the same run's copies."""
    notes = [row.note for row in rows if row.copy_id is not None and row.until_at == whole.until_at and row.note]
    return "；".join(dict.fromkeys(notes))


def _joined(found: list[Gap]) -> list[Gap]:
    """Neighbouring gaps of one state and note made one."""
    joined: list[Gap] = []
    for gap in sorted(found, key=lambda gap: (gap.since_at, gap.until_at)):
        last = joined[-1] if joined else None
        if last and (last.state, last.note) == (gap.state, gap.note) and gap.since_at <= last.until_at + JOINED:
            joined[-1] = Gap(
                last.source_id, last.source, last.since_at, max(last.until_at, gap.until_at), last.state, last.note
            )
        else:
            joined.append(gap)
    return joined


Span = tuple[datetime, datetime]


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return merged


def _without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The parts of the spans that lie outside the taken ones (sorted, disjoint)."""
    left = [span for span in spans if span[0] < span[1]]
    for since, until in taken:
        left = [part for a, b in left for part in ((a, min(b, since)), (max(a, until), b)) if part[0] < part[1]]
    return left


def bin_at(number: int, bin_s: int) -> datetime:
    """The start of a numbered bin."""
    return datetime.fromtimestamp(number * bin_s, UTC)
