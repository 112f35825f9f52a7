"""Trains the second look: a logistic regression over embeddings, joined to the linear sums by texts of unseen kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from monitors.sentiment.calibration import Sigmoid
from monitors.sentiment.second import SecondModel
from monitors.sentiment.training import LEVEL, SEED, Judged, balanced, joined, set_weights

STRENGTH = 16.0  # embeddings have length one, so their weights must be large
Embedded = tuple[NDArray[np.float32], NDArray[np.bool_]]  # rows (n, 512) and which are positive


def train_second(sets: Mapping[str, Embedded], outside: Sequence[Judged]) -> SecondModel:
    """The model of embedded sets by name; `outside` holds the linear sums of some of them by models of the others.

    Both sums are joined on these, each embedded set judged by a model of the others too, all counting the same.
    """
    seconds = []
    for one in outside:
        weights, bias = _fit([held for name, held in sets.items() if name != one.name])
        seconds.append(sets[one.name][0] @ weights + bias)
    firsts, positive = joined(outside)
    join = LogisticRegression(C=1e6, fit_intercept=False, random_state=SEED)
    both = np.column_stack([firsts, np.concatenate(seconds)])
    join.fit(both, positive, sample_weight=set_weights(outside) * LEVEL)
    slope, other = join.coef_[0].tolist()
    weights, bias = _fit(list(sets.values()))
    return SecondModel(weights, bias, other / slope, Sigmoid(slope, 0.0))


def _fit(sets: Sequence[Embedded]) -> tuple[NDArray[np.float32], float]:
    rows = np.concatenate([rows for rows, _positive in sets])
    target = np.concatenate([positive for _rows, positive in sets]).astype(float)
    masses = [balanced(side.astype(float)) * (LEVEL / len(side)) ** 0.5 for _rows, side in sets]
    model = LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3, random_state=SEED)
    model.fit(rows, target, sample_weight=np.concatenate(masses))
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])
