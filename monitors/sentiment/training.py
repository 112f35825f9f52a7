"""Trains the linear scorer: weighted sets, log-count ratios, one round of learning from its own judgement, sigmoids.

The same sets give the same bytes: sorted input, one thread, no chance. Needs scikit-learn (dependency group `train`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from monitors.sentiment.calibration import Sigmoid, fit_sigmoid
from monitors.sentiment.corpora import BY_EMOTICON, NEGATIVE, NEUTRAL, POSITIVE, Corpus
from monitors.sentiment.features import BITS, features
from monitors.sentiment.linear import LinearModel

Floats = NDArray[np.float64]
SEED = 20261124
FEWEST = 2  # rows a bucket must occur in
STRENGTH, TOLERANCE = 1.0, 0.01  # liblinear's C and where it stops; a finer stop changes no figure by 0.0005
LEVEL = 10_000  # rows at which a set weighs its own number; larger ones weigh less than theirs (square root)
REPOST_WEIGHT, OFFENSIVE_WEIGHT, EMOTICON_WEIGHT = 1.0, 0.1, 5.0
OWN_WEIGHT = 0.5
CLEAR = 0.4  # standard deviations from the middle beyond which the model's own judgement of a text is used
SHARPNESS = 2.0  # of that judgement as a probability
_PLAIN = Sigmoid(1.0, 0.0)


@dataclass(frozen=True)
class Judged:
    """A set as a model of the others judges it: sums (n,) and which rows are positive (n,)."""

    name: str
    sums: Floats
    positive: NDArray[np.bool_]


@dataclass(frozen=True)
class Material:
    """What a model is made of: labelled sets, sets of doubtful labels with a weight a row, texts without labels."""

    sets: Sequence[Matrix]
    doubtful: Sequence[tuple[Matrix, float]] = ()
    plain: sparse.csr_matrix | None = None


@dataclass(frozen=True)
class Matrix:
    """A set as features: rows (n, 2 ** BITS), labels (n,) and the place of each row in the whole set (n,)."""

    name: str
    rows: sparse.csr_matrix
    labels: NDArray[np.int64]
    places: NDArray[np.int64]

    def part(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Matrix:
        """The rows of a mask or index."""
        return Matrix(self.name, self.rows[kept], self.labels[kept], self.places[kept])


def matrix_of(corpus: Corpus, fold: NDArray[np.uint16]) -> Matrix:
    """A set as features."""
    return Matrix(corpus.name, sparse_rows(corpus.texts, fold), corpus.labels, np.arange(len(corpus)))


def sparse_rows(texts: Sequence[str], fold: NDArray[np.uint16], chunk: int = 2000) -> sparse.csr_matrix:
    """Features of texts as a sparse matrix (len(texts), 2 ** BITS)."""
    blocks = [sparse.csr_matrix((0, 1 << BITS), dtype=np.float32)]
    for start in range(0, len(texts), chunk):
        found = features(texts[start : start + chunk], fold)
        shape = (found.count, 1 << BITS)
        blocks.append(sparse.csr_matrix((found.values, (found.rows, found.keys)), shape=shape))
    return sparse.vstack(blocks).tocsr()


def train(material: Material, fold: NDArray[np.uint16], outside: Sequence[Judged] | None = None) -> LinearModel:
    """The model of the material, its sigmoids fitted on each labelled set as judged by a model of the others.

    `outside` is what `outside_sums` gave, when it is known already. Without two sets the sigmoids stay plain.
    """
    model = _both(material, fold)
    judged = outside_sums(material) if outside is None else outside
    return replace(model, sigmoids=(sigmoid_of(judged), model.sigmoids[1]))


def _both(material: Material, fold: NDArray[np.uint16]) -> LinearModel:
    polarity, bias = polarity_weights(material)
    opinion, shift, sigmoid = opinion_weights(material)
    return LinearModel(polarity, opinion, (bias, shift), (_PLAIN, sigmoid), fold)


def polarity_weights(material: Material) -> tuple[NDArray[np.float32], float]:
    """Weights and bias of positive against negative; with texts without labels, fitted twice (self-training)."""
    groups = [_group(one) for one in two_way(material.sets)]
    for matrix, weight in material.doubtful:
        labels = (matrix.labels == POSITIVE).astype(float)
        groups.append((matrix.rows, labels, np.full(len(labels), weight)))
    first = fit(groups)
    if material.plain is None:
        return first
    return fit([*groups, *_own_judgement(material.plain, first)])


def opinion_weights(material: Material) -> tuple[NDArray[np.float32], float, Sigmoid]:
    """Weights, bias and sigmoid of an opinion against none, from the sets that hold neutral texts; else nothing."""
    mixed = [one for one in material.sets if (one.labels == NEUTRAL).any() and (one.labels != NEUTRAL).any()]
    if not mixed:
        return np.zeros(1 << BITS, np.float32), 0.0, Sigmoid(0.0, 30.0)
    groups = []
    for one in mixed:
        target = (one.labels != NEUTRAL).astype(float)
        groups.append((one.rows, target, balanced(target)))
    weights, bias = fit(groups)
    held = [_across(group) for group in groups]
    sums, targets, masses = (np.concatenate(column) for column in zip(*held, strict=True))
    return weights, bias, fit_sigmoid(sums, targets > 0, masses, shifted=False)


def _across(group: Group) -> tuple[Floats, Floats, Floats]:
    """Sums of every third row as a model of the two other thirds gives them, targets, and weights of the set's mass."""
    rows, target, weights = group
    sums = np.zeros(len(target))
    fold = np.arange(len(target)) % 3
    for one in range(3):
        kept = fold != one
        found, bias = fit([(rows[kept], target[kept], weights[kept])])
        sums[~kept] = rows[~kept] @ found + bias
    return sums, target, np.full(len(target), 1 / len(target))


