"""How likely a post's talk is to grow large, told from when its first rows came. Pure; reads nothing but times.

The figures, and what else was tried and did not help, are printed by `python -m bench.growth`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

LARGE = 300
"""Rows under one post from which its talk counts as large."""
FEWEST, MOST = 5, 30
"""Rows under which nothing is said, and rows after which nothing more is read."""
PREFIXES = (5, 10, 15, 20, 25, 30)
"""Numbers of first rows the weights were learnt from."""
SOFTEN_S = 30.0
"""Added to every span before its logarithm: a crowd's first seconds differ by chance."""
VERSION = "growth-1"
"""Changes when the features or the weights change."""
WEIGHTS = (3.3858, -0.2979, -0.2293, 0.615, -0.1458, 0.0782)
"""One weight a feature of `features`, in its order; fitted over all posts by `python -m bench.growth --fit`."""

CURVE = (0.3347, 3.7469, -2.5599)
"""Least share, slope and shift by which a weighted sum becomes a probability: of the slowest posts a third grew too."""
Curve = tuple[float, float, float]


class Timed(Protocol):
    """A repost or comment that says when it was made."""

    @property
    def posted_at(self) -> datetime: ...


def growth_score(rows: Iterable[Timed]) -> float | None:
    """The probability that a post's talk reaches 300 rows, from at most the first 30; None under 5 rows.

    `rows` may come in any order; those after the 30th in time are not read. It holds for posts that get 30 rows at
    all, and it is as high as among the posts it was learnt from, of which more than half grew large: for an ordinary
    office it ranks posts, it does not say how many will grow.
    """
    times = sorted(row.posted_at.timestamp() for row in rows)
    return probability(features(times)) if len(times) >= FEWEST else None


def features(times: Sequence[float]) -> tuple[float, ...]:
    """One, log span of the last third, log span of all, rows read, and the two spans times the rows read.

    `times` are seconds, ascending, at least 5; the first 30 are read. A span is softened by half a minute, rows are
    counted as (n - 20) / 10. The time to a number of rows is the known strong sign (Szabo and Huberman, 2010); the last
    third tells talk that goes on from talk that was quick and is over.
    """
    if len(times) < FEWEST:
        raise ValueError(f"times: at least {FEWEST} are needed, got {len(times)}")
    read = times[:MOST]
    rows = len(read)
    late = math.log(read[-1] - read[rows - 1 - rows // 3] + SOFTEN_S)
    whole = math.log(read[-1] - read[0] + SOFTEN_S)
    place = (rows - 20) / 10
    return (1.0, late, whole, place, late * place, whole * place)


def probability(values: Sequence[float], weights: Sequence[float] = WEIGHTS, curve: Curve = CURVE) -> float:
    """The curve's least share, and above it the logistic function of its slope times the weighted sum plus its shift.

    It never falls when the weighted sum rises, if the slope is positive.
    """
    least, slope, shift = curve
    total = slope * math.fsum(map(float.__mul__, values, weights)) + shift
    return least + (1.0 - least) / (1.0 + math.exp(-total))
