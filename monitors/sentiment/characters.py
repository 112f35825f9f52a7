"""snownlp's character model as tables: the logarithm of every tag probability, ready to be added up.

Counts go in, the values of the package's own formula come out, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.corpus import START, Counts, Weights, ratio, weights
from monitors.sentiment.keys import Ints, KeyIndex

FIRST_IDEOGRAPH, LAST_IDEOGRAPH = 0x4E00, 0x9FA5  # what the package cuts into words; the rest it only splits at spaces
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CharacterModel:
    """The logarithms of the tag probabilities of every pair and triple of ideographs the package has seen.

    Characters are numbered: 0 the start sign, then the ideographs of the model, last `unknown`. A pair is keyed
    first * size + second and its row in `pair_logs` holds 16 values, at tag of the first * 4 + tag of the second;
    below the pairs stands one row a character, for pairs never seen. A triple is keyed likewise; place p of its index
    has the entries triple_starts[p] up to triple_starts[p + 1], each three tags as t1 * 16 + t2 * 4 + t3 and a value
    that stands instead of the pair's.
    """

    numbers: Ints  # of the ideographs from FIRST_IDEOGRAPH on
    size: int  # how many numbers there are
    pair_index: KeyIndex
    pair_logs: Floats  # (pairs + size, 16)
    triple_index: KeyIndex
    triple_starts: NDArray[np.int32]
    triple_tags: NDArray[np.uint8]
    triple_logs: Floats

    @property
    def unknown(self) -> int:
        """The number of every ideograph the model has not seen."""
        return self.size - 1


@dataclass(frozen=True)
class _Pairs:
    """Pairs while the tables are built: per row and pair of tags the count, the sum of shares and its logarithm."""

    index: KeyIndex
    counts: NDArray[np.int32]
    sums: Floats
    logs: Floats


def tables_of(counts: Counts) -> CharacterModel:
    """The tables of a counted corpus.

    The value of tags t1 t2 t3 is log((a + b) + c) with a = w1 * (single[t3] / total), b = w2 * pair[t2, t3] /
    single[t2] and c = w3 * triple[t1, t2, t3] / pair[t1, t2]: a trigram model with linear interpolation, added in the
    order of snownlp's `log_prob`. Every logarithm is `math.log`, because numpy's may differ in the last bit. Signs that
    are no ideographs count in the weights and the total; the package never tags them, so they have no rows.
    """
    shares, total = weights(counts), counts.total
    kept = _only_ideographs(counts)
    numbers = np.full(LAST_IDEOGRAPH - FIRST_IDEOGRAPH + 1, len(kept.chars) - 1)
    numbers[kept.chars[1:-1] - FIRST_IDEOGRAPH] = np.arange(1, len(kept.chars) - 1)
    pairs = _pairs(kept, shares, total)
    keys, tags, logs = _triples(kept, shares[2], pairs)
    distinct, starts = np.unique(keys, return_index=True)
    return CharacterModel(
        numbers=numbers,
        size=len(kept.chars),
        pair_index=pairs.index,
        pair_logs=pairs.logs,
        triple_index=KeyIndex(distinct),
        triple_starts=np.append(starts, len(keys)).astype(np.int32),
        triple_tags=tags,
        triple_logs=logs,
    )


def _only_ideographs(counts: Counts) -> Counts:
    """The counts between start signs and ideographs, numbered anew; the last number stands for what was never seen."""
    kept = (counts.chars >= FIRST_IDEOGRAPH) & (counts.chars <= LAST_IDEOGRAPH)
    kept[START] = True
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    states = np.where(number[:, None] < 0, -1, number[:, None] * 4 + np.arange(4)).ravel()
    pairs, triples = states[counts.pairs], states[counts.triples]
    two, three = (pairs >= 0).all(axis=1), (triples >= 0).all(axis=1)
    return replace(
        counts,
        chars=np.append(counts.chars[kept], -1),
        single=np.append(counts.single[states >= 0], [0, 0, 0, 0]),
        pairs=pairs[two],
        pair_counts=counts.pair_counts[two],
        triples=triples[three],
        triple_counts=counts.triple_counts[three],
    )


def _pairs(counts: Counts, shares: Weights, total: float) -> _Pairs:
    size, (left, right) = len(counts.chars), counts.pairs.T
    alone = shares[0] * (counts.single / total)
    keys, row = np.unique((left >> 2) * size + (right >> 2), return_inverse=True)
    second = np.append(keys % size, np.arange(size))
    at = row.ravel(), (left & 3) * 4 + (right & 3)
    seen = np.zeros((len(second), 16), dtype=np.int32)
    seen[at] = counts.pair_counts
    sums = np.tile(alone.reshape(size, 4)[second], (1, 4))
    sums[at] += ratio(shares[1] * counts.pair_counts, counts.single[left])
    logs = np.tile(_logs(alone).reshape(size, 4)[second], (1, 4))
    logs[at] = _logs(sums[at])
    return _Pairs(KeyIndex(keys), seen, sums, logs)


def _triples(counts: Counts, share: float, pairs: _Pairs) -> tuple[Ints, NDArray[np.uint8], Floats]:
    """Keys in rising order, tags and values of the triples."""
    size, (first, second, third) = len(counts.chars), (counts.triples >> 2).T
    t1, t2, t3 = (counts.triples & 3).T
    under = pairs.counts[pairs.index.find(first * size + second), t1 * 4 + t2]  # place -1: the unknown's row of zeros
    place = pairs.index.find(second * size + third)
    base = pairs.sums[np.where(place < 0, len(pairs.index) + third, place), t2 * 4 + t3]
    logs = _logs(base + ratio(share * counts.triple_counts, under))
    keys = (first * size + second) * size + third
    order = np.argsort(keys, kind="stable")
    return keys[order], (t1 * 16 + t2 * 4 + t3).astype(np.uint8)[order], logs[order]


def _logs(values: Floats) -> Floats:
    return np.array([log(value) if value else -inf for value in values.tolist()])
