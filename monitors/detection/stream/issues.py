"""One issue of the stream: who says it, by which terms it is known again, how fast it comes. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitors.detection.stream.mentions import Heard, minute_of

PACE_MINUTES = 90.0
"""Time constant of the pace: how long a post of an issue makes another one likely."""
MOST_LEARNED, MOST_POSTS = 400, 40
TELLING = 2.0
"""What a post that tells by its words adds to the pace, for those that say too little to tell. Such posts themselves
add nothing: an issue that lived on whatever came at its time would swallow the stream."""
LIFT, HEAVIEST = 8.0, 6.0


@dataclass(frozen=True)
class Cause:
    """Why an issue was raised: the count that stood out most, in which bin width, and by how much."""

    z: float
    observed: float
    expected: float
    bin_s: int


@dataclass
class Issue:
    """Members by id in the order they were attached.

    `weights` by bucket: logarithm of how much likelier a term is here than in the stream; `pace` by source; `core`: the
    term every member must hold, when the issue is a topic at a place, or -1.
    """

    number: int
    alarm_minute: int
    cause: Cause
    kind: str = "burst"
    under: str = ""
    core: int = -1
    last_minute: int = 0
    ids: list[str] = field(default_factory=list)
    untold: int = 0
    authors: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    prints: Counter[int] = field(default_factory=Counter)
    posts: list[Heard] = field(default_factory=list)
    holders: Counter[int] = field(default_factory=Counter)
    learned: int = 0
    weighed_at: int = 0
    weights: dict[int, float] = field(default_factory=dict)
    pace: dict[int, float] = field(default_factory=dict)
    pace_minute: int = 0

    def take(self, one: Heard, source: int, row: NDArray[np.int32], mark: int, told: bool) -> None:
        """Attach a mention; only one that was told by its words teaches by which words the issue is known."""
        minute = minute_of(one.at)
        self.ids.append(one.id)
        self.last_minute = max(self.last_minute, minute)
        self.authors[one.author] += 1
        self.sources[one.source] += 1
        self.prints[mark] += 1
        self.let_pass(minute)
        faded = math.exp(-max(0, self.pace_minute - minute) / PACE_MINUTES)
        self.pace[source] = self.pace.get(source, 0.0) + (TELLING * faded if told else 0.0)
        if not told:
            self.untold += 1
        elif self.learned < MOST_LEARNED:
            self.learned += 1
            self.holders.update(row.tolist())
        if told and len(self.posts) < MOST_POSTS:
            self.posts.append(one)

    def let_pass(self, minute: int) -> None:
        """Let the pace fade to a minute."""
        if minute > self.pace_minute:
            kept = math.exp(-(minute - self.pace_minute) / PACE_MINUTES)
            self.pace = {source: rate * kept for source, rate in self.pace.items() if rate * kept > 1e-6}
            self.pace_minute = minute

    @property
    def copy_share(self) -> float:
        """Share of the members with words that repeat another's words."""
        worded = sum(self.prints.values()) - self.prints[0]
        different = len(self.prints) - (0 in self.prints)
        return (worded - different) / worded if worded else 0.0

    @property
    def stale(self) -> bool:
        """Whether it has learned a fifth more since it was weighed."""
        return self.learned >= 1.2 * self.weighed_at

    def weigh(self, chance: Mapping[int, float]) -> None:
        """Learn by which terms it is known; `chance` is how likely a mention of the stream holds each term."""
        self.weighed_at = self.learned
        least = 2 if self.learned < MOST_LEARNED / 10 else 3
        self.weights = {}
        for term, count in self.holders.items():
            if count >= least and count / self.learned >= LIFT * chance[term]:
                self.weights[term] = min(HEAVIEST, math.log(count / self.learned / chance[term]))
