"""Runs of sources: claimed once, ended in time, never lost when a process dies, due again at the right moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from core.db import Database
from core.models import Account, CrawlRun, Source
from spiders.runner import due_sources, ensure_sources, environment_of, run_due, run_sources
from spiders.visits import RUN_LIMIT_S, claim
from tests.rooms.spiders.office import Office, Open, Start

ROOT = Path(__file__).parents[3]


def wait_until(true: Callable[[], Any], most_s: float = 60) -> Any:
    """What `true` gives as soon as it is something."""
    deadline = time.monotonic() + most_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return found


@pytest.fixture
def slow(start_platform: Start, open_office: Open) -> Office:
    """An office on a platform that takes 300 ms for every answer, with 1,600 comments to read."""
    office = open_office(start_platform("commercial", "--latency-ms", "300"))
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play_rows(status, "comment", range(1600))
    return office


def is_reading(office: Office) -> int:
    """The process id of a run that has stored something and is not through; 0 before."""
    count = len(office.mentions())
    return office.runs(office.source("weibo_comments").id)[-1].pid or 0 if 0 < count < 1600 else 0


def test_every_spider_of_every_enabled_account_gets_one_source(house: Any) -> None:
    now = house.clock.now()
    with house.db.write() as session:
        session.add_all([Account(kind="weibo", name="甲"), Account(kind="website", name="乙"),
                         Account(kind="client", name="丙", enabled=False)])  # fmt: skip
        session.flush()
        assert ensure_sources(session, now) == 5
        assert ensure_sources(session, now) == 0
        names = sorted(source.name for source in session.scalars(select(Source)))
    assert names == ["乙·网站互动数", "乙·网站评论", "甲·微博互动数", "甲·微博评论", "甲·微博转发"]


def test_a_source_is_claimed_by_one_run_only(database: Database, clock: Any) -> None:
    now = clock.now()
    with database.write() as session:
        session.add(Account(kind="weibo", name="甲"))
        session.flush()
        ensure_sources(session, now)
        due = due_sources(session, now)
    taken: list[int] = []

    def take() -> None:
        with database.write() as session:
            taken.extend(claim(session, due, now))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(due)
    with database.read() as session:
        assert len(session.scalars(select(CrawlRun)).all()) == len(due)
        assert due_sources(session, now + timedelta(seconds=RUN_LIMIT_S)) == due


def test_all_due_sources_are_read_in_one_process_and_wait_for_their_interval(office: Office) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play("weibo", status, {"kind": "comment", "author": "张三", "text": "好"})
    assert run_due(office.house) == 3
    with office.house.db.read() as session:
        runs = session.scalars(select(CrawlRun)).all()
        sources = session.scalars(select(Source)).all()
    assert {run.state for run in runs} == {"done"}
    assert len({run.pid for run in runs}) == 1
    for source in sources:
        assert source.run_id is None
        assert 200 < (source.next_run_at - office.house.clock.now()).total_seconds() < 241
    assert run_due(office.house) == 0


def test_killed_in_the_middle_nothing_is_lost_and_nothing_doubled(slow: Office) -> None:
    source_id = slow.source("weibo_comments").id
    runner = threading.Thread(target=run_sources, args=(slow.house, [source_id]))
    runner.start()
    os.kill(wait_until(lambda: is_reading(slow)), signal.SIGKILL)
    runner.join()
    killed = slow.runs(source_id)[-1]
    assert killed.state == "failed"
    assert "异常退出" in killed.note
    before = len(slow.mentions())
    assert 0 < before < 1600
    again = slow.crawl("weibo_comments")
    assert again.state == "done"
    held = [row.external_id for row in slow.mentions()]
    assert len(held) == len(set(held)) == 1600
    assert again.added == 1600 - before
    assert again.requests < 10, "it went on where it stopped: no more than the rest and the top once more"


def test_when_the_starter_dies_its_crawl_ends_and_the_source_can_be_taken_over(slow: Office) -> None:
    source_id = slow.source("weibo_comments").id
    code = (
        "import sys; from core.config import Settings; from core.house import open_house;"
        "from spiders.runner import run_sources; run_sources(open_house(Settings()), [int(sys.argv[1])])"
    )
    environment = environment_of(slow.house.settings)
    with subprocess.Popen([sys.executable, "-c", code, str(source_id)], cwd=ROOT, env=environment) as starter:
        pid = wait_until(lambda: slow.runs(source_id) and is_reading(slow))
        starter.kill()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    before = len(slow.mentions())
    assert run_sources(slow.house, [source_id]) == 0, "the claim still stands"
    with slow.house.db.write() as session:
        session.get_one(Source, source_id).run_until = slow.house.clock.now()
    assert run_sources(slow.house, [source_id]) == 1
    assert [run.state for run in slow.runs(source_id)] == ["lost", "done"]
    held = [row.external_id for row in slow.mentions()]
    assert 0 < before < len(held) == len(set(held)) == 1600


def test_asked_to_end_it_stores_what_it_has_and_says_what_is_left(slow: Office) -> None:
    source_id = slow.source("weibo_comments").id
    runner = threading.Thread(target=run_sources, args=(slow.house, [source_id]))
    runner.start()
    os.kill(wait_until(lambda: is_reading(slow)), signal.SIGTERM)
    runner.join()
    run = slow.runs(source_id)[-1]
    assert run.state == "done"
    assert "未读完：采集中断" in run.note
    assert 0 < len(slow.mentions()) < 1600
    assert [row.state for row in slow.coverage()] == ["partial", "partial"]
    slow.crawl("weibo_comments")
    assert len(slow.mentions()) == 1600


def test_a_run_that_was_taken_over_writes_nothing_more(slow: Office) -> None:
    source_id = slow.source("weibo_comments").id
    runner = threading.Thread(target=run_sources, args=(slow.house, [source_id]))
    runner.start()
    wait_until(lambda: is_reading(slow))
    with slow.house.db.write() as session:
        source = session.get_one(Source, source_id)
        source.run_until = slow.house.clock.now()
        assert claim(session, [source_id], slow.house.clock.now()) == [source_id]
        successor = session.get_one(Source, source_id).run_id
    at_takeover = len(slow.mentions())
    runner.join()
    assert len(slow.mentions()) == at_takeover
    with slow.house.db.read() as session:
        assert session.get_one(Source, source_id).run_id == successor
    assert [run.state for run in slow.runs(source_id)] == ["lost", "running"]


def test_what_hangs_is_ended_at_the_time_limit(office: Office) -> None:
    office.open_weibo()
    office.post_weibo()
    office.platform.break_("timeout_before", "comments/show", times=1000, seconds=60)
    run = office.crawl("weibo_comments", limit_s=4)
    assert (run.state, run.added) == ("failed", 0)
    assert "超时" in run.note
    assert not psutil.pid_exists(run.pid)
    source = office.source("weibo_comments")
    assert (source.run_id, source.failures) == (None, 1)
