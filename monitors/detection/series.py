"""SigniTrend over one sparse series: is this bin's count far above what the term's own past makes likely?

Rule: z = (x - mean) / (max(sqrt(variance), sqrt(mean)) + bias), mean and variance exponentially weighted; a bin is
tested before it is learned, and what is learned is clipped at five deviations, so that a burst hardly teaches itself.
Empty bins between two counts are learned in closed form: the work grows with the counts, the memory is two numbers.
(E. Schubert, M. Weiler, H.-P. Kriegel: SigniTrend, KDD 2014; the floor sqrt(mean) is what counting noise would give.)
Pure and replayable: the same counts and coverage give the same alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

OTHER_WEIGHT = 0.25
"""A mention that is not negative counts a quarter of a negative one: praise must be loud to be heard as a burst."""


@dataclass(frozen=True)
class Scale:
    """One bin width with its parameters. `half_life` is in bins."""

    bin_s: int
    half_life: float
    bias: float
    alarm_z: float
    clip_z: float = 5.0

    @property
    def alpha(self) -> float:
        """Weight of the newest bin."""
        return 1 - 2 ** (-1 / self.half_life)


QUARTER = Scale(bin_s=900, half_life=96, bias=1.0, alarm_z=4.0)
HOUR = Scale(bin_s=3600, half_life=24, bias=1.5, alarm_z=4.0)
SCALES = (QUARTER, HOUR)
LEARNABLE = 0.5
"""Share of the sources that must have been read for a bin to be learned."""


@dataclass(frozen=True)
class State:
    """What a term's past says: weighted mean and variance of its count a bin, and how many bins taught it."""

    mean: float = 0.0
    variance: float = 0.0
    bins: int = 0


@dataclass(frozen=True)
class Alarm:
    """A bin (index = epoch seconds // bin width) whose count stands out."""

    bin: int
    bin_s: int
    observed: float
    expected: float
    deviation: float
    z: float


@dataclass
class Reading:
    """Which bins were read, as shares 0..1 of the sources, for bins `start` .. `end` - 1; outside nothing was read."""

    start: int
    shares: Sequence[float]
    _before: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._before = [0]
        for share in self.shares:
            self._before.append(self._before[-1] + (share >= LEARNABLE))

    @property
    def end(self) -> int:
        """The first bin after the last one known."""
        return self.start + len(self.shares)

    def share(self, at: int) -> float:
        """Share of the sources read in a bin."""
        return self.shares[at - self.start] if self.start <= at < self.end else 0.0

    def learnable(self, since: int, until: int) -> int:
        """How many bins of since .. until - 1 were read well enough to be learned."""
        return self._before[self._clamp(until)] - self._before[self._clamp(max(since, self.start))]

    def coarser(self, factor: int) -> Reading:
        """The same in bins `factor` times as wide: the mean share of the parts."""
        start, end = self.start // factor, -(-self.end // factor)
        parts = [[self.share(at * factor + part) for part in range(factor)] for at in range(start, end)]
        return Reading(start, [sum(row) / factor for row in parts])

    def _clamp(self, at: int) -> int:
        return min(max(at - self.start, 0), len(self.shares))


def weigh(total: int, negative: int) -> float:
    """A bin's weighted count."""
    return negative + OTHER_WEIGHT * (total - negative)


def deviation(state: State, scale: Scale) -> float:
    """The denominator of z."""
    return math.sqrt(max(state.variance, state.mean)) + scale.bias


def learn(state: State, count: float, scale: Scale) -> State:
    """The state after one more bin.

    The first bins are averaged evenly, until that weighs less than the half-life asks; after the first quarter of a
    half-life counts are clipped at `clip_z` deviations above the mean.
    """
    alpha = max(scale.alpha, 1 / (state.bins + 1))
    if state.bins >= scale.half_life / 4:
        count = min(count, state.mean + scale.clip_z * deviation(state, scale))
    delta = count - state.mean
    mean = state.mean + alpha * delta
    return State(mean, (1 - alpha) * (state.variance + alpha * delta * delta), state.bins + 1)


def learn_empty(state: State, bins: int, scale: Scale) -> State:
    """The state after `bins` empty bins: what `learn(state, 0)` repeated would give, in closed form once settled."""
    if not state.mean and not state.variance:
        return State(0.0, 0.0, state.bins + bins)
    while bins and 1 / (state.bins + 1) > scale.alpha:
        state, bins = learn(state, 0.0, scale), bins - 1
    kept = (1 - scale.alpha) ** bins
    variance = kept * (state.variance + state.mean * state.mean * (1 - kept))
    return State(state.mean * kept, variance, state.bins + bins)


def probe(state: State, at: int, count: float, scale: Scale) -> Alarm | None:
    """An alarm when the count of bin `at` stands out against the state."""
    spread = deviation(state, scale)
    z = (count - state.mean) / spread
    return Alarm(at, scale.bin_s, count, state.mean, spread, z) if z >= scale.alarm_z else None


@dataclass
class Replay:
    """A series on its way through time: feed bins in order, read `alarms` and `state`."""

    scale: Scale
    reading: Reading
    state: State
    next_bin: int
    alarms: list[Alarm] = field(default_factory=list)

    def run(self, counts: Iterable[tuple[int, float]], open_from: int) -> None:
        """Test every counted bin and learn the closed, read ones; bins from `open_from` on are only tested."""
        for at, count in counts:
            if at < self.next_bin:
                continue
            self.advance(min(at, open_from))
            alarm = probe(self.state, at, count, self.scale)
            if alarm:
                self.alarms.append(alarm)
            if at < open_from:
                self._take(at, count)

    def advance(self, until: int) -> None:
        """Learn the read but empty bins before `until`."""
        if until > self.next_bin:
            self.state = learn_empty(self.state, self.reading.learnable(self.next_bin, until), self.scale)
            self.next_bin = until

    def _take(self, at: int, count: float) -> None:
        share = self.reading.share(at)
        if share >= LEARNABLE:
            self.state = learn(self.state, count / share, self.scale)
        self.next_bin = at + 1


def coarser(counts: Iterable[tuple[int, float]], factor: int) -> list[tuple[int, float]]:
    """A sorted sparse series in bins `factor` times as wide."""
    sums: dict[int, float] = {}
    for at, count in counts:
        sums[at // factor] = sums.get(at // factor, 0.0) + count
    return sorted(sums.items())
