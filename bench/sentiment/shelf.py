"""The shared sets as features, each read once: as trained on, and as judged with emoticons kept and cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.sentiment.likeness import repeats
from monitors.sentiment.corpora import SETS, Corpus, labelled, unlabelled
from monitors.sentiment.features import fold_table
from monitors.sentiment.making import UNLABELLED, doubtful_sets
from monitors.sentiment.simplified import simplified
from monitors.sentiment.training import (
    Material,
    Matrix,
    matrix_of,
    sparse_rows,
)

FOLD = fold_table(simplified())
KEPT = 0.9  # of the train rows of a seed: what differs between seeds


@dataclass(frozen=True)
class Shelf:
    """Everything that is trained on or judged."""

    texts: dict[str, dict[str, Corpus]]  # by set and by form: train, kept, cut
    sets: dict[str, Matrix]
    doubtful: list[tuple[Corpus, Matrix, float]]
    plain: tuple[list[str], Matrix]

    def material(self, left: str, seed: int, dropped: dict[str, NDArray[np.bool_]]) -> Material:
        """Every set but one, nine tenths of the rows by chance, without rows that repeat a judged one."""
        chance = np.random.default_rng(seed)
        sets = [thin(self.sets[name], dropped[name], chance) for name in SETS if name != left]
        doubtful = [(thin(rows, dropped[text.name], chance), weight) for text, rows, weight in self.doubtful]
        return Material(sets, doubtful, thin(self.plain[1], dropped["plain"], chance).rows)

    def dropped(self, left: str, judged: list[str]) -> dict[str, NDArray[np.bool_]]:
        """For everything but the set left out: which rows repeat a judged text."""
        found = {name: repeats(self.texts[name]["train"].texts, judged) for name in SETS if name != left}
        found |= {text.name: repeats(text.texts, judged) for text, _rows, _weight in self.doubtful}
        return found | {"plain": repeats(self.plain[0], judged)}


def thin(matrix: Matrix, dropped: NDArray[np.bool_], chance: np.random.Generator) -> Matrix:
    """The rows that are not dropped, nine tenths of them by chance."""
    return matrix.part(~dropped & (chance.random(len(dropped)) < KEPT))


def open_shelf(directory: Path) -> Shelf:
    """Read all sets of the directory."""
    texts = {
        name: {
            "train": labelled(directory, name),
            "kept": labelled(directory, name, strip=False),
            "cut": labelled(directory, name, strip=True),
        }
        for name in SETS
    }
    doubtful = doubtful_sets(directory)
    plain = unlabelled(directory, UNLABELLED)
    rows = Matrix("plain", sparse_rows(plain, FOLD), np.zeros(len(plain), np.int64), np.arange(len(plain)))
    return Shelf(
        texts,
        {name: matrix_of(forms["train"], FOLD) for name, forms in texts.items()},
        [(text, matrix_of(text, FOLD), weight) for text, weight in doubtful],
        (plain, rows),
    )
