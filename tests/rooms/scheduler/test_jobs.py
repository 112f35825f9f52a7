"""The table of jobs: each runs on an empty house, briefs are made once, old rows go, crawlers can be ended."""

import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.clock import FixedClock
from core.house import create_tables, open_house
from core.models import Account, Alarm, Brief, CrawlRun, JobRun, Source
from scheduler import jobs
from scheduler.clock import run
from scheduler.clockwork import THREADS


@pytest.fixture
def house_at(settings):
    """`house_at(instant)` opens a house whose clock stands there."""
    opened = []

    def open_at(at: datetime):
        house = open_house(settings, create=True, clock=FixedClock(at))
        create_tables(house.db)
        opened.append(house)
        return house

    yield open_at
    for house in opened:
        house.close()


def test_every_job_has_a_chinese_label_threads_and_a_time():
    for name, job in jobs.TABLE.items():
        assert any("一" <= character <= "鿿" for character in job.label), name
        assert job.engine in THREADS, name
        assert (job.keep is None) != (job.run is None), name
        if job.run:
            assert (job.every_s > 0) != bool(job.daily_at), name


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ((2026, 11, 23, 23, 29), date(2026, 11, 22)),  # 07:29 on the 24th in Shanghai
        ((2026, 11, 23, 23, 30), date(2026, 11, 23)),
        ((2026, 11, 24, 15, 59), date(2026, 11, 23)),
        ((2026, 11, 24, 16, 0), date(2026, 11, 23)),
    ],
)
def test_the_newest_brief_is_of_yesterday_from_half_past_seven_on(house_at, utc, day):
    assert jobs.newest_brief_day(house_at(datetime(*utc, tzinfo=UTC))) == day


def test_a_brief_is_made_when_it_is_missing_and_only_then(house_at):
    house = house_at(datetime(2026, 11, 24, 4, 0, tzinfo=UTC))
    assert [jobs.write_brief(house) for _ in range(2)] == [1, 0]
    with house.db.read() as session:
        assert session.scalars(select(Brief.period)).all() == ["2026-11-23"]


def test_old_runs_are_deleted_and_newer_ones_kept(house_at):
    now = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    house = house_at(now)
    with house.db.write() as session:
        session.add_all(JobRun(job="look", started_at=now - timedelta(days=age)) for age in (1, 29, 31))
    assert jobs.purge(house) == 1
    with house.db.read() as session:
        assert session.scalar(select(func.count(JobRun.id))) == 2


def test_only_crawlers_this_process_started_are_ended(house):
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleeping) as crawler, subprocess.Popen(sleeping) as other:
        try:
            with house.db.write() as session:
                account = Account(kind="weibo", name="微博")
                session.add(account)
                session.flush()
                source = Source(spider="weibo_comments", account_id=account.id, name="微博评论")
                session.add(source)
                session.flush()
                for pid, state in ((crawler.pid, "running"), (other.pid, "done"), (1, "running")):
                    session.add(CrawlRun(source_id=source.id, pid=pid, state=state))
            jobs.end_crawls(house)
            crawler.wait(60)
            assert other.poll() is None
        finally:
            crawler.kill()
            other.kill()


def test_the_whole_table_runs_on_an_empty_house_without_a_failure(either_house):
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(either_house, stop))
    thread.start()
    wanted = {name for name, job in jobs.TABLE.items() if job.run and job.at_start}
    end = time.monotonic() + 60
    try:
        while not wanted <= logged(either_house):
            assert time.monotonic() < end, wanted - logged(either_house)
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    with either_house.db.read() as session:
        assert session.scalars(select(Alarm.text)).all() == []
        assert session.scalar(select(func.count(JobRun.id)).where(JobRun.state != "done")) == 0


def logged(house) -> set[str]:
    with house.db.read() as session:
        return set(session.scalars(select(JobRun.job)))
