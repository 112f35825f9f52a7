"""The clock runs its jobs on duty, alone, and gives the duty on in good order and in bad."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from core import alarms
from core.house import open_house
from core.models import Alarm, JobRun, Lease, Worker
from scheduler.clockwork import Clockwork
from scheduler.runs import Job

PATIENCE_S = 60


def wait_for(seen: Callable[[], object]) -> None:
    """Wait for something that must happen; how long it takes is no matter of the test."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.fixture
def brisk(either_house):
    """A house whose lease runs out after one second."""
    settings = either_house.settings.model_copy(update={"lease_s": 1.0})
    house = open_house(settings)
    yield house
    house.close()


class Process:
    """A clockwork running in a thread, as a process would run it."""

    def __init__(self, house, table) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=Clockwork(house, table).run, args=(self.stop,))
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def start(brisk):
    started: list[Process] = []

    def begin(table: dict[str, Job]) -> Process:
        started.append(Process(brisk, table))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def counting(calls: list[str], name: str) -> Callable[[object], int]:
    def run(_house: object) -> int:
        calls.append(name)
        return 1

    return run


def rows(house, model):
    with house.db.read() as session:
        return list(session.scalars(select(model)))


def test_jobs_run_again_and_again_and_their_runs_are_logged(brisk, start):
    calls: list[str] = []
    process = start({"look": Job("回查", counting(calls, "look"), every_s=0.05)})
    wait_for(lambda: len(calls) >= 3)
    process.end()
    logged = rows(brisk, JobRun)
    assert {(run.job, run.state, run.done) for run in logged} == {("look", "done", 1)}
    assert len(logged) == len(calls)
    assert all(run.ended_at >= run.started_at for run in logged)


def test_a_daily_job_runs_at_the_start_and_not_again(brisk, start):
    calls: list[str] = []
    process = start(
        {
            "brief": Job("简报", counting(calls, "brief"), daily_at="07:30"),
            "purge": Job("清理", counting(calls, "purge"), daily_at="03:30", at_start=False),
            "look": Job("回查", counting(calls, "look"), every_s=0.05),
        }
    )
    wait_for(lambda: calls.count("look") >= 3 and "brief" in calls)
    process.end()
    assert calls.count("brief") == 1
    assert "purge" not in calls


def test_runs_that_find_nothing_are_written_down_rarely(brisk, start):
    calls: list[int] = []

    def idle(_house: object) -> int:
        calls.append(1)
        return 0

    process = start({"look": Job("回查", idle, every_s=0.05)})
    wait_for(lambda: len(calls) >= 5)
    process.end()
    assert len(rows(brisk, JobRun)) == 1


def test_a_second_clock_stays_idle_and_takes_over_when_the_first_stops(brisk, start):
    first_calls: list[str] = []
    second_calls: list[str] = []
    first = start({"look": Job("回查", counting(first_calls, "a"), every_s=0.05)})
    wait_for(lambda: first_calls)
    second = start({"look": Job("回查", counting(second_calls, "b"), every_s=0.05)})
    seen = len(first_calls)
    wait_for(lambda: len(first_calls) > seen + 20)  # about a lease's time beside the living first one
    assert second_calls == []
    first.end()
    wait_for(lambda: second_calls)
    second.end()
    assert rows(brisk, Lease)[0].worker_id is None


def test_a_failing_job_is_logged_and_raises_one_alarm_that_a_success_clears(brisk, start):
    broken = threading.Event()
    broken.set()
    calls: list[int] = []

    def fragile(_house: object) -> int:
        calls.append(1)
        if broken.is_set():
            raise RuntimeError("platform said access_token=abc123 is bad")
        return 1

    start({"look": Job("回查", fragile, every_s=0.05)})
    wait_for(lambda: len(calls) >= 3)
    wait_for(lambda: rows(brisk, Alarm))
    (alarm,) = rows(brisk, Alarm)
    assert (alarm.dedup_key, alarm.room, alarm.cleared_at) == ("job:look", "scheduler", None)
    assert "abc123" not in alarm.text
    broken.clear()
    wait_for(lambda: rows(brisk, Alarm)[0].cleared_at)
    failed = [run for run in rows(brisk, JobRun) if run.state == "failed"]
    assert len(failed) >= 2
    assert "RuntimeError" in failed[0].note
    assert "abc123" not in failed[0].note
    assert len(rows(brisk, Alarm)) == 1


