"""The one source of time: an aware UTC clock that tests can move. Nothing else calls datetime.now."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Wall time in UTC and monotonic seconds; the two are never compared with another machine's."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that stands still until it is moved; for tests and for replays."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move wall and monotonic time by the same number of seconds."""
        self._at += timedelta(seconds=seconds)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward (or back) alone, as a correction by the time server does."""
        self._at += timedelta(seconds=seconds)


def shanghai(at: datetime) -> datetime:
    """The same instant in Asia/Shanghai, for showing and for day boundaries."""
    return at.astimezone(SHANGHAI)


def day_start(at: datetime) -> datetime:
    """Midnight in Shanghai of the day that holds `at`, as a UTC instant."""
    return shanghai(at).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
