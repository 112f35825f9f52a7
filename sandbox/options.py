"""What one sandbox run is set to: regime, speed of time, seed, latency. Holds values, decides nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

DAY_S = 86_400.0
HOUR_S = 3_600.0
BEIJING_OFFSET_S = 8 * HOUR_S


@dataclass(frozen=True)
class Options:
    """`time_factor` divides every platform duration; `clock` gives Unix seconds and may be replaced in tests."""

    regime: str = "ordinary"
    time_factor: float = 1.0
    seed: int = 1
    latency_ms: float = 0.0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.regime not in ("ordinary", "commercial"):
            raise ValueError(f"unknown regime: {self.regime}")
        if self.time_factor <= 0:
            raise ValueError("time_factor must be above zero")

    def scaled(self, duration_s: float) -> float:
        """A platform duration in real seconds: `duration_s / time_factor`."""
        return duration_s / self.time_factor

    def window(self, length_s: float, now: float) -> int:
        """Number of the quota window `now` lies in; days begin at midnight in Beijing when time runs plainly."""
        offset = BEIJING_OFFSET_S if self.time_factor == 1.0 else 0.0
        return int((now + offset) // self.scaled(length_s))

    def window_end(self, length_s: float, now: float) -> float:
        """Unix time at which the window of `now` ends."""
        offset = BEIJING_OFFSET_S if self.time_factor == 1.0 else 0.0
        return (self.window(length_s, now) + 1) * self.scaled(length_s) - offset
