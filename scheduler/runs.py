"""A job, and the log of its runs: what it handled, when it failed. A failure is also an alarm, once while it lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core import alarms
from core.claims import Holder
from core.house import House
from core.http import mask
from core.models import JobRun
from core.models.words import AlarmLevel, RunState

QUIET_LOG_S = 600.0  # of runs that found nothing to do, one in this time is written down
NOTE_LENGTH = 500
LOG = logging.getLogger("wenzheng.scheduler")


@dataclass(frozen=True)
class Job:
    """What runs when: `run` every `every_s` seconds or daily at HH:MM in Shanghai; or `keep`, which runs until told.

    `run` gives the number of things it handled. `engine` is the thread pool: deliver, work or crawl.
    """

    label: str  # Chinese
    run: Callable[[House], int] | None = None
    every_s: float = 0
    daily_at: str = ""
    at_start: bool = True
    engine: str = "work"
    keep: Callable[[House, threading.Event], None] | None = None
    interrupt: Callable[[House], None] | None = None  # called while the duty ends, so that it need not wait for the job
    finish: Callable[[House], None] | None = None  # called when the duty has ended and the job runs no more


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    state: RunState
    done: int = 0
    note: str = ""


class RunLog:
    """Runs jobs for one worker on duty and writes down what came of it."""

    def __init__(self, house: House, holder: Holder) -> None:
        self._house = house
        self._holder = holder
        self._written: dict[str, float] = {}  # job -> monotonic instant of its last row
        self._failing: set[str] = set()

    def run(self, name: str, job: Job) -> None:
        """Run the job once, unless the duty is in doubt. No error leaves this method."""
        if not self._holder.fresh() or job.run is None:
            return
        started = self._house.clock.now()
        run_id = self._open(name, started) if job.daily_at else None
        try:
            done = job.run(self._house)
        except Exception as error:
            LOG.exception("job %s failed", name)
            self.failed(name, started, error, run_id)
        else:
            self._succeeded(name, started, done, run_id)

    def failed(self, name: str, started: datetime, error: Exception, run_id: int | None = None) -> None:
        """Write the failed run and raise the job's alarm."""
        note = mask(f"{type(error).__name__}: {error}")[:NOTE_LENGTH]
        self._failing.add(name)
        self._close(name, started, Outcome(RunState.FAILED, note=note), run_id)

    def close_lost(self) -> None:
        """Runs that an ended worker left open are lost."""
        with self._house.db.write() as session:
            session.execute(
                update(JobRun)
                .where(JobRun.state == RunState.RUNNING.value, JobRun.worker_id != self._holder.id)
                .values(state=RunState.LOST.value, ended_at=self._house.clock.now())
            )

    def _succeeded(self, name: str, started: datetime, done: int, run_id: int | None) -> None:
        quiet_s = self._house.clock.monotonic() - self._written.get(name, float("-inf"))
        if done or run_id or name in self._failing or quiet_s >= QUIET_LOG_S:
            self._close(name, started, Outcome(RunState.DONE, done), run_id)

    def _open(self, name: str, started: datetime) -> int | None:
        row = JobRun(job=name, started_at=started, state=RunState.RUNNING.value, worker_id=self._holder.id)
        try:
            with self._house.db.write() as session:
                session.add(row)
        except SQLAlchemyError:
            LOG.exception("the run of job %s could not be written", name)
            return None
        return row.id

    def _close(self, name: str, started: datetime, outcome: Outcome, run_id: int | None) -> None:
        now = self._house.clock.now()
        try:
            with self._house.db.write() as session:
                row = (session.get(JobRun, run_id) if run_id else None) or JobRun(
                    job=name, started_at=started, worker_id=self._holder.id
                )
                row.state, row.done, row.note = outcome.state.value, outcome.done, outcome.note
                row.ended_at = now
                session.add(row)
                if outcome.state is RunState.FAILED:
                    text = f"定时任务 {name} 执行失败：{outcome.note}"
                    alarms.raise_(session, _alarm_key(name), AlarmLevel.WARNING, "scheduler", text, now)
                else:
                    alarms.clear(session, _alarm_key(name), "scheduler", now)
        except SQLAlchemyError:
            LOG.exception("the run of job %s could not be written", name)
            return
        self._written[name] = self._house.clock.monotonic()
        if outcome.state is RunState.DONE:
            self._failing.discard(name)


def purge(session: Session, before: datetime) -> int:
    """Delete runs that began before that instant."""
    return len(session.execute(delete(JobRun).where(JobRun.started_at < before).returning(JobRun.id)).all())


def _alarm_key(name: str) -> str:
    return f"job:{name}"
