"""Grades alarms on labelled windows: windows hit, false episodes, and the score of the Numenta Anomaly Benchmark.

The score is that of the benchmark's standard profile (A. Lavin, S. Ahmad: Evaluating real-time anomaly detection
algorithms, ICMLA 2015): early in a window counts most, a missed window costs 1, a false alarm up to 0.11.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
EPISODE_S = 6 * 3600
WEEK_S = 7 * 86_400
FALSE_COST = 0.11
CAP_BINS = 5000
"""The benchmark's own probation is 15 % of the series but of no more than so many bins."""


@dataclass(frozen=True)
class Series:
    """Counts in equal bins; `windows` are first and last bin of each labelled stretch."""

    name: str
    times: Floats
    counts: Floats
    windows: tuple[tuple[int, int], ...]

    def probation(self, capped: bool) -> int:
        """Bins at the start that are not graded: 15 %, `capped` as the benchmark's own scorer has it."""
        return int(0.15 * (min(len(self.counts), CAP_BINS) if capped else len(self.counts)))


@dataclass(frozen=True)
class Grade:
    """Sums over series."""

    windows: int = 0
    hit: int = 0
    false: int = 0
    weeks: float = 0.0

    def plus(self, other: Grade) -> Grade:
        return Grade(
            self.windows + other.windows, self.hit + other.hit, self.false + other.false, self.weeks + other.weeks
        )

    def shown(self) -> dict[str, object]:
        return {"windows": self.windows, "hit": self.hit, "false_a_week": round(self.false / self.weeks, 2)}


def read_folder(folder: Path) -> list[Series]:
    """Every series of a folder that has its windows in windows.json there."""
    labels = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    by_name = {Path(name).name: windows for name, windows in labels.items()}
    return [read_series(path, by_name[path.name]) for path in sorted(folder.glob("*.csv")) if path.name in by_name]


def read_series(path: Path, windows: list[list[str]]) -> Series:
    """One file with columns timestamp and value, windows as pairs of timestamps."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    times = np.array([seconds(row["timestamp"]) for row in rows])
    counts = np.array([float(row["value"]) for row in rows])
    spans = [
        (int(np.searchsorted(times, seconds(first))), int(np.searchsorted(times, seconds(last), "right")) - 1)
        for first, last in windows
    ]
    return Series(path.stem, times, counts, tuple(sorted(spans)))


def seconds(stamp: str) -> float:
    """Epoch seconds of a timestamp, read as UTC."""
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()


def grade(series: Series, alarms: Flags, capped: bool) -> Grade:
    """A window is hit when an alarm lies in it; an episode (alarms within 6 h) is false when it overlaps no window.

    Windows that end within probation cannot be hit; they count as windows all the same.
    """
    start = series.probation(capped)
    at = np.flatnonzero(alarms)
    at = at[at >= start]
    hit = sum(bool(((at >= first) & (at <= last)).any()) for first, last in series.windows)
    cuts = np.flatnonzero(np.diff(series.times[at]) > EPISODE_S) + 1
    episodes = [part for part in np.split(at, cuts) if len(part)]
    false = sum(all(part[-1] < first or part[0] > last for first, last in series.windows) for part in episodes)
    weeks = (series.times[-1] - series.times[start]) / WEEK_S
    return Grade(len(series.windows), hit, false, float(weeks))


def sigmoid(position: float) -> float:
    """The benchmark's weight of an alarm: near 1 at a window's start (-1), 0 at its end (0), -1 far behind it."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


@dataclass(frozen=True)
class Worth:
    """What an alarm in each bin is worth; `window` is the number of the bin's window, -1 outside, -2 in probation."""

    window: NDArray[np.int64]
    value: Floats
    windows: int

    def total(self, alarms: Flags) -> float:
        """The best alarm of each window, or -1, and the cost of every false one."""
        total = float(self.value[(self.window == -1) & alarms].sum())
        for number in range(self.windows):
            inside = self.value[(self.window == number) & alarms]
            total += float(inside.max()) if len(inside) else -1.0
        return total


def worth(series: Series) -> Worth:
    """The worth of an alarm in each bin of a series, standard profile."""
    size = len(series.counts)
    window, value = np.full(size, -1, dtype=np.int64), np.full(size, -FALSE_COST)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        for at in range(last + 1, size):
            value[at] = FALSE_COST * sigmoid((at - last) / (width - 1))
        for at in range(first, last + 1):
            window[at], value[at] = number, sigmoid(-(last - at + 1) / width) / sigmoid(-1)
    window[: series.probation(capped=True)] = -2
    return Worth(window, value, len(series.windows))


def normalised(worths: list[Worth], alarms: list[Flags]) -> float:
    """The benchmark's score over all series: 0 for silence, 100 for an alarm at the start of every window."""
    windows = sum(one.windows for one in worths)
    return 100 * (sum(one.total(flags) for one, flags in zip(worths, alarms, strict=True)) + windows) / (2 * windows)


def best_threshold(worths: list[Worth], scores: list[Floats], tried: int = 400) -> tuple[float, float]:
    """(score, threshold): the best of `tried` common thresholds, as the benchmark optimises every detector's."""
    known = np.unique(np.concatenate(scores))
    ranks = np.unique(np.geomspace(1, max(len(known) // 2, 1), tried).astype(int))
    known = known[len(known) - ranks]  # close together at the top, where alarms are made
    return max((normalised(worths, [one >= bar for one in scores]), float(bar)) for bar in known)
