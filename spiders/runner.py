"""Starts Scrapy: a source per spider and account, due ones claimed and crawled in a subprocess with a time limit.

Scrapy itself is never imported here: its reactor lives and ends with the subprocess.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.config import Settings
from core.db import insert_for
from core.house import House
from core.http import mask
from core.models import Account, CrawlRun, Source
from core.models.words import RunState
from spiders.items import Trouble
from spiders.sources import TABLE, spiders_of
from spiders.visits import RUN_LIMIT_S, claim, end_run, pause_s

SOURCES_A_PROCESS = 12
PROCESSES = 2
GRACE_S = 10.0  # a claim outlives the time limit by this, so that the process is surely ended first
STDERR_KEPT = 600


@dataclass
class Crawl:
    """One running subprocess and the sources it reads."""

    process: subprocess.Popen[bytes]
    source_ids: Sequence[int]
    errors: IO[bytes]
    deadline: float


def ensure_sources(session: Session, now: datetime) -> int:
    """One source for each spider and enabled account, due at once; existing ones stay. Gives how many are new."""
    rows = [
        {"spider": spider, "account_id": account.id, "name": f"{account.name}·{TABLE[spider][1]}", "cursor": {},
         "enabled": True, "last_error": "", "failures": 0, "next_run_at": now}
        for account in session.scalars(select(Account).where(Account.enabled))
        for spider in spiders_of(account.kind)
    ]  # fmt: skip
    if not rows:
        return 0
    insert = insert_for(session, Source).values(rows).on_conflict_do_nothing()
    return len(session.scalars(insert.returning(Source.id)).all())


def run_due(house: House) -> int:
    """Crawl every source that is due and wait for the end; gives the number of runs. Call it again and again."""
    now = house.clock.now()
    with house.db.write() as session:
        ensure_sources(session, now)
        due = due_sources(session, now)
    return run_sources(house, due)


def due_sources(session: Session, now: datetime) -> list[int]:
    """Ids of sources whose time has come and that no run holds, longest waiting first."""
    query = (
        select(Source.id)
        .join(Account, Account.id == Source.account_id)
        .where(Source.enabled, Account.enabled)
        .where(or_(Source.next_run_at.is_(None), Source.next_run_at <= now))
        .where(or_(Source.run_until.is_(None), Source.run_until <= now))
        .order_by(Source.next_run_at, Source.id)
    )
    return list(session.scalars(query))


def run_sources(house: House, source_ids: Iterable[int], limit_s: float = RUN_LIMIT_S) -> int:
    """Crawl these sources now, due or not; those another run holds are left out. Gives the number of runs."""
    with house.db.write() as session:
        taken = claim(session, source_ids, house.clock.now(), limit_s + GRACE_S)
    waiting = [taken[start : start + SOURCES_A_PROCESS] for start in range(0, len(taken), SOURCES_A_PROCESS)]
    running: list[Crawl] = []
    try:
        while waiting or running:
            while waiting and len(running) < PROCESSES:
                running.append(start_crawl(house, waiting.pop(0), limit_s))
            running = list(reap(house, running))
            time.sleep(0.05)
    finally:
        for crawl in running:
            end_crawl(house, crawl, "采集被中止")
    return len(taken)


def start_crawl(house: House, source_ids: Sequence[int], limit_s: float) -> Crawl:
    """Start `python -m spiders` for claimed sources; it ends itself when its standard input closes."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the crawl is settled
    process = subprocess.Popen(
        [sys.executable, "-m", "spiders", "--watched", *map(str, source_ids)],
        env=environment_of(house.settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        cwd=Path(__file__).parents[1],
    )
    _note_pid(house, source_ids, process.pid)
    return Crawl(process, source_ids, errors, house.clock.monotonic() + limit_s)


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with every setting of the house in it; paths made absolute."""
    values = {f"WENZHENG_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    values["WENZHENG_HOME"] = str(settings.home.resolve())
    for name in ("site_dir", "secret_key_file"):
        if path := getattr(settings, name):
            values[f"WENZHENG_{name.upper()}"] = str(Path(path).resolve())
    return {**os.environ, **values}


def reap(house: House, running: Iterable[Crawl]) -> Iterator[Crawl]:
    """End what has overstayed, settle what has ended; gives those that still run."""
    for crawl in running:
        if crawl.process.poll() is not None:
            settle(house, crawl, f"采集进程异常退出（{crawl.process.returncode}）")
        elif house.clock.monotonic() >= crawl.deadline:
            end_crawl(house, crawl, "采集超时，进程已被结束")
        else:
            yield crawl


def end_crawl(house: House, crawl: Crawl, text: str) -> None:
    """Kill a subprocess and settle its runs; a page is stored whole or not at all, so nothing is half done."""
    crawl.process.kill()
    crawl.process.wait()
    settle(house, crawl, text)


def settle(house: House, crawl: Crawl, text: str) -> None:
    """Close the runs the subprocess did not close itself, with the last of what it said."""
    if crawl.process.stdin:
        crawl.process.stdin.close()
    crawl.errors.seek(0)
    said = mask(crawl.errors.read().decode("utf-8", "replace").strip())[-STDERR_KEPT:]
    crawl.errors.close()
    now = house.clock.now()
    with house.db.write() as session:
        for source_id in crawl.source_ids:
            source = session.get_one(Source, source_id)
            run = session.get(CrawlRun, source.run_id) if source.run_id else None
            if run is None or run.pid != crawl.process.pid:
                continue
            trouble = Trouble("ended", text)
            run.note = f"{text}：{said}" if said else text
            end_run(session, source, run, trouble, now)
            interval_s = source.interval_s or house.settings.spider_interval_s
            source.next_run_at = now + timedelta(seconds=pause_s(source, trouble, interval_s))


def _note_pid(house: House, source_ids: Sequence[int], pid: int) -> None:
    with house.db.write() as session:
        for source_id in source_ids:
            source = session.get_one(Source, source_id)
            run = session.get(CrawlRun, source.run_id) if source.run_id else None
            if run is not None and run.state == RunState.RUNNING and run.pid is None:
                run.pid = pid
