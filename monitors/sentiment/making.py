"""Makes the shipped model files from the whole of the sets: the linear model, and snownlp's Bayes on our labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitors.sentiment import linear, retrained
from monitors.sentiment.corpora import SETS, Corpus, by_emoticon, emoticons, labelled, offensive, unlabelled
from monitors.sentiment.features import fold_table
from monitors.sentiment.simplified import simplified
from monitors.sentiment.training import (
    EMOTICON_WEIGHT,
    OFFENSIVE_WEIGHT,
    REPOST_WEIGHT,
    Material,
    matrix_of,
    sparse_rows,
    train,
)

UNLABELLED = 40_000
SENTIMENT, RETRAINED = linear.MODEL.name, retrained.MODEL.name


def doubtful_sets(directory: Path) -> list[tuple[Corpus, float]]:
    """Sets whose labels are signs, not judgements, and what a row of each weighs."""
    return [
        (by_emoticon(directory), REPOST_WEIGHT),
        (offensive(directory), OFFENSIVE_WEIGHT),
        (emoticons(), EMOTICON_WEIGHT),
    ]


def make(directory: Path, out: Path) -> Mapping[str, Any]:
    """Train on every set of the directory, write both files to `out`, and tell what was used and made.

    Raises FileNotFoundError with the file that is missing.
    """
    fold = fold_table(simplified())
    sets = [labelled(directory, name) for name in SETS]
    doubtful = doubtful_sets(directory)
    plain = unlabelled(directory, UNLABELLED)
    material = Material(
        [matrix_of(one, fold) for one in sets],
        [(matrix_of(one, fold), weight) for one, weight in doubtful],
        sparse_rows(plain, fold),
    )
    files = {
        SENTIMENT: linear.model_bytes(train(material, fold)),
        RETRAINED: retrained.lexicon_bytes(retrained.retrain(sets)),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (out / name).write_bytes(raw)
    rows = {one.name: len(one) for one in (*sets, *(one for one, _weight in doubtful))}
    return {"rows": rows | {"unlabelled": len(plain)}, "bytes": {name: len(raw) for name, raw in files.items()}}
