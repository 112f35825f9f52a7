"""What spiders found goes into the house here, each page with its cursor in one transaction; and how a run ends.

Killed at any instant, a page is either stored together with its cursor or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from twisted.python.failure import Failure

from core import inbox
from core.errors import LostClaim
from core.http import mask
from core.models import CrawlRun, Mention, Snapshot, Source
from core.models.words import CoverageState
from spiders.items import CopyRef, Gap, Listing, Page, Recheck, Span, Trouble
from spiders.visits import Visit, end_run, hold, pause_s, visit_of
from spiders.walks import restart_deep

SAME_COUNTS = timedelta(hours=1)  # unchanged counts are written again after this long
NOTE_CHARACTERS = 1_000
Row = tuple[CopyRef | None, inbox.Found]


class InboxPipeline:
    """The only writer of a run."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        pipeline = cls(visit_of(crawler))
        crawler.signals.connect(pipeline.broke, signal=signals.spider_error)
        return pipeline

    def broke(self, failure: Failure, response: Response) -> None:
        """A spider could not read an answer: the run failed, and nothing more is asked."""
        text = f"无法读取平台的回答（{type(failure.value).__name__}：{mask(str(failure.value))[:160]}）"
        self.visit.stop(Trouble("unreadable", text))

    def process_item(self, item: Page | Gap) -> Page | Gap:
        """Store a page, or keep a gap for the end. After a failed write nothing further is stored in this run."""
        if isinstance(item, Gap):
            self.visit.gaps.append(item)
            return item
        if self.visit.broken:
            return item
        try:
            with self.visit.house.db.write() as session:
                store_page(session, self.visit, item)
        except Exception as error:
            self.visit.broken = True
            lost = isinstance(error, LostClaim)
            self.visit.stop(Trouble("lost" if lost else "store", f"写入失败（{type(error).__name__}）"))
            raise
        return item

    def close_spider(self) -> None:
        """Write coverage and outcome; nothing when another run holds the source by now."""
        try:
            with self.visit.house.db.write() as session:
                finish_visit(session, self.visit, self.visit.now())
        except LostClaim:
            self.visit.stop(Trouble("lost", "信源已由另一次采集接管"))


def store_page(session: Session, visit: Visit, page: Page) -> None:
    """Rows, deletions, counts and cursor of one answer. LostClaim when another run took the source over."""
    source, now = hold(session, visit), visit.now()
    store_rows(session, visit, page.rows, now)
    inbox.mark_deleted(session, source.id, missing(session, source.id, page), now)
    for counts in page.counts:
        take_counts(session, counts, now)
    source.cursor = {**source.cursor, **page.cursor}
    if page.recheck:
        source.cursor = {**source.cursor, **start_over(session, source, page.recheck, now)}
    write_figures(session, visit)


def store_rows(session: Session, visit: Visit, rows: Sequence[Row], now: datetime) -> None:
    """Put what was found into the house, copy by copy, and count it."""
    for _copy_id, group in groupby(sorted(rows, key=copy_id_of), key=copy_id_of):
        under = list(group)
        copy = under[0][0]
        put = inbox.put(
            session, inbox.Origin(visit.source_id, copy.id if copy else None, copy.article_id if copy else None),
            (found for _copy, found in under), now, visit.house.vault,
        )  # fmt: skip
        visit.received += len(under)
        visit.added += put.added


def copy_id_of(row: Row) -> int:
    """Id of the copy a found row stands under; 0 without one."""
    return row[0].id if row[0] else 0


def missing(session: Session, source_id: int, page: Page) -> list[str]:
    """Known rows that the page, by its span or as a whole list, says are gone."""
    gone: list[str] = []
    if page.span:
        gone += missing_in_span(session, source_id, page.span, {found.external_id for _copy, found in page.rows})
    if page.listing:
        gone += missing_in_list(session, source_id, page.listing)
    return gone


def start_over(session: Session, source: Source, recheck: Recheck, now: datetime) -> dict[str, Any]:
    """The cursor entry of a list whose next walk goes to the very start; empty when there is no reason to."""
    if recheck.total <= count_known(session, source.id, recheck.copy_id):
        return {}
    state = restart_deep(source.cursor.get(recheck.key) or {}, now.timestamp(), recheck.every_s)
    return {recheck.key: state} if state else {}


def missing_in_span(session: Session, source_id: int, span: Span, kept: set[str]) -> list[str]:
    """Known, undeleted rows between the page's ends that the page does not hold."""
    number, digits = Mention.external_id, func.length(Mention.external_id)
    known = select(number).where(  # numbers as text: the longer one is the greater
        Mention.source_id == source_id,
        Mention.deleted_at.is_(None),
        or_(digits > len(span.low), and_(digits == len(span.low), number >= span.low)),
        or_(digits < len(span.high), and_(digits == len(span.high), number <= span.high)),
    )
    if span.copy_id is not None:
        known = known.where(Mention.copy_id == span.copy_id)
    return [external_id for external_id in session.scalars(known) if external_id not in kept]


def missing_in_list(session: Session, source_id: int, listing: Listing) -> list[str]:
    """Known, undeleted rows of the copy that its whole list does not hold."""
    known = select(Mention.external_id).where(
        Mention.source_id == source_id, Mention.copy_id == listing.copy_id, Mention.deleted_at.is_(None)
    )
    return [external_id for external_id in session.scalars(known) if external_id not in listing.ids]


