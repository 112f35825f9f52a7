"""One visit: what a spider knows about its source in one run, and the claim that lets it write.

Claims and endings of runs are here, so that the process that starts spiders and the spiders agree. No requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.alarms import clear, raise_
from core.errors import LostClaim
from core.house import House
from core.http import mask
from core.models import Account, Article, Copy, CrawlRun, Source
from core.models.words import AlarmLevel, ArticleKind, CopyState, RunState
from spiders.items import CopyRef, Gap, Trouble
from spiders.paces import spread_s

RUN_LIMIT_S = 120.0  # a run older than this is ended and its source may be taken by another
AFTERMATH = timedelta(days=1)  # a copy that is gone is still looked at for this long
MOST_COPIES = 500
ALARM_AFTER = 3  # failed runs in a row
LONGEST_PAUSE_S = 3600.0


Claim = tuple[Source, CrawlRun, datetime | None]  # the claimed source, its run, the end of the run before


class Visit:
    """The state of one run of one source. Spiders read it, middlewares and the pipeline write it."""

    def __init__(self, house: House, claim: Claim, account: Account, copies: list[CopyRef]) -> None:
        source, run, tried_at = claim
        self.house, self.account, self.copies = house, account, copies
        self.source_id, self.run_id, self.spider = source.id, run.id, source.spider
        self.cursor: dict[str, Any] = dict(source.cursor)
        self.whole_since = source.last_ok_at or min((copy.published_at for copy in copies), default=run.started_at)
        self.tried_since = tried_at or self.whole_since
        self.requests = self.received = self.added = 0
        self.pending: dict[int | None, str] = {}  # what is still to be read: copy id -> what it is, in Chinese
        self.totals: dict[int | None, int] = {}  # what the platform says there is
        self.counted = ""  # the snapshot column that tells it for a list that was not reached
        self.gaps: list[Gap] = []
        self.trouble: Trouble | None = None
        self.answers = self.misses = 0  # requests that were answered, and those given up
        self.broken = False  # a write failed: the cursor in memory is ahead of the stored one
        given = source.interval_s or house.settings.spider_interval_s
        self.interval_s = spread_s(source.spider, account.kind, account.settings, given)

    def stop(self, trouble: Trouble) -> None:
        """Let no further request out; the first reason counts."""
        self.trouble = self.trouble or trouble

    def state(self, key: str) -> dict[str, Any]:
        """The cursor's entry of one list; empty before its first read."""
        return dict(self.cursor.get(key) or {})

    def keep(self, key: str, state: dict[str, Any]) -> dict[str, Any]:
        """Take over a list's new state; the returned part belongs into the page that carries its rows."""
        self.cursor[key] = state
        return {key: state}

    def now(self) -> datetime:
        """The house's clock."""
        return self.house.clock.now()

    def secret(self) -> dict[str, Any]:
        """The account's credentials, opened."""
        return self.house.vault.decrypt_json(self.account.secret) if self.account.secret else {}


def visit_of(crawler: Any) -> Visit:
    """The visit a Scrapy crawler's spider was given."""
    visit: Visit = crawler.spider.visit
    return visit


def open_visit(house: House, source_id: int) -> Visit:
    """The visit of a claimed source; LostClaim when no run holds it."""
    with house.db.read() as session:
        source = session.get_one(Source, source_id)
        run = session.get(CrawlRun, source.run_id) if source.run_id else None
        if run is None or source.account_id is None:
            raise LostClaim("没有进行中的采集")
        account = session.get_one(Account, source.account_id)
        copies = list_copies(session, account.id, house.clock.now())
        ends = select(func.max(CrawlRun.ended_at)).where(CrawlRun.source_id == source_id)
        tried_at = session.scalar(ends)
        session.expunge_all()
    return Visit(house, (source, run, tried_at), account, copies)


