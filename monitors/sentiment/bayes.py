"""snownlp's naive Bayes over two classes, with its order of additions and its way with overflow."""

from __future__ import annotations

from itertools import pairwise, repeat
from math import exp, log

import numpy as np

from monitors.sentiment.model import Lexicon

_UNSEEN, _PRIOR = 0, 1  # the first rows of the table


class Bayes:
    """The number the package gives to words, for many texts at once. Holds tables alone."""

    def __init__(self, lexicon: Lexicon) -> None:
        classes = lexicon.classes
        words = dict.fromkeys(word for name in classes for word in lexicon.words[name])
        self._classes = classes
        self._rows = {word: row for row, word in enumerate(words, _PRIOR + 1)} | dict.fromkeys(lexicon.stop, -1)
        self._logs = np.empty((_PRIOR + 1 + len(words), len(classes)))
        for column, name in enumerate(classes):
            counts, total = lexicon.words[name], lexicon.totals[name]
            self._logs[_UNSEEN, column] = log(1.0 / total)
            self._logs[_PRIOR, column] = log(total) - log(lexicon.total)
            self._logs[_PRIOR + 1 :, column] = [log(float(counts.get(word, 1)) / total) for word in words]

    def values(self, words: list[str], bounds: list[int]) -> list[float]:
        """The probability of `pos` of every text; the words of text n stand from bounds[n] up to bounds[n + 1]."""
        rows = np.fromiter(map(self._rows.get, words, repeat(_UNSEEN)), np.int64, len(words))
        kept = rows >= 0
        ends = np.append(0, np.cumsum(kept))[bounds]
        rows = np.insert(rows[kept], ends[:-1], _PRIOR)
        ends += np.arange(len(ends))
        logs = self._logs[rows]
        # accumulate adds from left to right like the package; a plain sum would pair the terms
        return [self._value(np.add.accumulate(logs[low:high])[-1].tolist()) for low, high in pairwise(ends.tolist())]

    def _value(self, sums: list[float]) -> float:
        winner, best = "", 0.0
        for name, own in zip(self._classes, sums, strict=True):
            share = _share(sums, own)
            if share > best:
                winner, best = name, share
        return best if winner == "pos" else 1 - best


def _share(sums: list[float], own: float) -> float:
    """The share of the class whose sum is `own`; the package calls it 0 when an exponential overflows."""
    total = 0.0
    try:
        for other in sums:
            total += exp(other - own)
    except OverflowError:
        return 0.0
    return 1 / total
