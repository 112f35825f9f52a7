"""The crash harness: real sandbox, real worker processes, real kills; judged by what is really live in the end."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select
from werkzeug.serving import make_server

from bench.ledger import crew
from bench.ledger.crew import Post
from bench.ledger.office import Office, make_settings
from bench.ledger.runs import Run, account_settings, faults, make_runs
from bench.ledger.sandbox import Sandbox
from core.models import Delivery, Worker
from core.models.words import Operation
from portal.web import create_app
from publisher.delivery import plan, withdraw
from publisher.delivery.pace import pace_of
from publisher.workflow import ENDED, State

WORKERS = 2
LATENCY_MS = 40
SETTLED_S = (60 + 15 + 90) * 1.0  # the longest late accept, list lag and late callback, before division
MOST_WAIT_S = 1.5 * 1800.0  # before division


@dataclass
class Options:
    """What one run of the harness does."""

    counts: dict[str, int]
    seed: int = 1
    time_factor: float = 20
    settle_factor: float = 1
    naive: bool = False
    launch_s: float = 40
    most_wait_s: float = 0  # in real seconds; 0: as long as the slowest channel may take
    database_url: str = ""
    home: Path = Path("/tmp")


@dataclass
class Started:
    """A run on its way."""

    run: Run
    article_id: int
    link: str
    accounts: dict[str, int]
    withdrawn: bool = False


@dataclass
class Tally:
    """What was done to the processes."""

    kills: int = 0
    stops: int = 0
    outlived: int = 0  # stopped workers that were still there to go on
    notes: list[str] = field(default_factory=list)


class Harness:
    """Build everything, run, judge, tear down."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rng = random.Random(options.seed)
        self.sandbox = Sandbox(
            options.home / "sandbox.db", time_factor=options.time_factor, latency_ms=LATENCY_MS, seed=options.seed
        )
        self.office = Office(make_settings(options.home / "home", self.sandbox, **self._changes()))
        self.pace = pace_of(self.office.settings)
        self.portal = make_server("127.0.0.1", 0, create_app(self.office.house), threaded=True)
        threading.Thread(target=self.portal.serve_forever, daemon=True).start()
        self.tally = Tally()
        self.started: list[Started] = []
        self._sets: dict[int, dict[str, int]] = {}
        self._workers: list[BaseProcess] = []
        self._stopped: list[BaseProcess] = []
        self._crew = threading.Lock()
        self._keeper: BaseProcess | None = None
        self._born = 0
        self._quiet = threading.Event()

    def run(self) -> list[Started]:
        """Start the crew, launch every run over the launch time while killing and stopping, wait for the end."""
        runs = list(make_runs(self.options.counts))
        self.rng.shuffle(runs)
        for run in sorted(runs, key=lambda run: run.set_number):
            self._accounts_of(run)
        self._keeper = crew.start_keeper(self._post("keeper"))
        self._workers = [self._new_worker() for _ in range(WORKERS)]
        breakers = [
            threading.Thread(target=self._kill, args=(self.options.counts["kills"],)),
            threading.Thread(target=self._stop, args=(self.options.counts["stops"],)),
        ]
        for thread in breakers:
            thread.start()
        self._launch(runs)
        breakers[0].join()
        breakers[1].join(timeout=self.options.launch_s)
        self._quiet.set()
        self._wait()
        time.sleep(SETTLED_S / self.options.time_factor)
        self._wait()
        return self.started

    def close(self) -> None:
        """End every process."""
        self._quiet.set()
        everyone = [*self._workers, *self._stopped, self._keeper]
        for process in everyone:
            if process is not None and process.is_alive():
                process.terminate()
        for process in everyone:
            if process is not None:
                process.join(10)
                if process.is_alive():
                    process.kill()
                    process.join(10)
        self.portal.shutdown()
        self.sandbox.stop()
        self.office.house.close()

    def _changes(self) -> dict[str, Any]:
        return {
            "time_factor": self.options.time_factor, "settle_factor": self.options.settle_factor,
            "database_url": self.options.database_url, "ask_s": 60.0, "deliver_threads": 8,
        }  # fmt: skip

    def _post(self, name: str, elsewhere: bool = False) -> Post:
        settings = self.office.settings.model_dump(mode="json")
        log = str(self.options.home / "crew.log")
        return Post(settings, name, elsewhere=elsewhere, naive=self.options.naive, log=log)

    def _new_worker(self) -> BaseProcess:
        self._born += 1
        return crew.start_worker(self._post(f"worker{self._born}", elsewhere=self._born % 2 == 0))

    def _accounts_of(self, run: Run) -> dict[str, int]:
        if run.set_number in self._sets:
            return self._sets[run.set_number]
        ids, sandbox_ids = self.office.account_set(self.sandbox, str(run.set_number), account_settings(run.kind))
        port = self.portal.server_port
        url = f"http://127.0.0.1:{port}/callbacks/wechat/{ids['wechat']}"
        self.sandbox.change("wechat", sandbox_ids["wechat"], callback_url=url)
        self.sandbox.fault(*faults(run.kind, run.set_number, sandbox_ids, self.rng))
        self._sets[run.set_number] = ids
        return ids

    def _launch(self, runs: list[Run]) -> None:
        """Plan the runs evenly over the launch time; withdrawals come at a random moment of their publish."""
        gap_s = self.options.launch_s / max(1, len(runs))
        timers = []
        for run in runs:
            began = time.monotonic()
            self._replace()
            ids = self._accounts_of(run)
            chosen = {kind: ids[kind] for kind in ("website", run.channel)}
            title = f"第{len(self.started) + 1}号通告：{run.name}"
            article_id = self.office.article(title, list(chosen.values()), picture=run.channel != "client")
            house = self.office.house
            with house.db.write() as session:
                now = house.clock.now()
                plan(session, self.office.publisher, article_id, now, now, late_policy="send", website_first_s=5)
            entry = Started(run, article_id, f"{self.office.settings.site_url}/articles/{article_id}.html", chosen)
            self.started.append(entry)
            if run.kind == "withdrawals":
                timer = threading.Timer(self.rng.uniform(0, 2.5), self._withdraw, (entry,))
                timer.start()
                timers.append(timer)
            time.sleep(max(0.0, gap_s - (time.monotonic() - began)))
        for timer in timers:
            timer.join()

    def _withdraw(self, entry: Started) -> None:
        house = self.office.house
        with house.db.write() as session:
            withdraw(session, self.office.publisher, entry.article_id, "数据有误", house.clock.now())
        entry.withdrawn = True

    def _kill(self, count: int) -> None:
        """kill -9 of a random worker at random instants, evenly over the launch time; each is replaced at once."""
        rng = random.Random(self.options.seed + 1)
        mean_s = self.options.launch_s / max(1, count)
        for _ in range(count):
            if self._quiet.wait(rng.uniform(0.3, 1.7) * mean_s):
                return
            place = rng.randrange(WORKERS)
            with self._crew:
                crew.send(self._workers[place], signal.SIGKILL)
            self.tally.kills += 1
            self._replace()

    def _stop(self, count: int) -> None:
        """SIGSTOP of a worker with a row in flight for longer than a lease, then SIGCONT; a second one goes on."""
        rng = random.Random(self.options.seed + 2)
        mean_s = self.options.launch_s / max(1, count)
        timers: list[threading.Timer] = []
        while self.tally.stops < count and not self._quiet.wait(rng.uniform(0.2, 0.8) * mean_s):
            pid = self._busy_worker()
            time.sleep(rng.uniform(0, 0.1))
            with self._crew:
                place = next((at for at, process in enumerate(self._workers) if process.pid == pid), None)
                if place is None or not crew.send(self._workers[place], signal.SIGSTOP):
                    continue
                process = self._workers[place]
                self._stopped.append(process)
                self._workers[place] = self._new_worker()
            self.tally.stops += 1
            timers.append(threading.Timer(self.pace.lease_s * rng.uniform(1.5, 3.0), self._resume, (process,)))
            timers[-1].start()
        for timer in timers:
            timer.join()

    def _busy_worker(self) -> int:
        """Process id of a worker that holds a claimed row now; waits for one."""
        query = select(Worker.pid).join(Delivery, Delivery.worker_id == Worker.id)
        query = query.where(Delivery.state == State.INTENDED.value, Worker.ended_at.is_(None))
        while not self._quiet.wait(0.01):
            with self.office.house.db.read() as session:
                pids = list(session.scalars(query))
            alive = {process.pid for process in self._workers}
            for pid in pids:
                if pid in alive:
                    return pid
        return 0

    def _resume(self, process: BaseProcess) -> None:
        """Go on after the pause; a worker on this machine has been ended by its taker meanwhile."""
        if crew.send(process, signal.SIGCONT) and psutil.pid_exists(process.pid or 0):
            self.tally.outlived += 1
            time.sleep(self.pace.lease_s)
            crew.send(process, signal.SIGTERM)

    def _replace(self) -> None:
        """As a service manager does: a worker that died is started again."""
        with self._crew:
            for place, process in enumerate(self._workers):
                if not process.is_alive():
                    self._workers[place] = self._new_worker()

    def _wait(self) -> None:
        """Until every row ended or a person was asked."""
        until = time.monotonic() + (self.options.most_wait_s or MOST_WAIT_S / self.options.time_factor)
        ended = [state.value for state in ENDED]
        while time.monotonic() < until:
            with self.office.house.db.read() as session:
                open_rows = session.scalar(
                    select(func.count(Delivery.id)).where(Delivery.state.not_in(ended), ~_waits_for_person())
                )
            if not open_rows:
                return
            self._replace()
            time.sleep(0.25)
        self.tally.notes.append(f"{open_rows} rows were neither final nor asked in the end")


def _waits_for_person() -> Any:
    """Asked rows, and withdrawals that wait behind them."""
    asked = select(Delivery.copy_id).where(Delivery.state == State.UNKNOWN.value, Delivery.asked_at.is_not(None))
    behind = (Delivery.operation == Operation.WITHDRAW.value) & Delivery.copy_id.in_(asked)
    return ((Delivery.state == State.UNKNOWN.value) & Delivery.asked_at.is_not(None)) | behind


def group_by_class(started: list[Started]) -> dict[str, list[Started]]:
    """Runs by the class of their disturbance."""
    groups: dict[str, list[Started]] = defaultdict(list)
    for entry in started:
        groups[entry.run.kind].append(entry)
    return groups
