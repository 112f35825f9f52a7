"""Dates bursts afterwards: when did each begin, peak and end? Kleinberg's automaton over counts or over instants.

State i stands for the base rate times s^i; climbing costs, falling is free; the cheapest path of states is found by
Viterbi. It sees the whole series, so it is for reports, never for alarms.
(J. Kleinberg: Bursty and hierarchical structure in streams, KDD 2002; counts by the Poisson likelihood of a bin.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_STATES = 30


@dataclass(frozen=True)
class Burst:
    """A stretch in state `level` >= 1 or higher. `start`, `peak`, `end` are bins (instants), both ends inside.

    Bursts nest: one of level 2 lies inside one of level 1. `weight` is how much cheaper the stretch is in its level
    than one level lower, in nats: the evidence for the burst.
    """

    level: int
    start: float
    peak: float
    end: float
    weight: float


def kleinberg(
    counts: Sequence[float], s: float = 2.0, gamma: float = 1.0, totals: Sequence[float] | None = None
) -> list[Burst]:
    """Bursts of counts in equal bins, by start, outer before inner; start, peak and end are bin numbers.

    `s` > 1 is the ratio of neighbouring rates, `gamma` >= 0 times ln(bins) the cost of one step up. With `totals` (same
    length, all posts of each bin) a bin's base rate follows its total, so that a busy day is no burst of each topic.
    Raises ValueError for counts or totals below 0, lengths that differ, s <= 1, gamma < 0.
    """
    x = _checked("counts", counts, s, gamma)
    if not x.sum():
        return []
    base = np.full(len(x), x.mean())
    if totals is not None:
        volume = _checked("totals", totals, s, gamma)
        if len(volume) != len(x):
            raise ValueError(f"totals has {len(volume)} bins, counts has {len(x)}: give one total a bin")
        base = np.maximum(volume * (x.sum() / max(volume.sum(), 1e-9)), 1e-9)
    factors = _factors(float((x / base).max()), s)
    rates = base[:, None] * factors[None, :]
    costs = rates - x[:, None] * np.log(rates)
    bins = np.arange(len(x), dtype=float)
    return _bursts(costs, gamma * math.log(max(len(x), 2)), bins, x / base)


def kleinberg_times(times: Sequence[float], s: float = 2.0, gamma: float = 1.0) -> list[Burst]:
    """Bursts of single events, from the gaps between them; start, peak and end are among `times` (any unit, unsorted).

    Events at the same instant are allowed: a gap is at least a thousandth of the mean gap. `peak` is the event that
    ends the shortest gap. Raises ValueError for times that are not finite, s <= 1, gamma < 0; fewer than three events
    hold no burst.
    """
    instants = np.sort(np.asarray(times, dtype=float))
    if not np.isfinite(instants).all():
        raise ValueError("times holds a value that is not finite: leave it out")
    _check_rule(s, gamma)
    if len(instants) < 3 or instants[0] == instants[-1]:
        return []
    gaps = np.diff(instants)
    mean = gaps.mean()
    gaps = np.maximum(gaps, mean / 1000)
    rates = _factors(float(mean / gaps.min()), s) / mean
    costs = rates[None, :] * gaps[:, None] - np.log(rates)[None, :]
    found = _bursts(costs, gamma * math.log(len(gaps)), instants[1:], 1 / gaps)
    opened = dict(zip(instants[1:].tolist(), instants[:-1].tolist(), strict=True))
    return [Burst(b.level, min(opened[b.start], b.start), b.peak, b.end, b.weight) for b in found]


def _check_rule(s: float, gamma: float) -> None:
    if s <= 1:
        raise ValueError(f"s is {s}: the ratio of neighbouring rates must be above 1")
    if gamma < 0:
        raise ValueError(f"gamma is {gamma}: the cost of a step up cannot be below 0")


def _checked(name: str, values: Sequence[float], s: float, gamma: float) -> Floats:
    _check_rule(s, gamma)
    x = np.asarray(values, dtype=float)
    if not (np.isfinite(x).all() and (x >= 0).all()):
        raise ValueError(f"{name} holds a value below 0 or not finite: give counts")
    return x


def _factors(highest: float, s: float) -> Floats:
    """1, s, s^2 ... up to the first that reaches the highest ratio seen."""
    states = 2 + max(0, math.ceil(math.log(max(highest, 1.0), s)) - 1)
    return s ** np.arange(min(states, MOST_STATES), dtype=float)


def _path(costs: Floats, step_up: float) -> NDArray[np.int64]:
    """The cheapest path of states through costs of shape (bins, states), begun from state 0."""
    bins, states = costs.shape
    moves = step_up * np.maximum(np.arange(states)[None, :] - np.arange(states)[:, None], 0)
    best = moves[0] + costs[0]
    came = np.zeros((bins, states), dtype=np.int64)
    for at in range(1, bins):
        reached = best[:, None] + moves
        came[at] = reached.argmin(axis=0)
        best = reached.min(axis=0) + costs[at]
    path = np.empty(bins, dtype=np.int64)
    path[-1] = int(best.argmin())
    for at in range(bins - 1, 0, -1):
        path[at - 1] = came[at, path[at]]
    return path


def _bursts(costs: Floats, step_up: float, places: Floats, height: Floats) -> list[Burst]:
    path, found = _path(costs, step_up), []
    for level in range(1, int(path.max()) + 1):
        edges = np.diff(np.concatenate(([0], (path >= level).astype(int), [0])))
        for first, after in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            inside = slice(first, after)
            weight = float((costs[inside, level - 1] - costs[inside, level]).sum())
            peak = places[first + int(height[inside].argmax())]
            found.append(Burst(level, float(places[first]), float(peak), float(places[after - 1]), weight))
    return sorted(found, key=lambda burst: (burst.start, burst.level))
