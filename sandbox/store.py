"""The sandbox's own rows in one SQLite file. One connection behind one lock; durability is not its concern."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")


class Store:
    """Rows of every platform. `path` None keeps them in memory; a file keeps them across a restart."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(
            str(path or ":memory:"), check_same_thread=False, isolation_level=None, cached_statements=512
        )
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; the outermost block commits, or rolls back when an exception leaves it."""
        with self.lock:
            if self._depth == 0:
                self._db.execute("BEGIN")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement and give the number of rows it changed."""
        with self.lock:
            return self._db.execute(sql, values).rowcount

    def one(self, sql: str, *values: Any) -> dict[str, Any] | None:
        """First row as a dict, or None."""
        with self.lock:
            row = self._db.execute(sql, values).fetchone()
        return dict(row) if row else None

    def all(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Every row as a dict."""
        with self.lock:
            return [dict(row) for row in self._db.execute(sql, values).fetchall()]

    def number(self, sql: str, *values: Any) -> int:
        """First column of the first row as an integer; 0 when there is none."""
        with self.lock:
            row = self._db.execute(sql, values).fetchone()
        return int(row[0] or 0) if row else 0

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row (lists and dicts as JSON) and give its rowid."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        cells = [json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for v in values.values()]
        with self.lock:
            return self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", cells).lastrowid or 0  # noqa: S608

    def next(self, name: str, start: int = 1, at_least: int = 0) -> int:
        """Next value of a named counter that only rises; at least `at_least`."""
        with self.transaction():
            last = self.number("SELECT value FROM counter WHERE name = ?", name)
            value = max(last + 1, start, at_least)
            self.run(
                "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
                name,
                value,
                value,
            )
        return value

    def close(self) -> None:
        """Close the file; later calls fail."""
        with self.lock:
            self._db.close()
