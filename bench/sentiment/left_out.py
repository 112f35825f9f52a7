"""Each whole set judged by a model of the others, beside stock snownlp on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.sentiment.measures import summary, two_way
from bench.sentiment.shelf import FOLD, Shelf
from monitors.sentiment import SnowScorer
from monitors.sentiment.calibration import Sigmoid
from monitors.sentiment.corpora import NEUTRAL, POSITIVE, Corpus
from monitors.sentiment.retrained import values
from monitors.sentiment.second import DOUBTFUL, SecondModel
from monitors.sentiment.second_training import train_second
from monitors.sentiment.training import outside_sums, polarity_weights, sigmoid_of, sparse_rows
from monitors.sentiment.training import two_way as sided

FORMS = ("kept", "cut")
Numbers = NDArray[np.float64]
Embedded = dict[str, NDArray[np.float32]]  # by set, a row for every row of the set


def judge_left_out(
    shelf: Shelf, left: str, seeds: range, stock: SnowScorer, embedded: Embedded | None = None
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Figures of one set left out, both forms, and the first seed's values of its non-neutral rows as they stand.

    The sigmoid is fitted once, for the first seed, on the other sets alone; with the embeddings of all rows of all
    sets, so is the second look.
    """
    forms = {form: two_sided(shelf.texts[left][form]) for form in FORMS}
    rows = {form: sparse_rows(corpus.texts, FOLD) for form, corpus in forms.items()}
    positive = forms["kept"].labels == POSITIVE
    dropped = shelf.dropped(left, forms["kept"].texts)
    runs: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
    sigmoid, first, looked = Sigmoid(1.0, 0.0), np.zeros(0), {}
    for seed in seeds:
        material = shelf.material(left, seed, dropped)
        weights, bias = polarity_weights(material)
        if seed == seeds[0]:
            outside = outside_sums(material)
            sigmoid = sigmoid_of(outside)
            sums = rows["kept"] @ weights + bias
            first = sigmoid(sums)
            if embedded is not None:
                sets = {
                    one.name: (embedded[one.name][one.places], one.labels == POSITIVE) for one in sided(material.sets)
                }
                judged = embedded[left][shelf.texts[left]["kept"].labels != NEUTRAL]
                looked = second_look(train_second(sets, outside), sums, first, judged, positive)
        for form in FORMS:
            runs[form].append(two_way(sigmoid(rows[form] @ weights + bias), positive))
    figures: dict[str, Any] = {
        "rows": len(positive),
        "train_rows_dropped": {name: int(mask.sum()) for name, mask in dropped.items() if mask.any()},
        "sigmoid": [round(sigmoid.slope, 3), round(sigmoid.shift, 3)],
    }
    for form in FORMS:
        stocked = np.array(values(stock, forms[form].texts))
        figures[form] = {"ours": summary(runs[form]), "stock": summary([two_way(stocked, positive)])}
    if looked:
        figures["second_look"] = looked
    return figures, first


def second_look(
    model: SecondModel, sums: Numbers, first: Numbers, judged: NDArray[np.float32], positive: NDArray[np.bool_]
) -> dict[str, Any]:
    """The first seed's figures when doubtful rows, and when all rows, are looked at again."""
    second = model.values(sums, judged)
    doubtful = (first > DOUBTFUL[0]) & (first < DOUBTFUL[1])
    return {
        "share": round(float(doubtful.mean()), 4),
        "without": summary([two_way(first, positive)]),
        "doubtful": summary([two_way(np.where(doubtful, second, first), positive)]),
        "all": summary([two_way(second, positive)]),
    }


def two_sided(corpus: Corpus) -> Corpus:
    """The set without its neutral rows."""
    return corpus.part(corpus.labels != NEUTRAL)
