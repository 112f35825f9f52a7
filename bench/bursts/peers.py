"""Rules of other products and papers on a count series, each as one function from counts (5-minute bins) to alarms."""

from __future__ import annotations

import math

import numpy as np

from bench.bursts.grading import Flags, Floats

HOUR, DAY = 12, 288


def sums(counts: Floats, width: int) -> Floats:
    """The sum of the last `width` bins, at each bin."""
    run = np.concatenate(([0.0], np.cumsum(counts)))
    at = np.arange(1, len(run))
    return run[at] - run[np.maximum(at - width, 0)]


def ratio_2h_7d(counts: Floats) -> Flags:
    """The last 2 h are at least 5 and above 3 times the mean of the 7 days before."""
    recent, width = sums(counts, 2 * HOUR), 7 * DAY
    before = sums(counts, width + 2 * HOUR) - recent
    bins = np.clip(np.arange(1, len(counts) + 1) - 2 * HOUR, 0, width)
    return (recent >= 5) & (bins > 0) & (recent > 3 * before / np.maximum(bins, 1) * 2 * HOUR)


def ratio_1h_12h(counts: Floats) -> Flags:
    """The last hour is above 2.5 times the mean hour of the 12 before."""
    recent = sums(counts, HOUR)
    before = (sums(counts, 13 * HOUR) - recent) / 12
    return (recent > 2.5 * before) & (np.arange(len(counts)) >= 13 * HOUR)


def mean_3sd(counts: Floats) -> Flags:
    """The hour is above mean + 3 deviations of the hours of the last 7 days."""
    hours = _hours(counts)
    loud = np.zeros(len(hours), dtype=bool)
    for at in range(24, len(hours)):
        past = hours[max(0, at - 168) : at]
        loud[at] = hours[at] > past.mean() + 3 * past.std()
    return _at_hours(loud, len(counts))


def signitrend(counts: Floats, half_life: float = 24, bias: float = 1.5, z: float = 4) -> Flags:
    """SigniTrend by the hour: exponentially weighted mean and variance, tested before the update, z >= 4."""
    hours = _hours(counts)
    loud, mean, variance = np.zeros(len(hours), dtype=bool), 0.0, 0.0
    for at, count in enumerate(hours):
        loud[at] = (count - mean) / (math.sqrt(max(variance, mean)) + bias) >= z
        alpha = max(1 - 2 ** (-1 / half_life), 1 / (at + 1))
        delta = float(count - mean)
        mean += alpha * delta
        variance = (1 - alpha) * (variance + alpha * delta * delta)
    return _at_hours(loud, len(counts))


def _hours(counts: Floats) -> Floats:
    return counts[: len(counts) // HOUR * HOUR].reshape(-1, HOUR).sum(axis=1)


def _at_hours(loud: Flags, bins: int) -> Flags:
    """The alarms of whole hours, each at the hour's last bin."""
    alarms = np.zeros(bins, dtype=bool)
    alarms[np.flatnonzero(loud) * HOUR + HOUR - 1] = True
    return alarms


RULES = {
    "3x last 2 h against mean of 7 d": ratio_2h_7d,
    "2.5x last 1 h against past 12 h": ratio_1h_12h,
    "mean + 3 sd of the hours of 7 d": mean_3sd,
    "SigniTrend hourly, z >= 4": signitrend,
}
