"""The classification tree and where inside a first level a message belongs: words of the nodes found in it. Pure.

Says nothing about which first level is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

OTHER = "其他"
TITLE_FACTOR = 2.0  # a word in the title counts twice one in the text
NOTHING_SAID = 2.0  # what a node 其他 scores without any word: one weak word of a named sister beats it
WARMTH = 2.0  # scores of sisters are divided by this before they become shares
TreePath = tuple[str, str, str]


@dataclass(frozen=True)
class Tree:
    """Leaves (517 paths in the state's own tree), words, and pairs (node, word, weight of the word for the node).

    Nodes are the leaves in order, then the second levels in order of first appearance.
    """

    paths: tuple[TreePath, ...]
    words: tuple[str, ...]
    pair_node: NDArray[np.int32]
    pair_word: NDArray[np.int32]
    pair_weight: NDArray[np.float32]

    @cached_property
    def seconds(self) -> dict[tuple[str, str], int]:
        """(first, second) of every second level with its node number, in order of first appearance."""
        names = dict.fromkeys((path[0], path[1]) for path in self.paths)
        return {pair: len(self.paths) + at for at, pair in enumerate(names)}

    @cached_property
    def below(self) -> dict[str, dict[str, list[int]]]:
        """The leaves' node numbers by first and second level."""
        tree: dict[str, dict[str, list[int]]] = {}
        for at, (first, second, _third) in enumerate(self.paths):
            tree.setdefault(first, {}).setdefault(second, []).append(at)
        return tree

    def node_scores(self, title: str, body: str) -> NDArray[np.float64]:
        """(nodes): weights of the node's words found in a read title and text, summed."""
        found = np.array([(word in title) * TITLE_FACTOR + (word in body) for word in self.words])
        nodes = len(self.paths) + len(self.seconds)
        return np.bincount(self.pair_node, self.pair_weight * found[self.pair_word], nodes).astype(np.float64)

    def best(self, first: str, scores: NDArray[np.float64]) -> tuple[TreePath, tuple[float, float]]:
        """The likeliest path below a first level, and the shares of its second and third level among their sisters.

        A second level scores its own words and the best of its leaves; a share is softmax(score / WARMTH).
        """
        seconds = self.below[first]
        sums = [
            NOTHING_SAID * (name == OTHER) + scores[self.seconds[first, name]] + scores[leaves].max()
            for name, leaves in seconds.items()
        ]
        second, second_share = _first_of(sums)
        leaves = list(seconds.values())[second]
        third, third_share = _first_of([NOTHING_SAID * (self.paths[at][2] == OTHER) + scores[at] for at in leaves])
        return self.paths[leaves[third]], (second_share, third_share)


def _first_of(scores: Sequence[float]) -> tuple[int, float]:
    """The place of the highest score and its share."""
    warm = np.exp((np.array(scores) - max(scores)) / WARMTH)
    at = int(np.argmax(warm))
    return at, float(warm[at] / warm.sum())