def test_delivering_does_not_wait_behind_crawling(start):
    crawling, release = threading.Event(), threading.Event()
    calls: list[str] = []

    def crawl(_house: object) -> int:
        crawling.set()
        release.wait(PATIENCE_S)
        return 0

    start(
        {
            "crawl": Job("采集", crawl, every_s=0.05, engine="crawl"),
            "look": Job("回查", counting(calls, "look"), every_s=0.05, engine="deliver"),
            "score": Job("评分", counting(calls, "score"), every_s=0.05),
        }
    )
    assert crawling.wait(PATIENCE_S)
    calls.clear()
    wait_for(lambda: calls.count("look") >= 3 and calls.count("score") >= 3)
    release.set()


def test_stopping_lets_a_running_job_end_and_gives_the_duty_back(brisk, start):
    running, finish = threading.Event(), threading.Event()
    ended: list[int] = []

    def slow(_house: object) -> int:
        running.set()
        finish.wait(PATIENCE_S)
        ended.append(1)
        return 7

    process = start({"score": Job("评分", slow, every_s=60, finish=lambda _house: ended.append(2))})
    assert running.wait(PATIENCE_S)
    process.stop.set()
    finish.set()
    process.end()
    assert ended == [1, 2]
    assert [(run.state, run.done) for run in rows(brisk, JobRun)] == [("done", 7)]
    assert rows(brisk, Lease)[0].worker_id is None
    assert all(worker.ended_at for worker in rows(brisk, Worker))


def test_a_job_that_may_be_interrupted_is_not_waited_for(start):
    running, cut = threading.Event(), threading.Event()

    def crawl(_house: object) -> int:
        running.set()
        cut.wait(PATIENCE_S * 10)
        return 0

    job = Job("采集", crawl, every_s=0.05, engine="crawl", interrupt=lambda _house: cut.set())
    process = start({"crawl": job})
    assert running.wait(PATIENCE_S)
    process.end()
    assert cut.is_set()


def test_a_kept_job_that_fails_is_started_again_with_an_alarm(brisk, start):
    calls: list[int] = []

    def keep(_house: object, off: threading.Event) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("gone")
        off.wait(PATIENCE_S)

    process = start({"deliver": Job("分发", keep=keep)})
    wait_for(lambda: len(calls) == 2)
    process.end()
    with brisk.db.read() as session:
        assert [alarm.dedup_key for alarm in alarms.standing(session)] == ["job:deliver"]


def test_a_run_left_open_by_an_ended_worker_is_lost(brisk, start):
    with brisk.db.write() as session:
        dead = Worker(name="scheduler", host="elsewhere", pid=1, pid_started=0.0)
        session.add(dead)
        session.flush()
        session.add(JobRun(job="brief", worker_id=dead.id))
    calls: list[str] = []
    start({"look": Job("回查", counting(calls, "look"), every_s=0.05)})
    wait_for(lambda: calls)
    assert [run.state for run in rows(brisk, JobRun) if run.job == "brief"] == ["lost"]


def test_a_clock_whose_worker_was_declared_dead_signs_on_anew(brisk, start):
    calls: list[str] = []
    start({"look": Job("回查", counting(calls, "look"), every_s=0.05)})
    wait_for(lambda: calls)
    with brisk.db.write() as session:
        first = session.scalars(select(Worker)).one()
        first.ended_at = brisk.clock.now()
    wait_for(lambda: rows(brisk, Lease)[0].worker_id not in (None, first.id))
    calls.clear()
    wait_for(lambda: calls)


OTHER_PROCESS = """
import sys, threading
from core.config import Settings
from core.house import open_house
from scheduler.clockwork import Clockwork
from scheduler.runs import Job
settings = Settings.model_validate_json(sys.argv[1])
def run(house):
    if len(sys.argv) == 2:
        print("ran", flush=True)
        return 1
    with house.db.write() as session:
        session.connection()
        print("ran", flush=True)
        threading.Event().wait()
Clockwork(open_house(settings), {"look": Job("回查", run, every_s=0.05)}).run(threading.Event())
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("moment", [[], ["while writing"]])
def test_a_killed_or_stalled_clock_is_succeeded_and_ended(brisk, start, blow, moment):
    command = [sys.executable, "-c", OTHER_PROCESS, brisk.settings.model_dump_json(), *moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "ran\n"
            os.kill(other.pid, blow)
            calls: list[str] = []
            start({"look": Job("回查", counting(calls, "look"), every_s=0.05)})
            wait_for(lambda: calls)
            wait_for(lambda: other.poll() is not None)  # a stalled process would never end by itself
        finally:
            other.kill()
    (lease,) = rows(brisk, Lease)
    assert next(worker.pid for worker in rows(brisk, Worker) if worker.id == lease.worker_id) == os.getpid()
