"""Makes the shipped model files from the whole of the sets: the linear model, and snownlp's Bayes on our labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitors.sentiment import linear, retrained, second
from monitors.sentiment.corpora import (
    NEUTRAL,
    POSITIVE,
    SETS,
    Corpus,
    by_emoticon,
    emoticons,
    labelled,
    offensive,
    unlabelled,
)
from monitors.sentiment.features import fold_table
from monitors.sentiment.second_training import Embedded, train_second
from monitors.sentiment.simplified import simplified
from monitors.sentiment.training import (
    EMOTICON_WEIGHT,
    OFFENSIVE_WEIGHT,
    REPOST_WEIGHT,
    Material,
    matrix_of,
    outside_sums,
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


def make(directory: Path, out: Path, look_again: bool = False) -> Mapping[str, Any]:
    """Train on every set of the directory, write the files to `out`, and tell what was used and made.

    `look_again` makes the optional second look too, which embeds every labelled text (minutes) and raises
    NotConfigured without its package. Raises FileNotFoundError with the file that is missing.
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
    outside = outside_sums(material)
    files = {
        SENTIMENT: linear.model_bytes(train(material, fold, outside)),
        RETRAINED: retrained.lexicon_bytes(retrained.retrain(sets)),
    }
    if look_again:
        files[second.MODEL.name] = second.second_bytes(
            train_second({one.name: _embedded(one) for one in sets}, outside)
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (out / name).write_bytes(raw)
    rows = {one.name: len(one) for one in (*sets, *(one for one, _weight in doubtful))}
    return {"rows": rows | {"unlabelled": len(plain)}, "bytes": {name: len(raw) for name, raw in files.items()}}


def _embedded(corpus: Corpus) -> Embedded:
    """The set without neutral rows, embedded."""
    kept = corpus.part(corpus.labels != NEUTRAL)
    return second.embedder()(kept.texts), kept.labels == POSITIVE
