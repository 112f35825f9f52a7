"""The mentions of the last day or so with their terms, so that a burst's posts can be found again. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitors.detection.stream.mentions import Heard, minute_of

KEPT_MINUTES = 24 * 60
MOST = 12_000  # mentions kept; a storm pushes older ones out earlier
FREE = -1
"""Stands where a mention belongs to no issue yet."""
SOURCES = 256


def source_of(name: str) -> int:
    """The row of a source's volume; sources that share one are normalised together."""
    return zlib.crc32(name.encode()) % SOURCES


@dataclass
class Window:
    """Mentions numbered in the order they came; the oldest kept has the number `first`."""

    first: int = 0
    heard: list[Heard] = field(default_factory=list)
    rows: list[NDArray[np.int32]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    prints: list[int] = field(default_factory=list)
    minutes: list[int] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    _chunks: list[tuple[int, NDArray[np.int32], NDArray[np.int32]]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The number the next mention will have."""
        return self.first + len(self.heard)

    def add(self, heard: Sequence[Heard], rows: Sequence[NDArray[np.int32]], prints: Sequence[int]) -> range:
        """Append mentions in order; gives their numbers."""
        begin = self.end
        self.heard += heard
        self.rows += rows
        self.sizes += [len(row) for row in rows]
        self.prints += prints
        self.minutes += [minute_of(one.at) for one in heard]
        self.sources += [source_of(one.source) for one in heard]
        self.owners += [FREE] * len(heard)
        numbers = np.repeat(np.arange(begin, self.end, dtype=np.int32), [len(row) for row in rows])
        self._chunks.append((self.end, np.concatenate(rows) if rows else np.zeros(0, np.int32), numbers))
        return range(begin, self.end)

    def forget(self, minute: int) -> None:
        """Drop what is older than a day, or more than may be kept."""
        gone = max(0, len(self.heard) - MOST)
        while gone < len(self.minutes) and self.minutes[gone] < minute - KEPT_MINUTES:
            gone += 1
        if not gone:
            return
        for column in (self.heard, self.rows, self.sizes, self.prints, self.minutes, self.sources, self.owners):
            del column[:gone]
        self.first += gone
        while self._chunks and self._chunks[0][0] <= self.first:
            del self._chunks[0]

    def holders(self, marked: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(mention, term) of every kept mention and marked term; `marked` holds a flag for every bucket."""
        mentions, terms = [], []
        for _end, buckets, numbers in self._chunks:
            hit = marked[buckets]
            if hit.any():
                mentions.append(numbers[hit])
                terms.append(buckets[hit])
        if not mentions:
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        found = np.concatenate(mentions)
        inside = found >= self.first
        return found[inside], np.concatenate(terms)[inside]

    def sums(self, weights: NDArray[np.float32], start: int) -> NDArray[np.float64]:
        """The sum of the weights of its terms, of every kept mention from the position `start` on."""
        first, marked = self.first + start, weights != 0
        found, gains = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
        for end, buckets, numbers in self._chunks:
            if end > first:
                at = np.flatnonzero(marked[buckets])
                at = at[numbers[at] >= first]
                found.append(numbers[at] - first)
                gains.append(weights[buckets[at]])
        sums = np.bincount(np.concatenate(found), np.concatenate(gains), len(self.heard) - start)
        return np.asarray(sums, np.float64)

    def free(self, mentions: NDArray[np.int32]) -> list[int]:
        """Those of the mentions that belong to no issue."""
        return [each for each in mentions.tolist() if self.owners[each - self.first] == FREE]

    def holding(self, term: int) -> list[int]:
        """The kept mentions of no issue that hold a term."""
        found = [numbers[buckets == term] for _end, buckets, numbers in self._chunks]
        kept = np.concatenate([np.zeros(0, np.int32), *found])
        return self.free(kept[kept >= self.first])

    def member(self, number: int) -> tuple[Heard, int, NDArray[np.int32], int]:
        """What an issue takes of a mention: itself, its source, its terms and its print."""
        at = number - self.first
        return self.heard[at], self.sources[at], self.rows[at], self.prints[at]
