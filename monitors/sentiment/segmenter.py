"""Cuts whole texts into words exactly as `snownlp.seg` does, many at a time.

Runs of ideographs are cut by the tagger; everything between them is only split at white space.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.characters import FIRST_IDEOGRAPH, LAST_IDEOGRAPH, CharacterModel
from monitors.sentiment.keys import Ints
from monitors.sentiment.tagger import BEGIN, END, SINGLE, Tagger

_SPACE, _OTHER, _IDEOGRAPH = range(3)
_BEYOND = 0xFFFF  # no code point from here on is white space or one of the package's ideographs


def _kinds() -> NDArray[np.uint8]:
    kinds = np.array([_SPACE if chr(code).isspace() else _OTHER for code in range(_BEYOND + 1)], dtype=np.uint8)
    kinds[FIRST_IDEOGRAPH : LAST_IDEOGRAPH + 1] = _IDEOGRAPH
    return kinds


class Segmenter:
    """The package's words of texts. Holds tables alone and may be used by many threads."""

    def __init__(self, model: CharacterModel) -> None:
        self._tagger = Tagger(model)
        self._kinds = _kinds()

    def cut_many(self, texts: Sequence[str]) -> list[list[str]]:
        """The words of each text in order, as `snownlp.seg.seg` returns them."""
        words, bounds = self.words(texts)
        return [words[bounds[at] : bounds[at + 1]] for at in range(len(texts))]

    def words(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """All words one after another; those of text n stand from bounds[n] up to bounds[n + 1]."""
        joined = "\n".join(texts)
        if not joined:
            return [], [0] * (len(texts) + 1)
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        kinds = self._kinds[np.minimum(codes, _BEYOND)]
        opens = np.append(True, kinds[1:] != kinds[:-1])
        ideographs = kinds == _IDEOGRAPH
        opens[ideographs] = self._opens(codes[ideographs].astype(np.int64), np.flatnonzero(opens[ideographs]))
        starts = np.flatnonzero(opens)
        ends = np.append(starts[1:], len(codes))
        filled = kinds[starts] != _SPACE
        starts, ends = starts[filled], ends[filled]
        words = [joined[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return words, np.searchsorted(starts, np.append(0, np.cumsum(lengths + 1))).tolist()

    def _opens(self, codes: Ints, runs: Ints) -> NDArray[np.bool_]:
        """Whether a word begins at each character; `runs` are the places where runs begin.

        The package closes a word after END and before BEGIN or SINGLE, whatever sequence of tags it meets.
        """
        tags = self._tagger.tag(codes, np.diff(np.append(runs, len(codes))))
        opens = (tags == BEGIN) | (tags == SINGLE)
        opens[1:] |= tags[:-1] == END
        opens[runs] = True
        return opens
