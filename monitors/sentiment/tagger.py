"""snownlp's character tagger over many runs at once: its decisions bit for bit, with arrays instead of loops.

A Viterbi search over pairs of tags: the step of the n-th character is made for all runs together. It adds what the
package adds in the package's order, and keeps the first of equal predecessors as the package does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.characters import FIRST_IDEOGRAPH, CharacterModel, Floats
from monitors.sentiment.corpus import shifted
from monitors.sentiment.keys import Ints

Tags = NDArray[np.uint8]
BEGIN, MIDDLE, END, SINGLE = range(4)


@dataclass(frozen=True)
class _Plan:
    """How runs, longest first and one a column, are walked: the places of a step lie side by side in all tables."""

    columns: int
    bounds: list[int]  # places of step n: bounds[n] up to bounds[n + 1]; they belong to the columns from 0 on
    column: Ints  # of each place
    source: Ints  # where each place's character stands in the runs as given
    last: Ints  # the place of each column's last character


@dataclass(frozen=True)
class _Triples:
    """Values of triples the model has seen, in the order of the places."""

    bounds: list[int]  # entries of step n: bounds[n] up to bounds[n + 1]
    came_from: Ints  # tags t1, t2 and column, as one index into the scores
    goes_to: Ints  # tags t1, t2, t3 and column, as one index into the options
    logs: Floats


class Tagger:
    """Tags the characters of runs of ideographs: BEGIN, MIDDLE, END of a word or SINGLE. Holds no state of its own."""

    def __init__(self, model: CharacterModel) -> None:
        self._model = model

    def tag(self, codes: Ints, lengths: Ints) -> Tags:
        """The tag of every character.

        `codes` are the code points of all runs one after another, each an ideograph of the package's range;
        `lengths` says how many belong to each run, 1 or more.
        """
        if not len(codes):
            return np.empty(0, dtype=np.uint8)
        plan, starts = _plan(lengths), np.cumsum(lengths) - lengths
        chars = self._model.numbers[codes - FIRST_IDEOGRAPH]
        before = shifted(chars, starts)
        first = shifted(before, starts)
        logs = self._model.pair_logs[self._pair_rows(before, chars)[plan.source]].T.reshape(4, 4, -1)
        triples = self._triples((first * self._model.size + before) * self._model.size + chars, plan)
        unknown = np.flatnonzero(chars[plan.source] == self._model.unknown)
        tags = np.empty(len(codes), dtype=np.uint8)
        tags[plan.source] = _backward(*_forward(np.ascontiguousarray(logs), triples, unknown, plan), plan)
        return tags

    def _pair_rows(self, before: Ints, chars: Ints) -> Ints:
        index = self._model.pair_index
        place = index.find(before * self._model.size + chars)
        return np.where(place < 0, len(index) + chars, place)

    def _triples(self, keys: Ints, plan: _Plan) -> _Triples:
        model = self._model
        found = model.triple_index.find(keys)[plan.source]
        at = np.flatnonzero(found >= 0)
        begin = model.triple_starts[found[at]]
        count = model.triple_starts[found[at] + 1] - begin
        entry = np.repeat(begin - np.cumsum(count) + count, count) + np.arange(count.sum())
        place, tags = np.repeat(at, count), model.triple_tags[entry].astype(np.int64)
        column = plan.column[place]
        return _Triples(
            bounds=np.searchsorted(place, plan.bounds).tolist(),
            came_from=(tags >> 2) * plan.columns + column,
            goes_to=tags * plan.columns + column,
            logs=model.triple_logs[entry],
        )


def _plan(lengths: Ints) -> _Plan:
    order = np.argsort(-lengths, kind="stable")
    live = len(lengths) - np.cumsum(np.bincount(lengths))[:-1]  # runs longer than n, for n = 0, 1, ...
    bounds = np.append(0, np.cumsum(live))
    column = np.arange(bounds[-1]) - np.repeat(bounds[:-1], live)
    starts, steps = (np.cumsum(lengths) - lengths)[order], np.arange(len(live))
    last = bounds[lengths[order] - 1] + np.arange(len(lengths))
    return _Plan(len(lengths), bounds.tolist(), column, starts[column] + np.repeat(steps, live), last)


def _forward(logs: Floats, triples: _Triples, unknown: Ints, plan: _Plan) -> tuple[Floats, Tags]:
    """The final score of every column (tag before last, last tag) and the best tag two before, for each place."""
    score = np.full((4, 4, plan.columns), -np.inf)
    score[0, 0] = 0.0
    options = np.empty((4, 4, 4, plan.columns))  # tag two before, tag before, tag
    flat_score, flat_options = score.reshape(-1), options.reshape(-1)
    back = np.empty((4, 4, plan.bounds[-1]), dtype=np.uint8)
    strange = np.searchsorted(unknown, plan.bounds).tolist()
    for step, (low, high) in enumerate(pairwise(plan.bounds)):
        now, best = options[..., : high - low], score[..., : high - low]
        np.add(best[:, :, None], logs[None, :, :, low:high], out=now)
        some = slice(triples.bounds[step], triples.bounds[step + 1])
        flat_options[triples.goes_to[some]] = flat_score[triples.came_from[some]] + triples.logs[some]
        odd = unknown[strange[step] : strange[step + 1]] - low
        kept = SINGLE if step > 1 else BEGIN  # at an unknown character the package keeps the last predecessor
        held = best[kept][:, None, odd]
        np.maximum.reduce(now, axis=0, out=best)
        _first_best(now, best, back[..., low:high])
        if len(odd):
            best[..., odd], back[..., low + odd] = held, kept
    return score, back


def _first_best(options: Floats, best: Floats, out: Tags) -> None:
    """Which of the four options is the first that equals the best."""
    other = np.not_equal(options[:3], best[None])
    other[1] &= other[0]
    other[2] &= other[1]
    np.add(other[0].view(np.uint8), other[1].view(np.uint8), out=out)
    out += other[2].view(np.uint8)


def _backward(score: Floats, back: Tags, plan: _Plan) -> Tags:
    """The tag of every place on the best path; of equal ends the lower tag wins, then the lower tag before it."""
    ends = score.transpose(1, 0, 2).reshape(16, -1).argmax(axis=0)
    tag, before = ends >> 2, ends & 3
    flat, places = back.reshape(-1), plan.bounds[-1]
    tags = np.empty(places, dtype=np.uint8)
    for low, high in reversed(list(pairwise(plan.bounds))):
        live = high - low
        now, last = tag[:live], before[:live]
        tags[low:high] = now
        two = flat[(last * 4 + now) * places + np.arange(low, high)]
        tag[:live], before[:live] = last, two
    return tags
