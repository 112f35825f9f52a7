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
from monitors.sentiment.training import outside_sigmoid, polarity_weights, sparse_rows

FORMS = ("kept", "cut")


def judge_left_out(
    shelf: Shelf, left: str, seeds: range, stock: SnowScorer
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Figures of one set left out, both forms, and the first seed's values of its non-neutral rows as they stand.

    The sigmoid is fitted once, for the first seed, on the other sets alone.
    """
    forms = {form: two_sided(shelf.texts[left][form]) for form in FORMS}
    rows = {form: sparse_rows(corpus.texts, FOLD) for form, corpus in forms.items()}
    positive = forms["kept"].labels == POSITIVE
    dropped = shelf.dropped(left, forms["kept"].texts)
    runs: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
    sigmoid, first = Sigmoid(1.0, 0.0), np.zeros(0)
    for seed in seeds:
        material = shelf.material(left, seed, dropped)
        weights, bias = polarity_weights(material)
        if seed == seeds[0]:
            sigmoid = outside_sigmoid(material)
            first = sigmoid(rows["kept"] @ weights + bias)
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
    return figures, first


def two_sided(corpus: Corpus) -> Corpus:
    """The set without its neutral rows."""
    return corpus.part(corpus.labels != NEUTRAL)
