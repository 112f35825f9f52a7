"""Runs a table of jobs while this process holds the duty `scheduler`; a second process waits for its turn.

Knows no job: the table is handed in. APScheduler is only the clock, its jobs live in memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from core.claims import Holder, Watch, end_process, hold_lease, register, release_lease
from core.clock import SHANGHAI
from core.house import House
from core.models import Lease, Worker
from scheduler.runs import Job, RunLog

DUTY = "scheduler"
THREADS = {"deliver": 4, "work": 4, "crawl": 1}  # delivering never waits behind scoring, scoring never behind crawling
LOOKS_A_LEASE = 10
LONGEST_LOOK_S = 1.0
PAUSE_S = 1.0  # before a kept job that failed is started again
LOG = logging.getLogger("wenzheng.scheduler")


class Clockwork:
    """The jobs of one process, on or off duty."""

    def __init__(self, house: House, table: Mapping[str, Job]) -> None:
        self._house = house
        self._table = table
        self._lease_s = house.settings.lease_s / house.settings.time_factor
        self._pause_s = min(LONGEST_LOOK_S, self._lease_s / LOOKS_A_LEASE)
        self._watch = Watch(house.clock, self._lease_s)
        self._off = threading.Event()  # set: kept jobs end
        self._clock: BackgroundScheduler | None = None
        self._kept: list[threading.Thread] = []

    def run(self, stop: threading.Event) -> None:
        """Hold the duty and run the jobs until `stop`; then let running jobs end and give the duty back."""
        while self._stand_by(stop):
            with register(self._house.db, DUTY, lease_s=self._lease_s, clock=self._house.clock) as holder:
                holder.watch = self._watch
                try:
                    self._serve(holder, stop)
                finally:
                    self._end_duty()
                    release_lease(self._house.db, holder, DUTY)

    def _stand_by(self, stop: threading.Event) -> bool:
        """Wait until the duty is free or its holder stalled; False when told to stop.

        Reads only: a process that was stopped in the middle of a write holds SQLite's write lock until it is ended.
        """
        while not stop.is_set():
            lease, owner = self._duty()
            if lease is None or owner is None or owner.ended_at is not None:
                return True
            if self._watch.expired(("lease", DUTY), (lease.fence, owner.id, owner.counter)):
                end_process(owner.host, owner.pid, owner.pid_started)
                return True
            stop.wait(self._pause_s)
        return False

    def _duty(self) -> tuple[Lease | None, Worker | None]:
        with self._house.db.read() as session:
            lease = session.get(Lease, DUTY)
            return lease, session.get(Worker, lease.worker_id) if lease and lease.worker_id else None

    def _serve(self, holder: Holder, stop: threading.Event) -> None:
        """Until `stop`, or until another process has ended this worker: then a new one is registered."""
        while not holder.lost:
            if self._holds(holder):
                self._begin_duty(holder)
            else:
                self._end_duty()
            if stop.wait(self._pause_s):
                return

    def _holds(self, holder: Holder) -> bool:
        try:
            return hold_lease(self._house.db, holder, DUTY) and holder.fresh()
        except SQLAlchemyError as error:
            LOG.warning("the duty could not be read: %s", error)
            return self._clock is not None and holder.fresh()

    def _begin_duty(self, holder: Holder) -> None:
        if self._clock is not None:
            return
        LOG.info("worker %s is on duty", holder.id)
        log = RunLog(self._house, holder)
        log.close_lost()
        self._off.clear()
        self._clock = self._wind(log)
        self._clock.start()
        for name, job in self._table.items():
            if job.keep:
                thread = threading.Thread(target=self._keep, args=(name, job, log), name=f"job-{name}")
                thread.start()
                self._kept.append(thread)

    def _end_duty(self) -> None:
        """Start nothing more, interrupt what may be interrupted, and wait for what runs."""
        self._off.set()
        if self._clock is not None:
            self._clock.pause()
            ended = threading.Event()
            interrupter = threading.Thread(target=self._interrupt, args=(ended,))
            interrupter.start()
            self._clock.shutdown(wait=True)
            ended.set()
            interrupter.join()
            self._clock = None
            self._finish()
        for thread in self._kept:
            thread.join()
        self._kept.clear()

    def _finish(self) -> None:
        for name, job in self._table.items():
            if job.finish:
                try:
                    job.finish(self._house)
                except SQLAlchemyError as error:
                    LOG.warning("job %s could not be finished: %s", name, error)

    def _interrupt(self, ended: threading.Event) -> None:
        """Again and again until everything ended: a job may have begun its next piece of work meanwhile."""
        jobs = {name: job.interrupt for name, job in self._table.items() if job.interrupt}
        while jobs and not ended.is_set():
            for name, interrupt in jobs.items():
                try:
                    interrupt(self._house)
                except (SQLAlchemyError, OSError) as error:
                    LOG.warning("job %s could not be interrupted: %s", name, error)
            ended.wait(PAUSE_S)

    def _wind(self, log: RunLog) -> BackgroundScheduler:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a job still running at its next turn is no news
        clock = BackgroundScheduler(
            executors={name: ThreadPoolExecutor(count) for name, count in THREADS.items()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=SHANGHAI,
        )
        for name, job in self._table.items():
            if not job.run:
                continue
            at_once = {"next_run_time": self._house.clock.now()} if job.at_start else {}
            clock.add_job(log.run, self._trigger(job), args=(name, job), id=name, executor=job.engine, **at_once)
        return clock

    def _trigger(self, job: Job) -> BaseTrigger:
        if job.daily_at:
            hour, _, minute = job.daily_at.partition(":")
            return CronTrigger(hour=int(hour), minute=int(minute), timezone=SHANGHAI)
        factor = self._house.settings.time_factor if job.engine == "deliver" else 1
        return IntervalTrigger(seconds=job.every_s / factor, timezone=SHANGHAI)

    def _keep(self, name: str, job: Job, log: RunLog) -> None:
        """Run a kept job until the duty ends; one that fails is written down and started again."""
        assert job.keep
        while not self._off.is_set():
            try:
                job.keep(self._house, self._off)
            except Exception as error:
                LOG.exception("job %s failed", name)
                log.failed(name, self._house.clock.now(), error)
            self._off.wait(PAUSE_S)
