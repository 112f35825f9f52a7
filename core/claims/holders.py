"""A worker's row and its heartbeat: a counter raised by a thread of its own. Holds no other rows."""

from __future__ import annotations

import logging
import os
import socket
import threading
from types import TracebackType

import psutil
from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import SQLAlchemyError

from core.claims.watch import Watch
from core.clock import Clock, SystemClock
from core.db import Database
from core.models import Worker

BEATS_A_LEASE = 6
log = logging.getLogger(__name__)


class Holder:
    """One registered worker. `fresh()` says whether it may still act; `lost` that a taker has ended it."""

    def __init__(self, db: Database, worker: Worker, lease_s: float, clock: Clock) -> None:
        self.db, self.clock, self.lease_s = db, clock, lease_s
        self.id, self.name = worker.id, worker.name
        self.watch = Watch(clock, lease_s)
        self.lost = False
        self._accepted_at = clock.monotonic()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the heartbeat thread."""
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{self.name}", daemon=True)
        self._thread.start()

    def beat(self) -> bool:
        """Raise the counter once; True when the database accepted it. The instant kept is the one before the write."""
        began = self.clock.monotonic()
        with self.db.write() as session:
            result = session.execute(
                update(Worker)
                .where(Worker.id == self.id, Worker.ended_at.is_(None))
                .values(counter=Worker.counter + 1)
                .execution_options(synchronize_session=False)
            )
        assert isinstance(result, CursorResult)
        if result.rowcount != 1:
            self.lost = True
            return False
        self._accepted_at = began
        return True

    def fresh(self) -> bool:
        """True when the last accepted heartbeat is younger than half a lease on this machine's monotonic clock."""
        return not self.lost and self.clock.monotonic() - self._accepted_at < self.lease_s / 2

    def stop(self) -> None:
        """End the heartbeat and mark the worker as gone; its rows may be taken over at once."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=self.lease_s)
        with self.db.write() as session:
            session.execute(
                update(Worker)
                .where(Worker.id == self.id, Worker.ended_at.is_(None))
                .values(ended_at=self.clock.now())
                .execution_options(synchronize_session=False)
            )

    def __enter__(self) -> Holder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.wait(self.lease_s / BEATS_A_LEASE) and not self.lost:
            try:
                self.beat()
            except SQLAlchemyError as error:  # the database is away: not fresh until it answers again
                log.warning("heartbeat of worker %s not accepted: %s", self.id, error)


def register(
    db: Database, name: str, *, lease_s: float = 30.0, clock: Clock | None = None, beating: bool = True
) -> Holder:
    """Write this process's worker row and start its heartbeat.

    `lease_s`: seconds (already divided by the time factor) without heartbeat after which others take over.
    `beating=False` leaves the heartbeat to the caller (tests). Errors: whatever the database raises.
    """
    clock = clock or SystemClock()
    pid = os.getpid()
    worker = Worker(
        name=name, host=socket.gethostname(), pid=pid, pid_started=psutil.Process(pid).create_time(),
        counter=0, started_at=clock.now(),
    )  # fmt: skip
    with db.write() as session:
        session.add(worker)
        session.flush()
        session.expunge(worker)
    holder = Holder(db, worker, lease_s, clock)
    if beating:
        holder.start()
    return holder
