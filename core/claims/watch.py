"""A taker's view: what it has seen unchanged for how long on its own clock, and the end of an old process."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Hashable, Iterable
from datetime import datetime

import psutil
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.clock import Clock
from core.models import Worker

SAME_START_S = 0.05  # the kernel counts process starts in hundredths of a second
KILL_WAIT_S = 5.0
log = logging.getLogger(__name__)


class Watch:
    """Remembers since when (monotonic) a thing has looked the same. Kept in memory: a new taker starts anew."""

    def __init__(self, clock: Clock, lease_s: float) -> None:
        self._clock, self._lease_s = clock, lease_s
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def expired(self, key: Hashable, state: Hashable) -> bool:
        """True when `key` has shown this very state (fence, worker, counter) for `lease_s`."""
        now = self._clock.monotonic()
        known = self._seen.get(key)
        if known is None or known[0] != state:
            self._seen[key] = (state, now)
            return False
        return now - known[1] >= self._lease_s

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget every key but these."""
        wanted = set(keys)
        self._seen = {key: value for key, value in self._seen.items() if key in wanted}


def end_process(host: str, pid: int, pid_started: float) -> bool:
    """Kill the old process if it is on this machine, is the very one that registered, and is not ourselves.

    True when such a process was ended. A stopped (paused) process dies as well.
    """
    if host != socket.gethostname() or pid == os.getpid():
        return False
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - pid_started) > SAME_START_S:
            return False
        process.kill()
        process.wait(timeout=KILL_WAIT_S)
    except psutil.NoSuchProcess:
        return False
    except (psutil.AccessDenied, psutil.TimeoutExpired) as error:
        log.warning("old worker process %s could not be ended: %s", pid, error)
        return False
    return True


def end_worker(session: Session, worker_id: int, now: datetime) -> None:
    """Mark a worker as ended: no later heartbeat of it is accepted, so it never becomes fresh again."""
    session.execute(
        update(Worker)
        .where(Worker.id == worker_id, Worker.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
