"""Counts of every hashed term at three scales with weighted mean and variance, in one block of fixed size. Pure.

A bin is tested before it is learned; what is learned is clipped; two bins lie between the bin under test and what the
mean has learned (guard gap), and the last three bins together are tested too, so that a slow rise is not lost.
(SigniTrend: Schubert, Weiler, Kriegel, KDD 2014. Gap and sum of three bins: EARS C2 and C3.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CURRENT, BEFORE, EARLIER, MEAN, VARIANCE, BIN = range(6)
CLIP_Z = 5.0
GAP = 2


@dataclass(frozen=True)
class Scale:
    """One bin width in seconds; `half_life` in bins; `bias` is added to the deviation of a bin."""

    bin_s: int
    half_life: float
    bias: float


SCALES = (Scale(900, 288, 0.6), Scale(3600, 120, 0.7), Scale(86_400, 7, 1.0))
WIDTHS = np.array([scale.bin_s for scale in SCALES], np.int64)
_ALPHA = np.array([1 - 2 ** (-1 / scale.half_life) for scale in SCALES], np.float32)
_BIAS = np.array([scale.bias for scale in SCALES], np.float32)
_EVEN = np.floor(1 / _ALPHA)  # bins that are averaged evenly, until the newest would weigh less than the half-life asks
_SETTLED = np.array([scale.half_life / 4 for scale in SCALES], np.float32)


@dataclass(frozen=True)
class Tested:
    """Of each term and scale: the deviations above what was expected, what was counted and what was expected."""

    z: Floats
    observed: Floats
    expected: Floats
    summed: NDArray[np.bool_]  # whether the three bins together stood out most


@dataclass
class Table:
    """`size` terms by scale by (three bins, mean, variance, bin number); bins are counted from the stream's first."""

    size: int
    rows: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.rows = np.zeros((self.size, len(SCALES), 6), np.float32)

    def count(self, terms: NDArray[np.int32], counts: Floats, bins: NDArray[np.int64]) -> None:
        """Add counts to the current bins; `terms` distinct, `bins` the present bin of each scale."""
        rows = _rolled(self.rows[terms], bins)
        rows[:, :, CURRENT] += counts[:, None]
        self.rows[terms] = rows

    def test(self, terms: NDArray[np.int32], crowding: Floats) -> Tested:
        """Test terms just counted; `crowding` (terms by scale, >= 1): how much more their sources bring than usual."""
        rows = self.rows[terms]
        mean = rows[:, :, MEAN] * crowding
        one = rows[:, :, CURRENT]
        three = one + rows[:, :, BEFORE] + rows[:, :, EARLIER]
        variance = np.maximum(rows[:, :, VARIANCE], mean)
        z_one = (one - mean) / (np.sqrt(variance) + _BIAS)
        z_three = (three - 3 * mean) / (np.sqrt(3 * variance) + 1.5 * _BIAS)
        summed = z_three > z_one
        return Tested(
            np.where(summed, z_three, z_one),
            np.where(summed, three, one),
            np.where(summed, 3 * mean, mean),
            summed,
        )

    def rates(self, terms: NDArray[np.int32]) -> Floats:
        """Usual counts an hour of terms, by the scale of an hour as last learned."""
        return np.asarray(self.rows[terms, 1, MEAN], np.float32)


def _rolled(rows: Floats, bins: NDArray[np.int64]) -> Floats:
    """Rows brought to the present bins: bins that left the gap are learned, empty ones in closed form."""
    now = bins.astype(np.float32)
    behind = now - rows[:, :, BIN]
    for step in range(GAP + 1):
        moving = behind > step
        if not moving.any():
            break
        rows = np.where(moving[:, :, None], _shifted(rows), rows)
    still = np.maximum(behind - GAP - 1, 0)
    if still.any():
        kept = np.exp(_weight(now - GAP - still) - _weight(now - GAP))
        mean = rows[:, :, MEAN].copy()
        rows[:, :, VARIANCE] = kept * (rows[:, :, VARIANCE] + mean * mean * (1 - kept))
        rows[:, :, MEAN] = mean * kept
        rows[:, :, BIN] = now
    return rows


def _shifted(rows: Floats) -> Floats:
    """One bin on: the bin that leaves the gap is learned, clipped."""
    mean, variance = rows[:, :, MEAN], rows[:, :, VARIANCE]
    at = rows[:, :, BIN] - GAP  # the number of the bin that leaves
    taught = np.maximum(at, 0)
    alpha = np.where(at < 0, 0, np.maximum(_ALPHA, 1 / (taught + 1)))
    deviation = np.sqrt(np.maximum(variance, mean)) + _BIAS
    count = rows[:, :, EARLIER]
    count = np.where(taught >= _SETTLED, np.minimum(count, mean + CLIP_Z * deviation), count)
    delta = count - mean
    shifted = np.empty_like(rows)
    shifted[:, :, CURRENT] = 0
    shifted[:, :, BEFORE] = rows[:, :, CURRENT]
    shifted[:, :, EARLIER] = rows[:, :, BEFORE]
    shifted[:, :, MEAN] = mean + alpha * delta
    shifted[:, :, VARIANCE] = (1 - alpha) * (variance + alpha * delta * delta)
    shifted[:, :, BIN] = rows[:, :, BIN] + 1
    return shifted


def _weight(bins: Floats) -> Floats:
    """Minus the logarithm of what `bins` empty bins from the first leave of a mean."""
    bins = np.maximum(bins, 1)
    even = np.minimum(bins, _EVEN)
    return np.asarray(np.log(even) - (bins - even) * np.log1p(-_ALPHA), np.float32)
