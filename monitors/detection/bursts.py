"""Bursts of one count series, bin by bin: does the series now reach a level it itself reaches less than once a week?

Return levels instead of deviations: counts of people talking have no usable variance, but the peaks of a series tell
how often a height is reached. Peaks are remembered and slowly forgotten; a height's rate is how many of them a week
stood above it. Nothing is fitted to a series: all constants are in `Habit`, the same for every one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass

DAY_S = 86_400
WEEK_S = 7 * DAY_S
UNKNOWN = math.inf
FORGOTTEN = 6
"""Half-lives after which a peak is dropped."""


@dataclass(frozen=True)
class Habit:
    """The constants. Times are in seconds, rates in alarms a week.

    A burst is looked for in sums over each of `spans_s` (half an hour, an hour, two hours: shorter is one machine
    posting, longer is no longer news). Peaks are `apart_s` from anything higher; as long must a series be quiet before
    it can alarm anew. They weigh half after `half_life_s`: what was loud a month ago hardly counts. `rate` is the
    budget of a span, two in three weeks: a height reached more often is ordinary. `lift` and `noise` keep a level
    series silent: a burst is a fifth, and three deviations of counting noise, above what every other day reaches.
    Inside a burst only a height `escalation` times as rare alarms again. Nothing is judged before `silent_s`.
    """

    spans_s: tuple[float, ...] = (1800, 3600, 7200)
    apart_s: float = 6 * 3600
    half_life_s: float = 10 * DAY_S
    rate: float = 2 / 3
    lift: float = 1.2
    noise: float = 3.0
    escalation: float = 4.0
    silent_s: float = DAY_S


USUAL = Habit()


@dataclass(frozen=True)
class Reading:
    """What one bin says.

    `score` 0..1 is above one half exactly when `alarm`; `rate` is how often a week the series reaches the height
    `observed` (a sum over `span_s` seconds), infinite while too little is known; `usual` is the sum reached
    about every other day.
    """

    score: float
    alarm: bool
    rate: float = UNKNOWN
    span_s: float = 0.0
    observed: float = 0.0
    usual: float = 0.0


class Peaks:
    """The peaks of a series so far, weighted by age: how often is a height reached, and which one every other day?"""

    def __init__(self, apart: int, step_s: float, half_life_s: float) -> None:
        """Peaks are at least `apart` bins of `step_s` seconds from anything higher."""
        self._apart, self._week = apart, WEEK_S / step_s
        self._half_life = half_life_s / step_s
        self._kept: deque[tuple[int, float]] = deque(maxlen=math.ceil(FORGOTTEN * self._half_life / apart))
        self._first: int | None = None
        self._rising: tuple[int, float] | None = None
        self._heights: list[float] = []
        self._above: list[float] = []
        self._weeks = 0.0
        self.usual = 0.0

    def bins(self, at: int) -> int:
        """How many bins ago learning began."""
        return 0 if self._first is None else at - self._first

    def settle(self, at: int) -> None:
        """Learn the last peak once nothing higher has come for `apart` bins before `at`."""
        if self._rising and at - self._rising[0] > self._apart:
            self._kept.append(self._rising)
            self._rising = None
            self._weigh(at)

    def see(self, at: int, height: float) -> None:
        """A height that may become a peak; to be called after the bin was judged."""
        if self._first is None:
            self._first = at
        if self._rising is None or height > self._rising[1]:
            self._rising = (at, height)

    def rate(self, height: float) -> float:
        """Peaks a week above a height, interpolated between the remembered ones.

        Above the highest (at least 1) it falls as 1 / height: a Pareto tail with exponent one, heavy on purpose.
        """
        at = bisect_left(self._heights, height)
        if at == 0:
            return UNKNOWN
        if at == len(self._heights):
            return self._above[-1] * max(self._heights[-1], 1.0) / max(height, 1.0) / self._weeks
        low, high = self._heights[at - 1], self._heights[at]
        share = (height - low) / (high - low)
        return (self._above[at - 1] + share * (self._above[at] - self._above[at - 1])) / self._weeks

    def _weigh(self, at: int) -> None:
        """Sort the peaks; `_above` is the weight of the peaks above each height, half of its own included."""
        aged = sorted((height, 2 ** ((then - at) / self._half_life)) for then, height in self._kept)
        self._heights, self._above, left = [], [], sum(weight for _, weight in aged)
        for height, weight in aged:
            self._heights.append(height)
            self._above.append(left - weight / 2)
            left -= weight
        # the time that was watched, weighted as the peaks are: the integral of the same decay
        lived = 1 - 2 ** (-self.bins(at) / self._half_life)
        self._weeks = self._half_life / math.log(2) * lived / self._week
        every_other_day = 3.5 * self._weeks
        pairs = zip(self._heights, self._above, strict=True)
        self.usual = next((height for height, above in pairs if above <= every_other_day), self._heights[-1])


class Span:
    """Sums over the last `bins` bins, and the peaks they reached."""

    def __init__(self, bins: int, peaks: Peaks) -> None:
        self.bins, self.peaks = bins, peaks
        self._recent: deque[tuple[int, float]] = deque()

    def sum(self, at: int, count: float) -> float | None:
        """The sum up to this bin, missing bins estimated by the mean of the others; None when most are missing."""
        self._recent.append((at, count))
        while self._recent[0][0] <= at - self.bins:
            self._recent.popleft()
        if 2 * len(self._recent) < self.bins:
            return None
        return sum(kept for _, kept in self._recent) * self.bins / len(self._recent)


class Watch:
    """A series on its way through time: feed its bins in order. Memory is some hundred numbers, whatever its length."""

    def __init__(self, step_s: float, habit: Habit = USUAL) -> None:
        """`step_s` is the width of a bin in seconds; spans and blocks narrower than a bin are one bin wide."""
        if step_s <= 0:
            raise ValueError(f"step_s is {step_s}: give the width of a bin in seconds, above 0")
        self._step_s, self._habit = step_s, habit
        self._apart = max(1, round(habit.apart_s / step_s))
        self._silent = max(4, round(habit.silent_s / step_s))
        widths = sorted({max(1, round(span / step_s)) for span in habit.spans_s})
        self._spans = [Span(width, Peaks(self._apart, step_s, habit.half_life_s)) for width in widths]
        self._last: int | None = None
        self._loud_at: int | None = None
        self._told = UNKNOWN

    def feed(self, at: int, count: float) -> Reading:
        """Judge bin `at` (any running number of the bin, for example epoch seconds // width), then learn it.

        Only this bin and earlier ones are used. Bins that were not read are left out, not fed as 0. Raises ValueError
        for a bin that does not come after the last one and for a count below 0 or not finite.
        """
        if self._last is not None and at <= self._last:
            raise ValueError(f"bin {at} comes after bin {self._last}: feed the bins in order, each once")
        if not 0 <= count < math.inf:
            raise ValueError(f"count {count} of bin {at}: a count is finite and not below 0")
        self._last = at
        found = [self._judge(span, at, count) for span in self._spans]
        return self._decide(at, min(found, key=lambda reading: reading.rate))

    def _judge(self, span: Span, at: int, count: float) -> Reading:
        habit, peaks, total = self._habit, span.peaks, span.sum(at, count)
        if total is None:
            return Reading(0.0, False)
        peaks.settle(at)
        rate, usual = peaks.rate(total), peaks.usual
        if peaks.bins(at) < self._silent:
            rate = UNKNOWN
        peaks.see(at, total)
        needed = max(habit.lift * usual, usual + habit.noise * math.sqrt(max(usual, 1.0)))
        if total < needed:
            rate = max(rate, habit.rate * needed / total) if total else UNKNOWN
        return Reading(0.0, False, rate, span.bins * self._step_s, total, usual)

    def _decide(self, at: int, found: Reading) -> Reading:
        """Alarm once a burst; while it lasts, and for one block after, only what is much rarer alarms again."""
        habit = self._habit
        held = self._loud_at is not None and at - self._loud_at <= self._apart
        bar = self._told / habit.escalation if held else habit.rate
        alarm = found.rate < bar
        if found.rate < habit.rate:
            self._loud_at = at
        if alarm:
            self._told = found.rate
        return Reading(1 / (1 + found.rate / bar), alarm, found.rate, found.span_s, found.observed, found.usual)