def sigmoid_of(judged: Sequence[Judged]) -> Sigmoid:
    """A sigmoid for texts of a kind the model never saw, from what `outside_sums` gave; all sets count the same.

    It has no shift: how many positive texts a new kind holds is not known, and the sets differ widely.
    """
    if not judged:
        return _PLAIN
    sums, positive = joined(judged)
    return fit_sigmoid(sums, positive, set_weights(judged), shifted=False)


def outside_sums(material: Material) -> list[Judged]:
    """Every set with both polarities as a model of the others judges it; nothing when there are not two such sets.

    Sets labelled by emoticon help to judge but are not judged: without its emoticon half of such a text has no side.
    """
    sets = two_way(material.sets)
    judged = []
    for left in sets if len(sets) > 1 else ():
        if left.name not in BY_EMOTICON:
            others = replace(material, sets=[one for one in sets if one is not left])
            weights, bias = polarity_weights(others)
            judged.append(Judged(left.name, left.rows @ weights + bias, left.labels == POSITIVE))
    return judged


def joined(judged: Sequence[Judged]) -> tuple[Floats, NDArray[np.bool_]]:
    """The sums and sides of all sets, one after another."""
    return np.concatenate([one.sums for one in judged]), np.concatenate([one.positive for one in judged])


def set_weights(judged: Sequence[Judged]) -> Floats:
    """A weight a row by which the sets count the same, one after another."""
    return np.concatenate([np.full(len(one.sums), 1 / len(one.sums)) for one in judged])


def two_way(sets: Sequence[Matrix]) -> list[Matrix]:
    """The sets without their neutral rows, those alone that hold both polarities."""
    parts = [one.part(one.labels != NEUTRAL) for one in sets]
    return [one for one in parts if {NEGATIVE, POSITIVE} <= set(one.labels.tolist())]


Group = tuple[sparse.csr_matrix, Floats, Floats]


def _group(matrix: Matrix) -> Group:
    target = (matrix.labels == POSITIVE).astype(float)
    return matrix.rows, target, balanced(target) * (LEVEL / len(target)) ** 0.5


def balanced(target: Floats) -> Floats:
    """Weights of mean 1 by which both sides of 0/1 targets weigh the same."""
    share = target.mean()
    return np.where(target > 0, 0.5 / share, 0.5 / (1 - share))


def _own_judgement(rows: sparse.csr_matrix, model: tuple[NDArray[np.float32], float]) -> list[Group]:
    """Texts the model is clear about, once as positive and once as negative, weighed by how sure it is of each."""
    sums = rows @ model[0] + model[1]
    sums = sums / max(float(sums.std()), 1e-9)
    clear = np.abs(sums) > CLEAR
    chance = 1 / (1 + np.exp(-SHARPNESS * sums[clear]))
    kept, count = rows[clear], int(clear.sum())
    if not count:
        return []
    weights = ((1.0, chance), (0.0, 1 - chance))
    return [(kept, np.full(count, side), OWN_WEIGHT * part * count / 2 / part.sum()) for side, part in weights]


def fit(groups: Sequence[Group]) -> tuple[NDArray[np.float32], float]:
    """Weights (2 ** BITS,) and bias of a logistic regression over features scaled by their log-count ratio.

    Log-count ratios: Wang and Manning (2012); a bucket's rarity (idf) scales it as well.
    """
    rows = sparse.vstack([group[0] for group in groups]).tocsr()
    target, weights = (np.concatenate([group[place] for group in groups]) for place in (1, 2))
    found = np.bincount(rows.indices, minlength=1 << BITS)
    kept = np.flatnonzero(found >= FEWEST)
    rows = rows[:, kept]
    rarity = np.log((1 + rows.shape[0]) / (1 + found[kept])) + 1
    # rows of length one before the ratio, or the strength would mean something else for every collection
    rarity = rarity / np.sqrt(max(float((rows.power(2) @ rarity**2).mean()), 1e-9))
    scale = rarity * np.abs(_log_count_ratio(rows, target, weights))
    model = LogisticRegression(C=STRENGTH, solver="liblinear", tol=TOLERANCE, max_iter=300, random_state=SEED)
    model.fit(rows @ sparse.diags(scale), target, sample_weight=weights)
    whole = np.zeros(1 << BITS, np.float32)
    whole[kept] = (model.coef_[0] * scale).astype(np.float16)
    return whole, float(model.intercept_[0])


def _log_count_ratio(rows: sparse.csr_matrix, target: Floats, weights: Floats) -> Floats:
    """The log of how much more often a feature stands in positive than in negative rows, add-one smoothed."""
    present = rows.copy()
    present.data = np.ones_like(present.data)
    positive = present.T @ (weights * target) + 1
    negative = present.T @ (weights * (1 - target)) + 1
    ratio: Floats = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
    return ratio