def list_copies(session: Session, account_id: int, now: datetime) -> list[CopyRef]:
    """Articles live on the account, or gone within the last day; newest first."""
    gone = [CopyState.WITHDRAWN, CopyState.GONE]
    query = (
        select(Copy, Article.title)
        .join(Article, Article.id == Copy.article_id)
        .where(Copy.account_id == account_id, Article.kind == ArticleKind.ARTICLE)
        .where(or_(Copy.state == CopyState.LIVE, Copy.state.in_(gone) & (Copy.ended_at > now - AFTERMATH)))
        .order_by(Copy.published_at.desc(), Copy.id.desc())
        .limit(MOST_COPIES)
    )
    return [_refer(copy, title, now) for copy, title in session.execute(query)]


def _refer(copy: Copy, title: str, now: datetime) -> CopyRef:
    published_at = copy.published_at or copy.confirmed_at or now
    return CopyRef(
        copy.id, copy.article_id, title, copy.remote_id, copy.url, published_at, copy.ended_at, dict(copy.receipt or {})
    )


def claim(session: Session, source_ids: Iterable[int], now: datetime, limit_s: float = RUN_LIMIT_S) -> list[int]:
    """Take the sources that no run holds; each gets a CrawlRun. Gives the ids taken. One row update each decides."""
    taken = []
    for source_id in source_ids:
        source = session.scalars(
            select(Source)
            .where(Source.id == source_id, or_(Source.run_until.is_(None), Source.run_until <= now))
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if source is None:
            continue
        _close_lost(session, source, now)
        run = CrawlRun(source_id=source.id, started_at=now, state=RunState.RUNNING)
        session.add(run)
        session.flush()
        source.run_id, source.run_until = run.id, now + timedelta(seconds=limit_s)
        taken.append(source.id)
    return taken


def hold(session: Session, visit: Visit) -> Source:
    """The source row locked for this run's writes; LostClaim when another run took it over."""
    source = session.get_one(Source, visit.source_id, with_for_update=True, populate_existing=True)
    if source.run_id != visit.run_id:
        raise LostClaim("信源已由另一次采集接管")
    return source


def end_run(session: Session, source: Source, run: CrawlRun, trouble: Trouble | None, now: datetime) -> None:
    """Write how a run ended and free the source; too many failures in a row raise an alarm, a good run clears it.

    `last_ok_at` is the caller's to set: only it knows whether everything was read.
    """
    failed = trouble is not None and trouble.failed
    run.state, run.ended_at = RunState.FAILED if failed else RunState.DONE, now
    if trouble and not run.note:
        run.note = mask(trouble.text)
    source.run_id = source.run_until = None
    if not failed:
        source.failures, source.last_error = 0, trouble.text if trouble else ""
        clear(session, alarm_key(source.id), "采集", now)
        return
    assert trouble is not None
    source.failures, source.last_error = source.failures + 1, mask(trouble.text)
    if source.failures >= ALARM_AFTER:
        text = f"{source.name}连续 {source.failures} 次采集失败：{mask(trouble.text)}"
        raise_(session, alarm_key(source.id), AlarmLevel.WARNING, "spiders", text, now, source_id=source.id)


def pause_s(source: Source, trouble: Trouble | None, interval_s: float) -> float:
    """Seconds until the next run: the interval, what the platform asked for, or ever longer after failures."""
    if trouble is None:
        return interval_s
    if trouble.failed:
        return min(interval_s * 2.0 ** min(source.failures, 8), max(LONGEST_PAUSE_S, interval_s))
    return max(interval_s, trouble.wait_s)


def _close_lost(session: Session, source: Source, now: datetime) -> None:
    """A run whose process died with its starter: its source is taken over, so it is over."""
    session.execute(
        update(CrawlRun)
        .where(CrawlRun.source_id == source.id, CrawlRun.state == RunState.RUNNING)
        .values(state=RunState.LOST, ended_at=now, note="采集进程中断，由新的一次采集接管")
    )


def alarm_key(source_id: int) -> str:
    """Dedup key of the alarm about a source."""
    return f"spiders:source:{source_id}"
