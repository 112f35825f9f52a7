"""snownlp's character tagger over whole batches: the same decisions, bit for bit, with arrays instead of loops.

The package scores every (tag, tag, tag) of three characters as log((a + b) + c) with a, b, c from singles, pairs
and triples, and keeps the first best predecessor. Sums are made in that order and every logarithm is `math.log`,
because numpy's may differ in the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.model import CharacterModel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
UNKNOWN = -1


class Segmenter:
    """Cuts runs of Chinese characters into words as `snownlp.seg` does."""

    def __init__(self, model: CharacterModel) -> None:
        self._model = model
        self._known = model.single.sum(axis=1) > 0
        self._known[0] = False

    def cut_many(self, runs: Sequence[str]) -> list[list[str]]:
        """Words of each run; a run is one or more characters without white space."""
        if not runs:
            return []
        order = sorted(range(len(runs)), key=lambda index: -len(runs[index]))
        tags = self._tag([runs[index] for index in order])
        words: list[list[str]] = [[] for _ in runs]
        for index, row in zip(order, tags, strict=True):
            words[index] = _join(runs[index], row)
        return words

    def _tag(self, runs: list[str]) -> list[list[int]]:
        """Best tags of each run; runs come longest first, so the live ones at a position are a prefix."""
        lengths = np.array([len(run) for run in runs])
        numbers = self._numbers(runs, lengths)
        logs = self._logs(numbers, lengths)
        score = np.full((len(runs), 4, 4), -np.inf)
        score[:, 0, 0] = 0.0
        back = np.zeros((int(lengths[0]), len(runs), 4, 4), dtype=np.int8)
        offset = 0
        for at in range(int(lengths[0])):
            live = int(np.searchsorted(-lengths, -at, side="left"))
            table = logs[offset : offset + live]
            offset += live
            known = numbers[:live, at] != UNKNOWN
            options = score[:live, :, :, None] + table
            best = options.argmax(axis=1)
            after = np.take_along_axis(options, best[:, None], axis=1)[:, 0]
            if not known.all():
                last = 0 if at < 2 else 3  # at an unknown character the package keeps the last predecessor
                after[~known] = score[:live][~known, last, :, None]
                best[~known] = last
            score[:live], back[at, :live] = after, best
        return _walk(score, back, lengths)

    def _numbers(self, runs: list[str], lengths: NDArray[np.int_]) -> Ints:
        numbers = np.full((len(runs), int(lengths[0])), UNKNOWN, dtype=np.int64)
        chars, known = self._model.chars, self._known
        for row, run in enumerate(runs):
            numbers[row, : len(run)] = [chars.get(char, UNKNOWN) for char in run]
        numbers[(numbers >= 0) & ~known[numbers]] = UNKNOWN
        return numbers

    def _logs(self, numbers: Ints, lengths: NDArray[np.int_]) -> Floats:
        """Log probabilities (position-major over live runs, tag before last, last tag, tag)."""
        third, second, first = (_positions(numbers, lengths, shift) for shift in (0, 1, 2))
        pair, before = self._pair_rows(second, third), self._pair_rows(first, second)
        sums, of = self._pair_sums(pair, second, third)
        flat = np.array([math.log(value) if value else -math.inf for value in sums.ravel().tolist()])
        logs = np.repeat(flat.reshape(-1, 1, 16)[of], 4, axis=1).reshape(-1, 64)
        self._add_triples(logs, (first, second, third), before, sums[of])
        return logs.reshape(-1, 4, 4, 4)

    def _pair_rows(self, left: Ints, right: Ints) -> Ints:
        model = self._model
        keys = np.where((left < 0) | (right < 0), -1, left * model.size + right)
        return _find(model.pair_keys, keys, len(model.pairs) - 1)

    def _pair_sums(self, rows: Ints, left: Ints, right: Ints) -> tuple[Floats, Ints]:
        """Single + pair part (16 tag pairs) of every distinct pair of characters, and which one each position has."""
        model, (one, two, _three) = self._model, self._model.weights
        keys, first, of = np.unique((left + 1) * (model.size + 1) + right + 1, return_index=True, return_inverse=True)
        del keys
        rows, left, right = rows[first], left[first], right[first]
        singles = np.where((right >= 0)[:, None], model.single[right], 0.0)
        uni = one * (singles / model.total)
        counts = model.pairs[rows].reshape(-1, 4, 4)
        under = np.where((left >= 0)[:, None], model.single[left], 0.0)[:, :, None]
        bi = np.divide(two * counts, under, out=np.zeros(counts.shape), where=under != 0)
        return (uni[:, None, :] + bi).reshape(-1, 16), of.ravel()

    def _add_triples(self, logs: Floats, chars: tuple[Ints, Ints, Ints], before: Ints, sums: Floats) -> None:
        """Overwrite the entries whose triple of (character, tag) the model has seen."""
        model, (first, second, third) = self._model, chars
        keys = np.where(
            (first < 0) | (second < 0) | (third < 0), -1, (first * model.size + second) * model.size + third
        )
        found = _find(model.triple_keys, keys, -1)
        at = np.flatnonzero(found >= 0)
        starts, ends = model.triple_starts[found[at]], model.triple_starts[found[at] + 1]
        place = np.repeat(at, ends - starts)
        entry = np.repeat(starts - np.concatenate(([0], np.cumsum(ends - starts)[:-1])), ends - starts)
        entry = entry + np.arange(len(place))
        combo = model.triple_combos[entry].astype(np.int64)
        under = model.pairs[before[place], combo >> 2].astype(np.float64)
        over = model.weights[2] * model.triple_counts[entry]
        tri = np.divide(over, under, out=np.zeros(len(place)), where=under != 0)
        values = sums[place, combo & 15] + tri
        logs[place, combo] = [math.log(value) if value else -math.inf for value in values.tolist()]


def _find(keys: Ints, wanted: Ints, missing: int) -> Ints:
    """Index of each wanted key in the sorted keys, or `missing`."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, missing)


def _positions(numbers: Ints, lengths: NDArray[np.int_], shift: int) -> Ints:
    """The characters `shift` before each position, position-major over live runs; 0, the start sign, before the run."""
    parts = []
    for at in range(numbers.shape[1]):
        live = int(np.searchsorted(-lengths, -at, side="left"))
        parts.append(numbers[:live, at - shift] if at >= shift else np.zeros(live, dtype=np.int64))
    return np.concatenate(parts)


def _walk(score: Floats, back: NDArray[np.int8], lengths: NDArray[np.int_]) -> list[list[int]]:
    """Follow the back pointers of the best end; ties go to the lower tag, then to the lower tag before it."""
    ends = score.transpose(0, 2, 1).reshape(len(score), 16).argmax(axis=1)
    tags: list[list[int]] = []
    for row, end in enumerate(ends.tolist()):
        now, last = divmod(end, 4)
        path = []
        for at in range(int(lengths[row]) - 1, -1, -1):
            path.append(now)
            now, last = last, int(back[at, row, last, now])
        tags.append(path[::-1])
    return tags


def _join(run: str, tags: list[int]) -> list[str]:
    """Characters and tags to words, with the package's own rule for broken sequences."""
    words, word = [], ""
    for char, tag in zip(run, tags, strict=True):
        if tag == 2:  # end
            words.append(word + char)
            word = ""
        elif tag == 1:  # middle
            word += char
        else:
            if word:
                words.append(word)
            word = char
    if word:
        words.append(word)
    return words
