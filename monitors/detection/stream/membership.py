"""Decides to which issue a mention belongs: its words against each issue's, and how fast each issue is coming.

Rule: the logarithm of the odds, words (log-likelihood ratios of the terms shared, a third each because grams overlap)
plus pace (posts an hour of the issue over those of no issue, from the same source); a mixture in the manner of
Dirichlet-Hawkes processes (Du et al., KDD 2015) with the clusters given by the burst test. Pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitors.detection.stream.issues import PACE_MINUTES, Issue
from monitors.detection.stream.tables import Table
from monitors.detection.stream.window import FREE, SOURCES, Window, source_of

OVERLAP = 3.0
"""A word of two or three characters makes about three grams."""
SPEECHLESS = 15  # terms (four or five characters) up to which a post says too little to be about something else
UNMATCHED = 0.03  # taken off for every term of a mention
TOLD = 3.0  # log-odds of the words alone from which they tell the issue
RARE_AN_HOUR = 0.02  # what a term never seen is taken to come
ACTIVE_MINUTES = 48 * 60
BACK_MINUTES = 120
REACH = 6  # time constants that one post's influence reaches


@dataclass
class Members:
    """All issues of the stream; those that may still grow, with an index from terms to them."""

    table: Table
    volumes: Table
    window: Window
    issues: list[Issue] = field(default_factory=list)
    active: list[int] = field(default_factory=list)
    threads: dict[str, int] = field(default_factory=dict)
    loose: NDArray[np.float64] = field(default_factory=lambda: np.zeros(SOURCES))
    loose_minute: int = 0
    named: NDArray[np.bool_] = field(init=False)
    scratch: NDArray[np.float32] = field(init=False)  # zeros between uses
    _known: NDArray[np.int16] = field(init=False)
    _homes: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    _fastest: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.named = np.zeros(self.table.size, bool)
        self.scratch = np.zeros(self.table.size, np.float32)
        self._known = np.zeros(self.table.size, np.int16)

    def let_pass(self, minute: int) -> None:
        """Bring every pace to this minute and let old issues rest."""
        self.loose *= math.exp(-max(0, minute - self.loose_minute) / PACE_MINUTES)
        self.loose_minute = max(minute, self.loose_minute)
        for number in [each for each in self.active if self.issues[each].last_minute < minute - ACTIVE_MINUTES]:
            self._rest(self.issues[number])
        self._fastest = {}
        for number in self.active:
            issue = self.issues[number]
            issue.let_pass(minute)
            for source, pace in issue.pace.items():
                if source not in self._fastest or pace > self.issues[self._fastest[source]].pace.get(source, 0.0):
                    self._fastest[source] = number

    def place(self, number: int) -> None:
        """Attach a new mention to the likeliest issue, or leave it free."""
        at = number - self.window.first
        home = self.threads.get(self.window.heard[at].under)
        if home is None:
            home, told = self._likeliest(at)
        else:
            told = True
        if home == FREE:
            self.loose[self.window.sources[at]] += 1
        else:
            self.attach(home, number, told)

    def _likeliest(self, at: int) -> tuple[int, bool]:
        """The likeliest issue or FREE, and whether the words tell it; by time alone only if it says nothing."""
        one, source, row = self.window.heard[at], self.window.sources[at], self.window.rows[at]
        words = self.words(row)
        speechless = len(row) <= SPEECHLESS and not one.under
        if speechless and source in self._fastest:
            words.setdefault(self._fastest[source], 0.0)
        best, chosen = UNMATCHED * len(row), FREE
        for each in sorted(words):
            pace = self.issues[each].pace.get(source, 0.0)
            odds = words[each] + math.log(max(pace, 1e-9) / (self.loose[source] + 1.0))
            if odds > best and (words[each] > TOLD or speechless):
                best, chosen = odds, each
        return chosen, chosen != FREE and words[chosen] > TOLD

    def words(self, row: NDArray[np.int32]) -> dict[int, float]:
        """Log-odds by the words alone, of every active issue that shares one."""
        sums: dict[int, float] = {}
        hits = row[self._known[row] > 0].tolist()
        for term in hits:
            for each, weight in self._homes[term].items():
                sums[each] = sums.get(each, 0.0) + weight
        held = {-1, *hits}
        return {each: total for each, total in sums.items() if self.issues[each].core in held}

    def attach(self, each: int, number: int, told: bool) -> None:
        """Make a mention of the window a member."""
        issue = self.issues[each]
        issue.take(*self.window.member(number), told)
        self.window.owners[number - self.window.first] = each
        if issue.stale and issue.weights:
            self.weigh(issue)

    def open(self, issue: Issue, seeds: Iterable[int], minute: int) -> None:
        """A new issue with its first members; then what else was said before the alarm and belongs to it."""
        numbers = list(seeds)
        self.issues.append(issue)
        self.active.append(issue.number)
        for number in numbers:
            at = number - self.window.first
            age = max(0, minute - self.window.minutes[at])
            self.loose[self.window.sources[at]] -= math.exp(-age / PACE_MINUTES)
            self.attach(issue.number, number, True)
        self.loose = np.maximum(self.loose, 0)
        if issue.under:
            self.threads[issue.under] = issue.number
        self.weigh(issue)
        if self._sweep(issue) and not issue.under:
            self._sweep(issue)  # once more, by the words that the first ones taught
        issue.let_pass(minute)

    def chances(self, terms: Iterable[int], sources: Iterable[tuple[str, int]]) -> dict[int, float]:
        """How likely a mention of these sources (name, weight) holds each term, at most 1."""
        names = np.fromiter(terms, np.int32)
        mix = [(self.volumes.rates(np.array([source_of(name)], np.int32))[0], count) for name, count in sources]
        volume = max(1.0, sum(float(rate) * count for rate, count in mix) / sum(count for _rate, count in mix))
        shares = np.minimum(1.0, (self.table.rates(names) + RARE_AN_HOUR) / volume)
        return dict(zip(names.tolist(), shares.tolist(), strict=True))

    def weigh(self, issue: Issue) -> None:
        """Let an issue learn its terms and put them into the index; a pair or a post above counts for three grams."""
        self._forget(issue)
        issue.weigh(self.chances(issue.holders, issue.sources.items()))
        self.index(issue)

    def index(self, issue: Issue) -> None:
        """Put an issue's terms into the index."""
        for term, weight in issue.weights.items():
            self._homes[term][issue.number] = weight if self.named[term] else weight / OVERLAP
            self._known[term] += 1

    def _forget(self, issue: Issue) -> None:
        for term in issue.weights:
            del self._homes[term][issue.number]
            self._known[term] -= 1
            if not self._homes[term]:
                del self._homes[term]

    def _rest(self, issue: Issue) -> None:
        self._forget(issue)
        self.active.remove(issue.number)
        self.threads.pop(issue.under, None)
        issue.weights, issue.pace = {}, {}
        issue.holders.clear()

    def _sweep(self, issue: Issue) -> int:
        """Attach what is free and likelier to be of the issue than not; how many."""
        window = self.window
        begin = window.minutes[window.owners.index(issue.number)]
        start = bisect_left(window.minutes, begin - BACK_MINUTES)
        words, odds = self._words_of(issue, start), self._odds_of(issue, start)
        sizes, free = np.array(window.sizes[start:]), np.array(window.owners[start:]) == FREE
        above = np.array([one.under for one in window.heard[start:]])
        same = (above == issue.under) & (above != "")
        belongs = (words + odds > UNMATCHED * sizes) & ((words > TOLD) | ((above == "") & (sizes <= SPEECHLESS)))
        taken = np.flatnonzero((belongs | same) & free).tolist()
        for at in taken:
            self.attach(issue.number, at + start + window.first, bool(same[at] or words[at] > TOLD))
        return len(taken)

    def _odds_of(self, issue: Issue, start: int) -> NDArray[np.float64]:
        """Log-odds by the pace alone, of every kept mention from the position `start` on."""
        owners, minutes, sources = (
            np.array(each[start:]) for each in (self.window.owners, self.window.minutes, self.window.sources)
        )
        odds = np.full(len(owners), -np.inf)
        for source in np.unique(sources[owners == issue.number]).tolist():
            here = sources == source
            ours, others = (_paces(minutes[here & (owners == whose)], minutes) for whose in (issue.number, FREE))
            odds[here] = np.log(np.maximum(ours, 1e-9) / (others + 1.0))[here]
        return odds

    def _words_of(self, issue: Issue, start: int) -> NDArray[np.float64]:
        """Log-odds by the words for one issue, of every kept mention from the position `start` on."""
        terms = np.fromiter(issue.weights, np.int32, len(issue.weights))
        weights = np.fromiter(issue.weights.values(), np.float64, len(issue.weights))
        self.scratch[terms] = np.where(self.named[terms], weights, weights / OVERLAP)
        sums = self.window.sums(self.scratch, start)
        self.scratch[terms] = 0
        if issue.core >= 0:
            holders = np.array(self.window.holding(issue.core), np.int64) - self.window.first - start
            others = np.ones(len(sums), bool)
            others[holders[holders >= 0]] = False
            sums[others] = -np.inf
        return sums


def _paces(posts: NDArray[np.int64], minutes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The pace at each of the minutes (ascending) by the posts before and after it."""
    begin = int(minutes[0])
    counts = np.bincount(posts - begin, minlength=int(minutes[-1]) - begin + 1).astype(float)
    reach = np.arange(-REACH * int(PACE_MINUTES), REACH * int(PACE_MINUTES) + 1)
    paces = np.convolve(counts, np.exp(-np.abs(reach) / PACE_MINUTES))
    return np.asarray(paces[len(reach) // 2 :][minutes - begin])
