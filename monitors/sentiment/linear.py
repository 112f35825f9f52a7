"""The product's own sentiment scorer: one linear model over hashed grams, with calibrated probabilities.

Two sums a text: how positive against negative, and whether there is an opinion at all. Reads one model file, no rows.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.models.words import Sentiment
from core.ports import Score
from monitors import text as reading
from monitors.sentiment.calibration import Sigmoid
from monitors.sentiment.features import BITS, Features, features
from monitors.sentiment.quick import QuickSums
from monitors.text.stopwords import FILLERS

MODEL = Path(__file__).parents[1] / "models" / "sentiment.npz"
CHUNK, QUICK_CHUNK = 256, 1024  # texts worked out together
UNSURE_BELOW = 0.5
"""Below it the likeliest of the three labels is less likely than the two others together: the score says so."""
# so many ideographs that no filler is as long: such a text has words, and asking this first is cheap
_SAYS_MUCH = re.compile(rf"(?:[^一-龥]*[一-龥]){{{max(map(len, FILLERS)) + 1}}}")
_LABELS, _NEUTRAL = (Sentiment.NEGATIVE, Sentiment.NEUTRAL, Sentiment.POSITIVE), 1  # by place among the chances
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class LinearModel:
    """Weights by bucket (2 ** BITS,), biases and sigmoids of both sums, and the table characters are read by.

    `polarity` sums towards positive, `opinion` towards "there is an opinion".
    """

    polarity: NDArray[np.float32]
    opinion: NDArray[np.float32]
    biases: tuple[float, float]
    sigmoids: tuple[Sigmoid, Sigmoid]
    fold: NDArray[np.uint16]
    version: str = ""

    def sums(self, found: Features) -> NDArray[np.float64]:
        """Both sums of every row, shape (count, 2), before the sigmoids."""
        total = np.empty((found.count, 2))
        for column, weights in enumerate((self.polarity, self.opinion)):
            parts = weights[found.keys] * found.values
            total[:, column] = np.bincount(found.rows, parts, found.count) + self.biases[column]
        return total

    def chances(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """(value, negative, neutral, positive) of every row, shape (count, 4); value = P(positive | an opinion)."""
        value = self.sigmoids[0](sums[:, 0])
        opinion = self.sigmoids[1](sums[:, 1])
        return np.column_stack([value, (1 - value) * opinion, 1 - opinion, value * opinion])


def model_bytes(model: LinearModel) -> bytes:
    """The model as a file, the same bytes for the same numbers: weights in 16 bits, no time, no version inside."""
    numbers = [*model.biases, *(part for one in model.sigmoids for part in (one.slope, one.shift))]
    arrays: dict[str, NDArray[np.generic]] = {
        "polarity": model.polarity.astype(np.float16),
        "opinion": model.opinion.astype(np.float16),
        "numbers": np.array(numbers, np.float64),
        "fold": model.fold,
    }
    return packed(arrays)


def packed(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Arrays as an npz file that says nothing of when it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.save(held, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), held.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def read_model(path: Path = MODEL) -> LinearModel:
    """The model of a file that `model_bytes` made; raises ValueError naming the file when it is something else."""
    raw = path.read_bytes()
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in ("polarity", "opinion", "numbers", "fold")}
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a sentiment model; make one with `wenzheng train`") from error
    numbers = held["numbers"].tolist()
    if len(held["polarity"]) != 1 << BITS or len(numbers) != 6:
        raise ValueError(f"{path} was made for other features; make it anew with `wenzheng train`")
    return LinearModel(
        held["polarity"].astype(np.float32),
        held["opinion"].astype(np.float32),
        (numbers[0], numbers[1]),
        (Sigmoid(*numbers[2:4]), Sigmoid(*numbers[4:6])),
        held["fold"],
        f"linear-{hashlib.sha256(raw).hexdigest()[:10]}",
    )


@lru_cache(maxsize=1)
def default_model() -> LinearModel:
    """The model that comes with the product, read once a process."""
    return read_model()


class LinearScorer:
    """Scores texts in batches, each text for itself; `quick` reads by tables alone. Thread-safe: holds tables alone."""

    def __init__(self, model: LinearModel | None = None, quick: bool = False) -> None:
        self._model = model or default_model()
        self._quick = QuickSums(self._model.polarity, self._model.opinion, self._model.fold) if quick else None
        self.version = self._model.version + ("-fast" if quick else "")

    def score_many(self, texts: Sequence[str | None]) -> list[Score]:
        """One Score a text, in order, with probabilities of the three labels; label `no_text` when blank."""
        step = QUICK_CHUNK if self._quick else CHUNK
        scores: list[Score] = []
        for start in range(0, len(texts), step):
            chunk = texts[start : start + step]
            scores += self._scores(chunk, self.chances(chunk))
        return scores

    def chances(self, texts: Sequence[str | None]) -> NDArray[np.float64]:
        """(value, negative, neutral, positive) of every text, shape (len(texts), 4), blank ones included."""
        if self._quick is not None:
            return self._model.chances(self._quick(texts) + self._model.biases)
        return self._model.chances(self._model.sums(features(texts, self._model.fold)))

    def _scores(self, texts: Sequence[str | None], chances: NDArray[np.float64]) -> Iterator[Score]:
        version = self.version
        unsure = (chances[:, 1:].max(axis=1) < UNSURE_BELOW).tolist()
        likeliest = chances[:, 1:].argmax(axis=1).tolist()
        for text, row, best, open_ in zip(texts, chances.tolist(), likeliest, unsure, strict=True):
            if not text or text.isspace():
                yield Score(Sentiment.NO_TEXT, None, version)
                continue
            if best != _NEUTRAL and not _SAYS_MUCH.match(text) and reading.is_wordless(text):
                best = _NEUTRAL
            value, negative, neutral, positive = row
            known = {"negative": negative, "neutral": neutral, "positive": positive}
            yield Score(_LABELS[best], value, version, known, open_)
