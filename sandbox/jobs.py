"""What the sandbox does later (audits, callbacks, late accepts, the crowd). Jobs are rows and survive a restart.

A job runs with its due time as "now", so that what it writes never depends on thread luck.
"""

import json
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .options import Options
from .store import Store

Work = Callable[[dict[str, Any], float], str | None]
IDLE_S = 0.5


class Jobs:
    """Due work. `inline` kinds run under the store's lock and before any request sees a later moment."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store, self.options = store, options
        self._inline: dict[str, Work] = {}
        self._outside: dict[str, Work] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._next_due = 0.0

    def register(self, kind: str, work: Work, *, inline: bool) -> None:
        """Name the function for a kind; it gets the payload and the due time (Unix seconds) and may give an outcome."""
        (self._inline if inline else self._outside)[kind] = work

    def add(self, kind: str, due_at: float, payload: dict[str, Any]) -> int:
        """Store one job and wake the runner."""
        with self.store.lock:
            number = self.store.insert("job", due_at=due_at, kind=kind, payload=payload)
            self._next_due = min(self._next_due, due_at)
        self._wake.set()
        return number

    def run_inline(self, now: float) -> None:
        """Run every due inline job in order of time; called at the start of each request."""
        with self.store.transaction():
            if now < self._next_due or not self._inline:
                return
            while row := self._take(self._inline, now):
                outcome = self._inline[row["kind"]](json.loads(row["payload"]), row["due_at"])
                if outcome:
                    self.store.run("UPDATE job SET outcome = ? WHERE id = ?", outcome, row["id"])
            upcoming = self.store.one("SELECT min(due_at) AS at FROM job WHERE done_at IS NULL")
            self._next_due = upcoming["at"] if upcoming and upcoming["at"] is not None else now + 3600.0

    def run_outside(self, now: float) -> int:
        """Run due jobs that talk to the network, one after another; gives their number. The runner uses a pool."""
        count = 0
        while row := self._take(self._outside, now):
            self._outside[row["kind"]](json.loads(row["payload"]), row["due_at"])
            count += 1
        return count

    def start(self) -> None:
        """Start the runner thread."""
        self._pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="sandbox-job")
        self._thread = threading.Thread(target=self._loop, name="sandbox-jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the runner; jobs not begun stay for the next start."""
        self._stopping = True
        self._wake.set()
        if self._thread:
            self._thread.join(timeout=5)
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, kinds: dict[str, Work], now: float) -> dict[str, Any] | None:
        marks = ",".join("?" * len(kinds))
        with self.store.transaction():
            row = self.store.one(
                f"SELECT * FROM job WHERE done_at IS NULL AND due_at <= ? AND kind IN ({marks}) "  # noqa: S608
                "ORDER BY due_at, id LIMIT 1",
                now,
                *kinds,
            )
            if row:
                self.store.run("UPDATE job SET done_at = ? WHERE id = ?", now, row["id"])
        return row

    def _loop(self) -> None:
        assert self._pool
        while not self._stopping:
            self._wake.clear()
            now = self.options.clock()
            self.run_inline(now)
            while not self._stopping and (row := self._take(self._outside, now)):
                work = self._outside[row["kind"]]
                future = self._pool.submit(work, json.loads(row["payload"]), row["due_at"])
                future.add_done_callback(_show_failure)
            upcoming = self.store.one("SELECT min(due_at) AS at FROM job WHERE done_at IS NULL")
            wait_s = IDLE_S
            if upcoming and upcoming["at"] is not None:
                wait_s = min(max(upcoming["at"] - self.options.clock(), 0.002), IDLE_S)
            self._wake.wait(wait_s)


def _show_failure(future: "Future[str | None]") -> None:
    """A failed job shows on stderr; nobody else waits for its result."""
    if not future.cancelled() and (error := future.exception()):
        traceback.print_exception(error)
