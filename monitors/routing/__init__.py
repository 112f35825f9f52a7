"""Sends a citizen's message into the classification tree: path, calibrated confidence, alternatives. Pure, numpy only.

Decides nothing for the office: a person takes or changes the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitors.routing.features import Block, Message, Reading, counted, title_and_body
from monitors.routing.tree import Tree, TreePath

MODEL = Path(__file__).parents[1] / "models" / "routing.npz"
ALTERNATIVES = 2
BATCH = 256

__all__ = ["Message", "Place", "Route", "Router", "shares"]


@dataclass(frozen=True)
class Place:
    """One path; `confidence` is the calibrated probability (0 to 1) of its first level.

    `levels` multiplies it by the shares of second and third level, which no labelled rows calibrate.
    """

    path: TreePath
    confidence: float
    levels: tuple[float, float, float]


@dataclass(frozen=True)
class Route:
    """The likeliest place, the next likeliest first levels (best path each), and the model that says so."""

    place: Place
    alternatives: tuple[Place, ...]
    version: str


def shares(scores: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    """(rows, classes): softmax(scores * sharpness), the form of temperature scaling (Guo et al. 2017)."""
    warm = np.exp((scores - scores.max(axis=1, keepdims=True)) * sharpness)
    return np.asarray(warm / warm.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Router:
    """A trained model: first levels, how messages are read, weights (kept grams, classes), sharpness, tree."""

    classes: tuple[str, ...]
    reading: Reading
    weights: NDArray[np.float32]
    sharpness: float
    tree: Tree
    version: str

    @classmethod
    def load(cls, path: Path = MODEL) -> Router:
        """Read a model file that `monitors.routing.training` wrote. Raises FileNotFoundError, KeyError, ValueError."""
        with np.load(path, allow_pickle=False) as file:
            blocks = [
                Block(file[f"{name}_kept"].astype(np.int64), file[f"{name}_worth"].astype(np.float32))
                for name in ("title", "body")
            ]
            pairs = file["pair_node"], file["pair_word"], file["pair_weight"].astype(np.float32)
            paths = tuple((str(first), str(second), str(third)) for first, second, third in file["paths"])
            return cls(
                classes=tuple(map(str, file["classes"])),
                reading=Reading(blocks[0], blocks[1]),
                weights=file["weights"].astype(np.float32),
                sharpness=float(file["sharpness"]),
                tree=Tree(paths, tuple(map(str, file["words"])), *pairs),
                version=str(file["version"]),
            )

    def route_many(self, messages: Sequence[Message]) -> list[Route]:
        """One route a message, in order; a message without any letter still gets the likeliest path there is."""
        routes: list[Route] = []
        for start in range(0, len(messages), BATCH):
            pairs = [title_and_body(message) for message in messages[start : start + BATCH]]
            for pair, row in zip(pairs, self.probabilities(pairs), strict=True):
                routes.append(self._route(pair, row))
        return routes

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """(messages, classes) of read titles and texts."""
        titles, bodies = counted([title for title, _ in pairs]), counted([body for _, body in pairs])
        scores = self.reading.rows(titles, bodies) @ self.weights
        return shares(scores.astype(np.float64), self.sharpness)

    def _route(self, pair: tuple[str, str], row: NDArray[np.float64]) -> Route:
        scores = self.tree.node_scores(*pair)
        places = []
        for at in np.argsort(-row, kind="stable")[: 1 + ALTERNATIVES]:
            path, (second, third) = self.tree.best(self.classes[at], scores)
            first = float(row[at])
            places.append(Place(path, first, (first, first * second, first * second * third)))
        return Route(places[0], tuple(places[1:]), self.version)
