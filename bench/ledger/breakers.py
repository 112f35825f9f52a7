"""Breaking worker processes: kill -9 and SIGSTOP at random instants of a delivery. Judges nothing."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

import psutil
from sqlalchemy import select

from bench.ledger import crew
from bench.ledger.crew import Post
from core.db import Database
from core.models import Delivery, Worker
from publisher.workflow import State

WORKERS = 2
LOOK_S = 0.02
MOST_INTO_S = 0.3  # a delivery is broken up to so long after it was seen begun: about as long as one takes


@dataclass
class Tally:
    """What was done to the processes, and what went wrong in the harness itself."""

    kills: int = 0
    stops: int = 0
    outlived: int = 0  # stopped workers that were still there to go on
    notes: list[str] = field(default_factory=list)


class Roster:
    """The workers that should be running; one that died is replaced, as a service manager does."""

    def __init__(self, post: Callable[[str, bool], Post]) -> None:
        self._post, self._born = post, 0
        self._lock = threading.RLock()
        self.workers: list[BaseProcess] = []
        self.stopped: list[BaseProcess] = []

    def fill(self) -> None:
        """Start what is missing, in place of what died."""
        with self._lock:
            alive = [process for process in self.workers if process.is_alive()]
            self.workers = alive + [self._new() for _ in range(WORKERS - len(alive))]

    def kill(self, pid: int) -> bool:
        """kill -9 one of them and start another; False when it has gone already."""
        with self._lock:
            process = self._find(pid)
            if process is None or not crew.send(process, signal.SIGKILL):
                return False
            process.join()
            self.fill()
        return True

    def stop(self, pid: int) -> BaseProcess | None:
        """SIGSTOP one of them and start another; None when it has gone already."""
        with self._lock:
            process = self._find(pid)
            if process is None or not crew.send(process, signal.SIGSTOP):
                return None
            self.workers.remove(process)
            self.stopped.append(process)
            self.fill()
        return process

    def pids(self) -> set[int]:
        """Process ids of those that should be running."""
        with self._lock:
            return {process.pid or 0 for process in self.workers}

    def _find(self, pid: int) -> BaseProcess | None:
        return next((process for process in self.workers if process.pid == pid), None)

    def _new(self) -> BaseProcess:
        """Every other one says it runs on another machine."""
        self._born += 1
        return crew.start_worker(self._post(f"worker{self._born}", self._born % 2 == 0))


class Breakers:
    """Two threads that break workers with a row in flight, evenly over the launch time."""

    def __init__(self, roster: Roster, db: Database, lease_s: float, launch_s: float, seed: int) -> None:
        self.roster, self.db, self.lease_s, self.launch_s, self.seed = roster, db, lease_s, launch_s, seed
        self.tally = Tally()
        self.quiet = threading.Event()

    def start(self, kills: int, stops: int) -> list[threading.Thread]:
        """Both at work."""
        threads = [
            threading.Thread(target=self._kill, args=(kills,)),
            threading.Thread(target=self._stop, args=(stops,)),
        ]
        for thread in threads:
            thread.start()
        return threads

    def _kill(self, count: int) -> None:
        """kill -9 at a random instant of a delivery; no rest counts as a kill unless a process died of it."""
        rng = random.Random(self.seed + 1)
        began = time.monotonic()
        while self.tally.kills < count and not self.quiet.is_set():
            if (pid := self._next_victim(rng, began, self.tally.kills, count)) is None:
                return
            self.tally.kills += self.roster.kill(pid)

    def _stop(self, count: int) -> None:
        """SIGSTOP for longer than a lease, then SIGCONT; another worker goes on meanwhile."""
        rng = random.Random(self.seed + 2)
        began = time.monotonic()
        timers: list[threading.Timer] = []
        while self.tally.stops < count and not self.quiet.is_set():
            if (pid := self._next_victim(rng, began, self.tally.stops, count)) is None:
                break
            process = self._stop_one(pid)
            if process is None:
                continue
            self.tally.stops += 1
            timers.append(threading.Timer(self.lease_s * rng.uniform(1.5, 3.0), self._resume, (process,)))
            timers[-1].start()
        for timer in timers:
            timer.join()

    def _next_victim(self, rng: random.Random, began: float, done: int, count: int) -> int | None:
        """A busy worker at a random instant of its delivery, once its turn has come; None at rest."""
        due_s = (done + rng.uniform(0, 1)) * self.launch_s / count
        if self.quiet.wait(max(0.0, began + due_s - time.monotonic())):
            return None
        pid = self._busy_worker(rng)
        time.sleep(rng.uniform(0, MOST_INTO_S))
        return pid

    def _stop_one(self, pid: int) -> BaseProcess | None:
        """Not inside a writing transaction on SQLite: whoever is stopped there stops the database for everybody.

        Then nothing at all can be written until the taker has ended it, and every row would be late by that.
        """
        with self.db.write():
            return self.roster.stop(pid)

    def _busy_worker(self, rng: random.Random) -> int:
        """Process id of a worker that holds a claimed row now; waits for one. 0 when the harness comes to rest."""
        query = select(Worker.pid).join(Delivery, Delivery.worker_id == Worker.id)
        query = query.where(Delivery.state == State.INTENDED.value, Worker.ended_at.is_(None)).distinct()
        while not self.quiet.wait(LOOK_S):
            with self.db.read() as session:
                busy = set(session.scalars(query)) & self.roster.pids()
            if busy:
                return rng.choice(sorted(busy))
        return 0

    def _resume(self, process: BaseProcess) -> None:
        """Go on after the pause; a worker on this machine has been ended by its taker meanwhile."""
        if crew.send(process, signal.SIGCONT) and psutil.pid_exists(process.pid or 0):
            self.tally.outlived += 1
            time.sleep(self.lease_s)
            crew.send(process, signal.SIGTERM)
