"""Runs the product's processes side by side, restarts one that dies, and stops all in order on a signal."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType

LOG = logging.getLogger("wenzheng.processes")
CHECK_S = 0.5
STOP_S = 30.0
RESTART_S = 2.0


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set; the second signal is left to Python's default."""
    stop = threading.Event()

    def stopping(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopping)
    return stop


class Child:
    """One `wenzheng <command>` process that is started again when it ends by itself."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.arguments = list(arguments)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._ending = False

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches the parent alone, which then stops the children in order.
        command = [sys.executable, "-m", "app", *self.arguments]
        self._process = subprocess.Popen(command, env=self._environment, start_new_session=True)
        self._started = time.monotonic()

    def watch(self) -> None:
        """Start it again if it ended by itself, at most once in RESTART_S."""
        if self._ending:
            return
        if self._process and self._process.poll() is not None and time.monotonic() - self._started > RESTART_S:
            LOG.error("process %s ended with %s, starting it again", self.arguments, self._process.returncode)
            self.start()

    def end(self) -> None:
        self._ending = True
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            LOG.error("process %s did not stop in time and is killed", self.arguments)
            self._process.kill()
            self._process.wait()


class Supervisor:
    """Children that live and end together, also used by the demo; a context manager."""

    def __init__(self, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> None:
        self.children = [Child(command, environment) for command in commands]

    def __enter__(self) -> Supervisor:
        for child in self.children:
            child.start()
        return self

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set."""
        while not stop.wait(CHECK_S):
            for child in self.children:
                child.watch()

    def __exit__(self, *_exc: object) -> None:
        deadline = time.monotonic() + STOP_S
        for child in reversed(self.children):
            child.end()
        for child in reversed(self.children):
            child.wait(deadline)
