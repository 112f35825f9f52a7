"""How long the machine kept the crew waiting for a processor: the time bound of a row is lengthened by just that.

The kernel counts, for each thread, the time it could have run and did not (`schedstat`). Where it does not, and for
pauses of the whole machine, the late waking of an idle thread of the meter's own process counts.
"""

from __future__ import annotations

import bisect
import os
import time
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

STEP_S = 0.05


class Lag:
    """Samples of (wall time, seconds waited up to then), in order."""

    def __init__(self, samples: list[tuple[float, float]]) -> None:
        self._times = [at for at, _total in samples]
        self._totals = [total for _at, total in samples]

    def between(self, since: datetime, until: datetime) -> float:
        """Seconds in which somebody of the crew waited for a processor, between the two instants."""
        return max(0.0, self._at(until.timestamp()) - self._at(since.timestamp()))

    @property
    def total_s(self) -> float:
        """All of it."""
        return self._totals[-1] if self._totals else 0.0

    def _at(self, instant: float) -> float:
        place = bisect.bisect_right(self._times, instant) - 1
        return self._totals[place] if place >= 0 else 0.0


def measure(parent: int, pipe: Connection) -> None:
    """In a process of its own: sample the children of `parent` until something arrives on the pipe; send the samples.

    Of each step counts the thread that waited longest: a row passes from one process to another.
    """
    samples: list[tuple[float, float]] = []
    total_s, waited_s = 0.0, _waited(parent)
    while True:
        began = time.monotonic()
        if pipe.poll(STEP_S):
            break
        took_s = time.monotonic() - began
        before, waited_s = waited_s, _waited(parent)
        most_s = max((each - before.get(thread, each) for thread, each in waited_s.items()), default=0.0)
        total_s += max(0.0, took_s - STEP_S, min(most_s, took_s))
        samples.append((time.time(), total_s))
    pipe.send(samples)


def _waited(parent: int) -> dict[str, float]:
    """Seconds each thread of a process's children has waited on a run queue; empty where the kernel does not tell."""
    waited = {}
    for thread in _threads(parent):
        try:
            waited[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):  # the thread ended, or this kernel keeps no such count
            continue
    return waited


def _threads(parent: int) -> list[Path]:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    mine = str(os.getpid())
    return [thread for child in children if child != mine for thread in Path(f"/proc/{child}/task").glob("*")]
