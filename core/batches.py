"""Several threads' short writing transactions carried out as one, with one commit: what waits while one is written.

Knows nothing of the rows. For databases with one writer at a time, where more than one lock is never a deadlock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Work = Callable[[Session, Sequence[Piece]], Sequence[Result]]  # pieces of one kind -> what each of them gave
MOST = 32  # pieces of work in one transaction, so that other processes get their turn


@dataclass(eq=False)
class Job:
    """One thread's piece of work and what became of it."""

    work: Work[Any, Any]
    piece: Any
    done: bool = False
    value: Any = None
    error: BaseException | None = field(default=None, repr=False)


class Batch:
    """`run(work, piece)` gives what `work` made of the piece once its transaction is committed, or raises its error.

    Pieces that wait for the same `work` are handed to it together. One that fails takes none of the others with it:
    the shared transaction is rolled back and each runs alone. So `work` may see a piece twice, and on another thread:
    it changes nothing but the session.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._waiting: deque[Job] = deque()
        self._mutex, self._turn = threading.Lock(), threading.Lock()

    def run(self, work: Callable[[Session, Sequence[Piece]], Sequence[Result]], piece: Piece) -> Result:
        """Wait for a turn; whoever has it writes for everybody who waits."""
        job = Job(work, piece)
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
        kinds: dict[Work[Any, Any], list[Job]] = {}
        for job in jobs:
            kinds.setdefault(job.work, []).append(job)
        try:
            with self._write() as session:
                values = [_do(session, work, alike) for work, alike in kinds.items()]
        except Exception:  # noqa: BLE001  each runs alone next, and raises for itself
            return False
        for alike, given in zip(kinds.values(), values, strict=True):
            for job, value in zip(alike, given, strict=True):
                job.value, job.done = value, True
        return True

    def _alone(self, job: Job) -> None:
        try:
            with self._write() as session:
                [value] = _do(session, job.work, [job])
        except BaseException as error:  # noqa: BLE001  belongs to the thread that asked
            job.error = error
        else:
            job.value = value
        job.done = True


def one_by_one(session: Session, pieces: Sequence[Callable[[Session], Any]]) -> list[Any]:
    """The work of pieces that are functions of the session: what each of them gives."""
    return [_settled(session, piece) for piece in pieces]


def _settled(session: Session, piece: Callable[[Session], Any]) -> Any:
    value = piece(session)
    session.flush()
    session.expunge_all()  # the next piece reads its rows anew
    return value


def _do(session: Session, work: Work[Any, Any], jobs: Sequence[Job]) -> Sequence[Any]:
    values = work(session, [job.piece for job in jobs])
    session.flush()
    session.expunge_all()
    return values
