"""What the writer of a message or comment wants: one of twelve attitudes, its family, what is at stake, insult or not.

Reads one model file, numpy only. Decides nothing for the office and says `none` where there is nothing to read.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.attitude_features import COUNT, Block, Layout, Message, Reading, read_messages
from monitors.text import is_blank
from monitors.text.grams import Grams

MODEL = Path(__file__).parents[1] / "models" / "attitude.npz"
ATTITUDES = (
    "thanks", "report", "help", "rumour", "mockery", "doubt",
    "complaint", "suggestion", "inquiry", "appeal", "support", "none",
)  # fmt: skip
"""The labels in the order of docs/labelling-attitude.md."""
FAMILIES = ("complaint", "inquiry", "suggestion", "thanks", "other")
FAMILY = {
    **dict.fromkeys(("complaint", "appeal", "help", "report", "doubt"), "complaint"),
    **{name: name for name in ("inquiry", "suggestion", "thanks")},
    **dict.fromkeys(("rumour", "mockery", "support", "none"), "other"),
}
MEMBERS = np.array([[FAMILY[name] == family for family in FAMILIES] for name in ATTITUDES], np.float64)
SEVERITIES = 4
OFFENSIVE_FROM = 0.5
BATCH = 512
Numbers = NDArray[np.float64]

__all__ = ["ATTITUDES", "FAMILIES", "Attitude", "AttitudeModel", "AttitudeReader", "Message", "default_reader"]


@dataclass(frozen=True)
class Attitude:
    """What one message or comment was read as.

    `probabilities` are calibrated and add up to 1 over the twelve attitudes; `family` is the family of the largest
    sum of them and `attitude` the likeliest of that family. `severity` is 0 to 3, `insult` the chance that it is
    offensive.
    """

    attitude: str
    family: str
    probabilities: Mapping[str, float]
    severity: int
    offensive: bool
    insult: float
    version: str


@dataclass(frozen=True)
class AttitudeModel:
    """How messages are laid out, and the weights (columns, 12 + 3): attitudes, then severity of at least 1, 2, 3.

    `insult` has one weight for each gram it keeps; `biases` has 12 + 3 + 1 numbers.
    """

    layout: Layout
    weights: NDArray[np.float32]
    biases: Numbers
    sharpness: float
    insult: Block
    version: str = ""

    def sums(self, reading: Reading) -> Numbers:
        """(messages, 15): weighted sums of attitudes and of the three steps of severity."""
        return self.layout.entries(reading).times(self.weights) + self.biases[:-1]

    def insults(self, texts: Grams) -> Numbers:
        """The chance of an insult in each of the texts, shape (texts,); 0 in an empty one."""
        return insult_chance(texts, self.insult, float(self.biases[-1])) * (np.diff(texts.bounds) > 0)


def insult_chance(texts: Grams, block: Block, bias: float) -> Numbers:
    """Logistic regression over a text's kept grams, each counted once, the row of length one; shape (texts,)."""
    found = Block(block.kept, np.ones(len(block.kept), np.float32)).entries(texts)
    return chance(found.times(block.worth[:, None])[:, 0] + bias)


def chance(sums: Numbers) -> Numbers:
    """The logistic function, shape kept; never overflows."""
    return np.asarray(1 / (1 + np.exp(-np.clip(sums, -30, 30))))


def shares(sums: Numbers, sharpness: float) -> Numbers:
    """(messages, labels): softmax(sums * sharpness), the form of temperature scaling (Guo et al. 2017)."""
    warm = np.exp((sums - sums.max(axis=1, keepdims=True)) * sharpness)
    return np.asarray(warm / warm.sum(axis=1, keepdims=True))


