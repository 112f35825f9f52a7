"""Several threads' short writing transactions carried out as one, with one commit: what waits while one is written.

Knows nothing of the rows. For databases with one writer at a time, where more than one lock is never a deadlock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

Result = TypeVar("Result")
MOST = 32  # pieces of work in one transaction, so that other processes get their turn


@dataclass(eq=False)
class Job:
    """One thread's piece of work and what became of it."""

    work: Callable[[Session], Any]
    done: bool = False
    value: Any = None
    error: BaseException | None = field(default=None, repr=False)


class Batch:
    """`run(work)` gives what `work(session)` gave once its transaction is committed, or raises what it raised.

    A piece that fails takes none of the others with it: the shared transaction is rolled back and each runs alone.
    So `work` may run twice, and on another thread: it changes nothing but the session.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._waiting: deque[Job] = deque()
        self._mutex, self._turn = threading.Lock(), threading.Lock()

    def run(self, work: Callable[[Session], Result]) -> Result:
        """Wait for a turn; whoever has it writes for everybody who waits."""
        job = Job(work)
        with self._mutex:
            self._waiting.append(job)
        with self._turn:
            if not job.done:
                self._serve(job)
        if job.error is not None:
            raise job.error
        result: Result = job.value
        return result

    def _serve(self, own: Job) -> None:
        with self._mutex:
            jobs = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        if own not in jobs:  # more are waiting than go into one transaction
            with self._mutex:
                self._waiting.remove(own)
            jobs.append(own)
        if len(jobs) == 1 or not self._shared(jobs):
            for job in jobs:
                self._alone(job)

    def _shared(self, jobs: list[Job]) -> bool:
        """All in one transaction; False when it was rolled back, whoever's fault it was."""
        try:
            with self._write() as session:
                values = [_one(session, job) for job in jobs]
        except Exception:  # noqa: BLE001  each runs alone next, and raises for itself
            return False
        for job, value in zip(jobs, values, strict=True):
            job.value, job.done = value, True
        return True

    def _alone(self, job: Job) -> None:
        try:
            with self._write() as session:
                value = _one(session, job)
        except BaseException as error:  # noqa: BLE001  belongs to the thread that asked
            job.error = error
        else:
            job.value = value
        job.done = True


def _one(session: Session, job: Job) -> Any:
    value = job.work(session)
    session.flush()
    session.expunge_all()  # the next piece reads its rows anew
    return value
