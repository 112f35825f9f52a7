"""The streaming detector: feed it mentions in time order, read its issues. The same stream gives the same issues. Pure.

Counts lie in tables of fixed size, texts are kept for a day; only the lists of the members found grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from monitors.detection.stream.evidence import THREAD_MENTIONS, Evidence, is_matter
from monitors.detection.stream.features import Terms, terms_of
from monitors.detection.stream.grouping import Group, group
from monitors.detection.stream.issues import Cause, Issue
from monitors.detection.stream.membership import OVERLAP, TOLD, Members
from monitors.detection.stream.mentions import Heard, in_order, minute_of
from monitors.detection.stream.quiet import DAY_MINUTES, Watch
from monitors.detection.stream.tables import CURRENT, MEAN, SCALES, VARIANCE, WIDTHS, Floats, Table
from monitors.detection.stream.window import FREE, SOURCES, Window

BITS = 21
TICK_MINUTES = 5
BATCH = 2000
ALARM_Z, LEAST_COUNT = 4.0, 3
READY = np.array([48, 24, 7])  # bins from which a scale knows what is usual
SPAN = {900: 60, 3600: 240, 86_400: 1440}  # minutes back in which a scale's burst is looked for
PAIR_MENTIONS = 4
CROWD = 10.0  # mentions a bin from which a source can be crowded
Waiting = tuple[Heard, NDArray[np.int32], int, list[int]]


class Detector:
    """`offset` counts the mentions taken; `issues` is what was found so far, with the mentions of each."""

    def __init__(self, bits: int = BITS) -> None:
        self.bits = bits
        self.table, self.volumes, self.window = Table(1 << bits), Table(SOURCES), Window()
        self.members = Members(self.table, self.volumes, self.window)
        self.begin: int | None = None
        self.tick = 0
        self.offset = 0
        self.watch = Watch(self.table, self.window)
        self.waiting: list[Waiting] = []
        self.paired = np.zeros(1 << bits, bool)
        self._marked = np.zeros(1 << bits, bool)

    @property
    def issues(self) -> list[Issue]:
        """Every issue so far, in the order of their alarms."""
        return self.members.issues

    def feed(self, heard: Iterable[Heard]) -> None:
        """Take mentions in time order; those of five minutes are looked at together when a later one comes."""
        chunk = list(heard)
        for at in range(0, len(chunk), BATCH):
            part = chunk[at : at + BATCH]
            self._take(part, terms_of(part, self.bits))

    def close(self) -> None:
        """Look at the mentions that still wait."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            order = {id(one): at for at, one in enumerate(in_order(each[0] for each in waiting))}
            self._look(sorted(waiting, key=lambda each: order[id(each[0])]))

    def _take(self, part: Sequence[Heard], terms: Terms) -> None:
        self.members.named[terms.named] = True
        self.paired[terms.pairs] = True
        for waiting in zip(part, terms.rows, terms.prints, terms.severe, strict=True):
            tick = minute_of(waiting[0].at) // TICK_MINUTES
            if tick > self.tick:
                self.close()
                self.tick = tick
            self.waiting.append(waiting)
            self.offset += 1

    def _look(self, waiting: Sequence[Waiting]) -> None:
        """One tick: count and test, attach to what is known, then find what is new."""
        now = (self.tick + 1) * TICK_MINUTES
        if self.begin is None:
            self.begin = self.tick * TICK_MINUTES // DAY_MINUTES * DAY_MINUTES
        bins = (self.tick * TICK_MINUTES - self.begin) * 60 // WIDTHS
        heard, rows, prints, severe = (list(column) for column in zip(*waiting, strict=True))
        numbers = self.window.add(heard, rows, prints)
        crowding = self._crowding(numbers, bins)
        self.window.forget(now)
        loud = self._count(numbers, crowding[-len(self.window.heard) :], bins)
        self.members.let_pass(now)
        for number in range(max(numbers.start, self.window.first), numbers.stop):
            self.members.place(number)
        if loud:
            self._find(loud, now)
        for number, matters in zip(numbers, severe, strict=True):
            issue = self.watch.warn(number, matters, now, self.begin) if matters else None
            if issue:
                issue.number = len(self.issues)
                self.issues.append(issue)

    def _crowding(self, numbers: range, bins: NDArray[np.int64]) -> Floats:
        """How much more each mention's source brings than usual, by scale, at least 1."""
        sources = np.array(self.window.sources[numbers.start - self.window.first :], np.int32)
        names, counts = np.unique(sources, return_counts=True)
        self.volumes.count(names, counts.astype(np.float32), bins)
        rows = self.volumes.rows[sources]
        usual = rows[:, :, MEAN] + 2 * np.sqrt(rows[:, :, VARIANCE]) + CROWD
        return np.asarray(np.maximum(1, rows[:, :, CURRENT] / usual), np.float32)

    def _count(self, numbers: range, crowding: Floats, bins: NDArray[np.int64]) -> dict[int, Cause]:
        """Count the terms of new mentions; those that stand out, with the scale at which they do most."""
        rows = self.window.rows[max(numbers.start, self.window.first) - self.window.first :]
        sizes = [len(row) for row in rows]
        if not sum(sizes):
            return {}
        terms, inverse, counts = np.unique(np.concatenate(rows), return_inverse=True, return_counts=True)
        weights = np.repeat(crowding, sizes, axis=0)
        crowd = [np.bincount(inverse, weights[:, scale], len(terms)) / counts for scale in range(len(SCALES))]
        self.table.count(terms, counts.astype(np.float32), bins)
        tested = self.table.test(terms, np.stack(crowd, 1).astype(np.float32))
        z = np.where((bins >= READY) & (tested.observed >= LEAST_COUNT), tested.z, 0)
        best = z.argmax(1)
        found = {}
        for at in np.flatnonzero(z.max(1) >= ALARM_Z).tolist():
            cell = (at, int(best[at]))
            figures = (float(z[cell]), float(tested.observed[cell]), float(tested.expected[cell]))
            found[int(terms[at])] = Cause(*figures, SCALES[cell[1]].bin_s)
        return found

    def _find(self, loud: dict[int, Cause], now: int) -> None:
        """Groups of free mentions that hold the same loud terms; each may become an issue."""
        names = np.fromiter(loud, np.int32, len(loud))
        self._marked[names] = True
        mentions, terms = self.window.holders(self._marked)
        self._marked[names] = False
        at = mentions - self.window.first
        spans = np.array([SPAN[loud[term].bin_s] for term in terms.tolist()], np.int64)
        inside = np.array(self.window.owners)[at] == FREE
        inside &= np.array(self.window.minutes)[at] >= now - spans
        if inside.sum() < LEAST_COUNT:
            return
        for term in np.unique(terms[inside & self.paired[terms]]).tolist():
            seeds = np.unique(mentions[inside & (terms == term)])
            if len(seeds) >= PAIR_MENTIONS:
                self._consider(Group(seeds, np.array([term], np.int32)), loud, now, core=term)
        for found in group(mentions[inside], terms[inside], {term: cause.z for term, cause in loud.items()}):
            self._consider(found, loud, now)

    def _consider(self, found: Group, loud: dict[int, Cause], now: int, core: int = -1) -> None:
        """Raise an issue of a group, or give it to the issue whose words most of its mentions have."""
        numbers = self.window.free(found.mentions)
        if len(numbers) < LEAST_COUNT:
            return
        cause = max((loud[term] for term in found.terms.tolist()), key=lambda cause: (cause.z, cause.bin_s))
        if not is_matter(self._evidence(numbers, found, cause), core >= 0):
            return
        home = self._same_words(numbers)
        if home is not None:
            for number in numbers:
                self.members.attach(home, number, True)
            return
        under = self._post_above(numbers)
        if under and len(numbers) < THREAD_MENTIONS:
            return
        issue = Issue(len(self.issues), now, cause, under=under, core=-1 if under else core)
        self.members.open(issue, numbers, now)

    def _post_above(self, numbers: Sequence[int]) -> str:
        """The post under which at least half of the mentions stand, or nothing."""
        above = Counter(self.window.heard[number - self.window.first].under for number in numbers)
        return max((post for post, count in above.items() if 2 * count >= len(numbers)), default="")

    def _evidence(self, numbers: Sequence[int], found: Group, cause: Cause) -> Evidence:
        window, named = self.window, self.members.named
        first = window.first
        heard, minutes = self._heard(numbers)
        chances = self.members.chances(found.terms.tolist(), Counter(one.source for one in heard).items())
        surprise = [-log(chance) / (1.0 if named[term] else OVERLAP) for term, chance in chances.items()]
        scratch, terms = self.members.scratch, list(chances)
        scratch[terms] = surprise
        held = [float(scratch[window.rows[number - first]].sum()) for number in numbers]
        scratch[terms] = 0
        authors = {one.author or one.id for one in heard}
        texts = {window.prints[number - first] for number in numbers}
        return Evidence(
            len(numbers), len(authors), len(texts), max(minutes) - min(minutes), sorted(held)[len(held) // 2], cause.z
        )

    def _heard(self, numbers: Sequence[int]) -> tuple[list[Heard], list[int]]:
        heard = [self.window.heard[number - self.window.first] for number in numbers]
        return heard, [minute_of(one.at) for one in heard]

    def _same_words(self, numbers: Sequence[int]) -> int | None:
        """The active issue whose words tell at least half of the mentions."""
        told: Counter[int] = Counter()
        for number in numbers:
            words = self.members.words(self.window.rows[number - self.window.first])
            told.update(each for each, gain in words.items() if gain > TOLD)
        each, count = min(told.items(), key=lambda pair: (-pair[1], pair[0]), default=(FREE, 0))
        return each if 2 * count >= len(numbers) else None