def choose(probabilities: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(attitude, family) of each row of probabilities (messages, 12), as places in ATTITUDES and FAMILIES."""
    family = (probabilities @ MEMBERS).argmax(axis=1)
    return np.where(MEMBERS[:, family].T > 0, probabilities, -1).argmax(axis=1), family


def severity_of(sums: Numbers) -> NDArray[np.int64]:
    """0 to 3 of sums (messages, 3) for at least 1, 2, 3: the steps that are likely, up to the first that is not."""
    return np.asarray(np.cumprod(sums > 0, axis=1).sum(axis=1), np.int64)


def model_bytes(model: AttitudeModel) -> bytes:
    """The model as a file: the same bytes for the same numbers, weights in 16 bits, no time inside."""
    layout = model.layout
    blocks = {"titles": layout.titles, "bodies": layout.bodies, "insult": model.insult}
    arrays: dict[str, NDArray[np.generic]] = {
        "weights": model.weights.astype(np.float16),
        "biases": model.biases,
        "sharpness": np.array(model.sharpness),
    }
    for name, block in blocks.items():
        arrays[f"{name}_kept"] = block.kept.astype(np.int32)
        arrays[f"{name}_worth"] = block.worth.astype(np.float16)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.save(held, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, held.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def read_model(path: Path = MODEL) -> AttitudeModel:
    """The model of a file that `model_bytes` made; FileNotFoundError, or ValueError naming a file of another kind."""
    raw = path.read_bytes()
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as held:
            titles, bodies, insult = (
                Block(held[f"{name}_kept"].astype(np.int64), held[f"{name}_worth"].astype(np.float32))
                for name in ("titles", "bodies", "insult")
            )
            weights, biases = held["weights"].astype(np.float32), held["biases"]
            sharpness = float(held["sharpness"])
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not an attitude model; make one with `wenzheng train`") from error
    wanted = (len(titles.kept) + len(bodies.kept) + COUNT, len(ATTITUDES) + SEVERITIES - 1)
    if weights.shape != wanted or len(biases) != wanted[1] + 1:
        raise ValueError(f"{path} was made for other features; make it anew with `wenzheng train`")
    version = f"attitude-{hashlib.sha256(raw).hexdigest()[:10]}"
    return AttitudeModel(Layout(titles, bodies), weights, biases, sharpness, insult, version)


class AttitudeReader:
    """Reads messages and comments in batches, each for itself. Thread-safe: holds tables alone."""

    def __init__(self, model: AttitudeModel | None = None) -> None:
        self._model = model or read_model()
        self.version = self._model.version

    def read_many(self, messages: Sequence[Message]) -> list[Attitude]:
        """One Attitude a message, in order; a blank one is `none` with severity 0."""
        found: list[Attitude] = []
        for start in range(0, len(messages), BATCH):
            found += self._batch(messages[start : start + BATCH])
        return found

    def _batch(self, messages: Sequence[Message]) -> list[Attitude]:
        reading = read_messages(messages)
        sums = self._model.sums(reading)
        probabilities = shares(sums[:, : len(ATTITUDES)], self._model.sharpness)
        severities = severity_of(sums[:, len(ATTITUDES) :]).tolist()
        insults = np.maximum(self._model.insults(reading.titles), self._model.insults(reading.bodies)).tolist()
        chosen = zip(*choose(probabilities), strict=True)
        return [
            self._blank()
            if is_blank(message.title) and is_blank(message.text)
            else Attitude(
                ATTITUDES[attitude],
                FAMILIES[family],
                dict(zip(ATTITUDES, row, strict=True)),
                severity,
                insult >= OFFENSIVE_FROM,
                insult,
                self.version,
            )
            for message, (attitude, family), row, severity, insult in zip(
                messages, chosen, probabilities.tolist(), severities, insults, strict=True
            )
        ]

    def _blank(self) -> Attitude:
        nothing = {name: float(name == "none") for name in ATTITUDES}
        return Attitude("none", "other", nothing, 0, False, 0.0, self.version)


@lru_cache(maxsize=1)
def default_reader() -> AttitudeReader:
    """The reader of the model that comes with the product, loaded once a process."""
    return AttitudeReader()
