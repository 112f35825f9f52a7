"""Invented series of many levels and shapes, with bursts put in at known places; and changed copies of real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bench.bursts.grading import Floats, Series

DAY, WEEK = 288, 2016
STEP_S = 300.0
LEVELS = (0.5, 5.0, 50.0, 500.0)
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "flat": lambda day: np.ones_like(day),
    "daily": lambda day: 1 + 0.8 * np.sin(2 * np.pi * day),
    "office hours": lambda day: np.where((day % 1 > 0.35) & (day % 1 < 0.75) & (day % 7 < 5), 2.2, 0.4),
}


def invent(level: float, shape: str, bursts: int, seed: int) -> Series:
    """Six weeks of over-dispersed counts; a burst is 4 to 10 times the level, sudden, dying within 1 to 4 hours."""
    chance = np.random.default_rng(seed)
    size = 6 * WEEK
    rate = level * SHAPES[shape](np.arange(size) / DAY)
    starts = np.sort(chance.choice(np.arange(3 * 7, 6 * 7 - 1, 2), bursts, replace=False)) * DAY
    starts = starts + chance.integers(0, DAY, bursts)
    for start in starts:
        age = np.arange(size - start)
        rate[start:] += chance.uniform(4, 10) * level * np.exp(-age / chance.uniform(12, 48))
    counts = chance.poisson(rate * chance.gamma(20, 1 / 20, size)).astype(float)
    windows = tuple((max(int(start) - 12, 0), min(int(start) + 72, size - 1)) for start in starts)
    return Series(f"{shape} {level:g}", np.arange(size, dtype=float) * STEP_S, counts, windows)


def changed(series: list[Series], seed: int) -> Iterator[tuple[str, list[Series]]]:
    """The same series turned round by whole weeks, read 3 hours off, thinned, with noise added."""
    chance = np.random.default_rng(seed)
    for weeks in (2, 4, 6):
        yield f"turned by {weeks} weeks", [turn(one, weeks * WEEK) for one in series]
    yield "3 h later", [replace(one, times=one.times + 10_800) for one in series]
    for kept in (0.6, 0.3):
        thin = [chance.binomial(one.counts.astype(int), kept).astype(float) for one in series]
        yield f"{kept:.0%} kept", [replace(one, counts=few) for one, few in zip(series, thin, strict=True)]
    noise = [chance.poisson(max(0.3 * float(np.median(one.counts)), 0.2), len(one.counts)) for one in series]
    yield "noise added", [replace(one, counts=one.counts + more) for one, more in zip(series, noise, strict=True)]


def turn(series: Series, by: int) -> Series:
    """The series begun `by` bins later, its beginning hung on at its end; windows cut in two are dropped."""
    size = len(series.counts)
    moved = [((first - by) % size, (last - by) % size) for first, last in series.windows]
    kept = sorted((first, last) for first, last in moved if first < last)
    return replace(series, counts=np.roll(series.counts, -by), windows=tuple(kept))
