"""Engine and sessions for SQLite (WAL) and PostgreSQL. Writers begin IMMEDIATE; readers never take the write lock.

A write session must never stay open over a network call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

READ = {"wenzheng_read": True}
BUSY_TIMEOUT_MS = 30_000  # another process's writer; in one process the lock below queues instead


class Database:
    """One database of one process: `read()` and `write()` give sessions, `write()` commits on leaving."""

    def __init__(self, url: str, pool_size: int = 32) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self.engine = _engine(url, pool_size)
        self._lock = WriteLock() if self.sqlite else None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        if self.sqlite:
            _prepare_sqlite(self.engine)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing transaction: BEGIN IMMEDIATE behind one in-process lock on SQLite, READ COMMITTED on PostgreSQL."""
        if self._lock:
            with self._lock, self._sessions.begin() as session:
                yield session
        else:
            with self._sessions.begin() as session:
                yield session

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
    """The in-process write lock. A thread that asks for it twice would wait for itself: it is told so instead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        if self._holder == threading.get_ident():
            raise RuntimeError("a write transaction was opened inside another one of the same thread")
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *_error: object) -> None:
        self._holder = None
        self._lock.release()


def insert_for(session: Session, model: Any) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the session's dialect, for `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(model)
    return postgresql.insert(model)


def _engine(url: str, pool_size: int) -> Engine:
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "poolclass": QueuePool}
    if url.startswith("sqlite"):
        options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    else:
        options["isolation_level"] = "READ COMMITTED"
        options["pool_pre_ping"] = True
    return create_engine(url, **options)


def _prepare_sqlite(engine: Engine) -> None:
    """Switch the driver's own transactions off and send ours; set the pragmas of ledger §8 on every connection."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        read = connection.get_execution_options().get("wenzheng_read", False)
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
