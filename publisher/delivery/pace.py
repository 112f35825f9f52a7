"""The waiting times in force: the settings, divided by the time factor of rehearsals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from core.config import Settings


@dataclass(frozen=True)
class Pace:
    """Seconds, already divided. `settle_s(x)` divides a channel's own settle time and applies the settle factor."""

    factor: float
    settle_factor: float
    lease_s: float
    call_s: float
    alarm_s: float
    ask_s: float

    def scaled(self, seconds: float) -> timedelta:
        """A waiting time of the ledger as it is in force."""
        return timedelta(seconds=seconds / self.factor)

    def settle(self, settle_s: float) -> timedelta:
        """How long after a lost call a channel's lists are trusted to show it."""
        return timedelta(seconds=settle_s * self.settle_factor / self.factor)


def pace_of(settings: Settings) -> Pace:
    """The pace of an installation; ValueError when a call could outlive half a lease."""
    if settings.call_s >= settings.lease_s / 2:
        raise ValueError("call_s must be under lease_s / 2")
    factor = settings.time_factor
    return Pace(
        factor, settings.settle_factor, settings.lease_s / factor, settings.call_s / factor,
        settings.alarm_s / factor, settings.ask_s / factor,
    )  # fmt: skip
