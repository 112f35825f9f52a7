"""Engine and sessions for SQLite (WAL) and PostgreSQL. Writers begin IMMEDIATE; readers never take the write lock.

A write session must never stay open over a network call.
"""

from __future__ import annotations

import fcntl
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from core.batches import Batch, one_by_one

Piece = TypeVar("Piece")
Result = TypeVar("Result")
READ = {"wenzheng_read": True}
BUSY_TIMEOUT_MS = 30_000  # a writer that takes no turns, or one that is stopped
TURN_S = 10.0
ASK_AGAIN_S = 0.002
WAITS_S = (0.05, 0.2, 0.5, 1.0)  # between the tries of a transaction that met a locked or lost database, or a deadlock
HANDED_OVER = -1  # the write lock has an heir who has not woken yet


class Database:
    """One database of one process: `read()` and `write()` give sessions, `write()` commits on leaving."""

    def __init__(self, url: str, pool_size: int = 32) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self.engine = _engine(url, pool_size)
        self._lock = WriteLock(_turns_file(url)) if self.sqlite else None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._batch = Batch(self.write)
        if self.sqlite:
            _prepare_sqlite(self.engine)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing transaction: BEGIN IMMEDIATE behind the write lock on SQLite, READ COMMITTED on PostgreSQL."""
        if self._lock:
            with self._lock, self._sessions.begin() as session:
                yield session
        else:
            with self._sessions.begin() as session:
                yield session

    def together(self, work: Callable[[Session], Result]) -> Result:
        """What `work` gives in a writing transaction, which on SQLite it may share with other threads' work.

        A deadlock, a locked or a lost database is tried again a few times. So `work` may run more than once and on
        another thread: it changes nothing but the session. Errors: what `work` raises, or the last OperationalError.
        """
        result: Result = self.gathered(one_by_one, work)
        return result

    def gathered(self, work: Callable[[Session, Sequence[Piece]], Sequence[Result]], piece: Piece) -> Result:
        """The same for work that is done for many pieces at once: what waits for the same `work` is handed over whole.

        `work` gives one result a piece, in their order. If it raises, each piece is tried by itself.
        """
        for wait_s in WAITS_S:
            try:
                return self._once(work, piece)
            except OperationalError:
                time.sleep(random.uniform(0.5, 1.5) * wait_s)
        return self._once(work, piece)

    def _once(self, work: Callable[[Session, Sequence[Piece]], Sequence[Result]], piece: Piece) -> Result:
        if self._lock is None:
            with self.write() as session:
                return work(session, [piece])[0]
        self._lock.check()
        return self._batch.run(work, piece)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A reading transaction; what is changed in it is not kept, what was loaded stays readable afterwards."""
        with self._sessions() as session:  # closing rolls back; a rollback of ours would expire every loaded object
            session.connection(execution_options=READ)
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


class WriteLock:
    """One writer at a time: threads of this process in the order they came, then the processes in short turns.

    SQLite's own waiting sleeps longer the longer it has waited, so under load a heartbeat could starve for many
    seconds; here everybody asks equally often. A thread that asks twice would wait for itself: it is told so instead.
    """

    def __init__(self, turns: Path | None) -> None:
        self._turns = turns  # a file whose lock is the turn; None for a database in memory
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._holder: int | None = None
        self._turn: IO[bytes] | None = None

    def check(self) -> None:
        """RuntimeError when this very thread holds the lock."""
        if self._holder == threading.get_ident():
            raise RuntimeError("a write transaction was opened inside another one of the same thread")

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._mutex:
            self.check()
            gate = None if self._holder is None and not self._waiting else threading.Lock()
            if gate is None:
                self._holder = me
            else:
                gate.acquire()
                self._waiting.append(gate)
        if gate is not None:
            gate.acquire()  # handed over by the one before
            self._holder = me
        try:
            self._turn = _take_turn(self._turns) if self._turns else None
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        turn, self._turn = self._turn, None
        if turn:
            turn.close()  # the lock goes with it
        with self._mutex:
            self._holder = HANDED_OVER if self._waiting else None
            if self._waiting:
                self._waiting.popleft().release()


def _take_turn(path: Path) -> IO[bytes] | None:
    """The open, locked file. After `TURN_S` without luck None: SQLite's own waiting, and its error, come next."""
    handle = path.open("ab")
    until = time.monotonic() + TURN_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                handle.close()
                return None
            time.sleep(random.uniform(0.5, 1.5) * ASK_AGAIN_S)
        else:
            return handle


def insert_for(session: Session, model: Any) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the session's dialect, for `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_into(session.get_bind().dialect.name, model)


def insert_into(dialect: str, model: Any) -> sqlite.Insert | postgresql.Insert:
    """The same by the dialect's name, for statements that are built once."""
    return sqlite.insert(model) if dialect == "sqlite" else postgresql.insert(model)


def _turns_file(url: str) -> Path | None:
    database = make_url(url).database
    return Path(f"{database}.turns") if database and database != ":memory:" else None


def _engine(url: str, pool_size: int) -> Engine:
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "poolclass": QueuePool}
    if url.startswith("sqlite"):
        options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    else:
        options["isolation_level"] = "READ COMMITTED"
        options["pool_pre_ping"] = True
    return create_engine(url, **options)


def _switch_to_wal(connection: Any) -> None:
    """Once in a file's life. SQLite does not wait for this lock by itself, so a second opener asks again."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.5, 1.5) * ASK_AGAIN_S)
        else:
            return


def _prepare_sqlite(engine: Engine) -> None:
    """Switch the driver's own transactions off and send ours; set the pragmas of ledger §8 on every connection."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        _switch_to_wal(connection)

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        read = connection.get_execution_options().get("wenzheng_read", False)
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