def take_counts(session: Session, counts: inbox.Counts, now: datetime) -> None:
    """Append a snapshot unless the last one, less than an hour old, says the same."""
    columns = (Snapshot.likes, Snapshot.comments, Snapshot.reposts, Snapshot.reads, Snapshot.exists)
    newest = select(*columns).where(Snapshot.copy_id == counts.copy_id, Snapshot.at > now - SAME_COUNTS)
    last = session.execute(newest.order_by(Snapshot.id.desc()).limit(1)).first()
    values = (counts.likes, counts.comments, counts.reposts, counts.reads, counts.exists)
    if last is None or tuple(last) != values:
        inbox.snapshot(session, counts, now)


def write_figures(session: Session, visit: Visit) -> CrawlRun:
    """The run's figures so far; a killed run keeps the last ones."""
    run = session.get_one(CrawlRun, visit.run_id)
    run.requests, run.received, run.added = visit.requests, visit.received, visit.added
    return run


def finish_visit(session: Session, visit: Visit, now: datetime) -> None:
    """Coverage rows of what was and was not read, the run's outcome, and when the source is due again."""
    source = hold(session, visit)
    run = write_figures(session, visit)
    trouble = visit.trouble or nothing_answered(visit)
    gaps = [*visit.gaps, *left_over(session, visit, trouble)]
    for gap in gaps:
        if gap.copy_id is not None:
            held = count_known(session, source.id, gap.copy_id)
            span = (visit.tried_since, now)
            inbox.cover(
                session, inbox.Covered(source.id, gap.copy_id, *span, gap.state, gap.expected, held, mask(gap.note))
            )
    run.note = join_notes(gap.note for gap in gaps)
    if cover_whole(session, visit, trouble, gaps, now) == CoverageState.COMPLETE:
        source.last_ok_at = now
    end_run(session, source, run, trouble, now)
    source.next_run_at = now + timedelta(seconds=pause_s(source, trouble, visit.interval_s))


def cover_whole(
    session: Session, visit: Visit, trouble: Trouble | None, gaps: list[Gap], now: datetime
) -> CoverageState:
    """The row of the source as a whole; gives its state. A complete run reaches back to the last complete one.

    `expected` and `received` sum over the lists of this run of which the platform told how many rows there are.
    """
    state = overall(trouble, gaps)
    since_at = visit.whole_since if state == CoverageState.COMPLETE else visit.tried_since
    told = {**{gap.copy_id: gap.expected for gap in gaps if gap.expected is not None}, **visit.totals}
    held = sum(count_known(session, visit.source_id, copy_id) for copy_id in told)
    notes = [*([trouble.text] if trouble else []), *(gap.note for gap in gaps if gap.copy_id is None)]
    expected = sum(told.values()) if told else None
    inbox.cover(session, inbox.Covered(visit.source_id, None, since_at, now, state, expected, held, join_notes(notes)))
    return state


def join_notes(notes: Iterable[str]) -> str:
    """Notes in one line, each once, without secrets."""
    return "；".join(dict.fromkeys(mask(note) for note in notes))[:NOTE_CHARACTERS]


def nothing_answered(visit: Visit) -> Trouble | None:
    """A run in which every request came to nothing has failed, whatever the reason."""
    if visit.misses and not visit.answers:
        return Trouble("unreachable", visit.gaps[0].note if visit.gaps else "平台没有回答")
    return None


def left_over(session: Session, visit: Visit, trouble: Trouble | None) -> list[Gap]:
    """What was announced and not read to its end, with what the platform said there is."""
    reason = trouble.text if trouble else "采集中断"
    state = CoverageState.FAILED if trouble and trouble.failed else CoverageState.PARTIAL
    return [
        Gap(copy_id, f"{label}未读完：{reason}", expected_of(session, visit, copy_id), state)
        for copy_id, label in visit.pending.items()
    ]


def expected_of(session: Session, visit: Visit, copy_id: int | None) -> int | None:
    """What the platform says there is: told by the list itself, else by the copy's newest snapshot."""
    if copy_id in visit.totals or copy_id is None or not visit.counted:
        return visit.totals.get(copy_id)
    column = getattr(Snapshot, visit.counted)
    newest = select(column).where(Snapshot.copy_id == copy_id, column.is_not(None))
    count: int | None = session.scalar(newest.order_by(Snapshot.id.desc()).limit(1))
    return count


def overall(trouble: Trouble | None, gaps: list[Gap]) -> CoverageState:
    """How complete the run was as a whole."""
    if trouble and trouble.failed:
        return CoverageState.FAILED
    if trouble or any(gap.state != CoverageState.SKIPPED for gap in gaps):
        return CoverageState.PARTIAL
    return CoverageState.COMPLETE


def count_known(session: Session, source_id: int, copy_id: int | None) -> int:
    """Rows held of a copy, or of the whole source, that are not deleted."""
    query = select(func.count()).where(Mention.source_id == source_id, Mention.deleted_at.is_(None))
    if copy_id is not None:
        query = query.where(Mention.copy_id == copy_id)
    return int(session.scalar(query) or 0)
