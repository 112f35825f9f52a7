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


def _closed() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(eq=False)
class Job:
    """One thread's piece of work and what became of it."""

    work: Work[Any, Any]
    piece: Any
    done: bool = False
    value: Any = None
    error: BaseException | None = field(default=None, repr=False)
    leads: bool = False
    gate: threading.Lock = field(default_factory=_closed, repr=False)  # opened when it is done, or has to lead


class Batch:
    """`run(work, piece)` gives what `work` made of the piece once its transaction is committed, or raises its error.

    Pieces that wait for the same `work` are handed to it together. One that fails takes none of the others with it:
    the shared transaction is rolled back and each runs alone. So `work` may see a piece twice, and on another thread:
    it changes nothing but the session.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._waiting: deque[Job] = deque()
        self._mutex = threading.Lock()
        self._led = False  # somebody writes, or has been told to

    def run(self, work: Callable[[Session, Sequence[Piece]], Sequence[Result]], piece: Piece) -> Result:
        """Who comes first writes for everybody who waits; who comes meanwhile is the next one's."""
        job = Job(work, piece)
        with self._mutex:
            self._waiting.append(job)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(job)
        if not job.done:
            self._lead()
        if job.error is not None:
            raise job.error
        result: Result = job.value
        return result

    def _lead(self) -> None:
        """Write one round; the first of those who came meanwhile leads the next. Everybody written for goes on."""
        with self._mutex:
            jobs = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            if len(jobs) == 1 or not self._shared(jobs):
                for job in jobs:
                    self._alone(job)
        finally:
            self._hand_over()
            for job in jobs[1:]:  # the first one is this thread's own
                self._let_go(job)

    def _wait(self, job: Job) -> None:
        """Until it is done, or this thread is the next to write. One that is interrupted leaves the line."""
        try:
            job.gate.acquire()
        except BaseException:
            with self._mutex:
                mine = job in self._waiting
                if mine:
                    self._waiting.remove(job)
            if mine and job.leads:
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        with self._mutex:
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].gate.release()

    def _let_go(self, job: Job) -> None:
        if not job.done:  # the writing thread was interrupted
            job.error, job.done = RuntimeError("the thread that wrote for this one was interrupted"), True
        job.gate.release()

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
