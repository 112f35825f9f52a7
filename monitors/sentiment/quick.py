"""The linear scorer's sums in a hurry: read by tables alone, every occurrence counted, no entry of a gram kept.

The same buckets and weights as `features`; a text where nothing repeats and nothing needs cleaning gets the same sums.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.features import BITS, NEGATED, SCALES, SHADOW, ZERO, folded, negated
from monitors.text import own_words
from monitors.text.grams import LONGEST, buckets, code_points

_LINK = re.compile(r"https?:\s?//\s?[\w./?=&%#~+:;,@!-]*", re.ASCII)
Numbers = NDArray[np.float64]


def quick_read(text: str | None) -> str:
    """The author's own words without links, at most `LONGEST`; names stay."""
    if not text:
        return ""
    if "//" in text or text.startswith("回复"):
        text = _LINK.sub(" ", own_words(text))
    return text[:LONGEST].strip()


class QuickSums:
    """Sums of two weights a bucket, kept side by side as one complex number so that a bucket is looked up once."""

    def __init__(self, first: NDArray[np.float32], second: NDArray[np.float32], fold: NDArray[np.uint16]) -> None:
        self._weights = (first + 1j * second).astype(np.complex64)
        self._fold = fold

    def __call__(self, texts: Sequence[str | None]) -> Numbers:
        """Both sums of every text without biases, shape (len(texts), 2)."""
        if not texts:
            return np.zeros((0, 2))
        codes, rows = code_points([quick_read(text) for text in texts])
        codes = folded(codes, self._fold)
        again = (codes[1:] == ZERO) & (codes[:-1] == ZERO)  # a number is one sign, as in `grams.read`
        if again.any():
            kept = np.append(True, ~again)
            codes, rows = codes[kept], rows[kept]
        lengths = np.bincount(rows, minlength=len(texts))
        total, squares = self._grams(codes, lengths)
        reached = np.flatnonzero(negated(codes))
        if len(reached):
            more, count = self._shadows(codes[reached], reached, rows[reached], len(texts))
            total += NEGATED * more
            squares += NEGATED**2 * count
        total /= np.sqrt(squares)
        return np.column_stack([total.real, total.imag])

    def _grams(self, codes: NDArray[np.uint32], lengths: NDArray[np.int64]) -> tuple[NDArray[np.complex128], Numbers]:
        """Sums and squared lengths of all grams of each text: the stretch of a text ends `order` - 1 places early."""
        ends = np.cumsum(lengths)
        stretches = np.column_stack([ends - lengths, ends])
        total, squares = np.zeros(len(lengths), np.complex128), np.zeros(len(lengths))
        for order, keys in zip(SCALES, buckets(codes, BITS, tuple(SCALES)), strict=False):
            count = np.maximum(lengths - order + 1, 0)
            stretches[:, 1] = stretches[:, 0] + count
            found = np.append(self._weights[keys], np.complex64(0))
            sums = np.add.reduceat(found, np.minimum(stretches.ravel(), len(keys)))[::2]
            total += SCALES[order] * np.where(count > 0, sums, 0)
            squares += SCALES[order] ** 2 * count
        return total, squares

    def _shadows(
        self, codes: NDArray[np.uint32], places: NDArray[np.int64], rows: NDArray[np.int64], count: int
    ) -> tuple[NDArray[np.complex128], Numbers]:
        """The same for 1- and 2-grams of the characters a negation reaches."""
        total, found = np.zeros(count, np.complex128), np.zeros(count)
        next_to = np.append(np.diff(places) == 1, False)
        for order, keys in zip((1, 2), buckets(codes + SHADOW, BITS, (1, 2)), strict=False):
            kept = slice(None) if order == 1 else next_to[: len(keys)]
            held, of = self._weights[keys[kept]], rows[: len(keys)][kept]
            total.real += np.bincount(of, held.real, count)
            total.imag += np.bincount(of, held.imag, count)
            found += np.bincount(of, minlength=count)
        return total, found
