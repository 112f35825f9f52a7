"""Figures of held-out answers and of two readers: F1, calibration, kappa. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from monitors.sentiment.attitude import ATTITUDES, FAMILIES, FAMILY, MEMBERS, Numbers, choose, severity_of, shares
from monitors.sentiment.attitude_training import Label

NAMED = list(range(4))  # complaint, inquiry, suggestion, thanks: the families the target speaks of
BINS = 10
Rows = NDArray[np.int64]


def attitudes(probabilities: Numbers, labels: Rows) -> dict[str, Any]:
    """Family and attitude figures of probabilities (rows, 12) against labels (rows,)."""
    attitude, family = choose(probabilities)
    truth = MEMBERS[labels].argmax(axis=1)
    return {
        "family_macro_f1": macro(truth, family, NAMED),
        "family_f1": named_f1(truth, family, FAMILIES),
        "family_accuracy": rounded((truth == family).mean()),
        "macro_f1_of_12": macro(labels, attitude, list(range(len(ATTITUDES)))),
        "f1_of_12": named_f1(labels, attitude, ATTITUDES),
        "accuracy_of_12": rounded((labels == attitude).mean()),
        "ece_of_12": calibration_error(probabilities, labels),
        "ece_of_family": calibration_error(probabilities @ MEMBERS, truth),
    }


def severities(sums: Numbers, labels: Rows) -> dict[str, Any]:
    """Severity figures of sums (rows, 3) against labels (rows,) of 0 to 3; the error is in steps."""
    found = severity_of(sums)
    return {
        "macro_f1": macro(labels, found, list(range(4))),
        "f1": named_f1(labels, found, ("0", "1", "2", "3")),
        "mean_error": rounded(np.abs(labels - found).mean()),
        "mean_error_of_always_0": rounded(labels.mean()),
        "two_steps_off": rounded((np.abs(labels - found) > 1).mean()),
    }


def offences(chances: Numbers, labels: Rows) -> dict[str, float]:
    """F1 of both sides, precision and recall of the offensive mark; chances (rows,) against 0 and 1."""
    found = chances >= 0.5
    return {
        "rows": len(labels),
        "offensive": int(labels.sum()),
        "f1": rounded(f1_score(labels, found)),
        "macro_f1": rounded(f1_score(labels, found, average="macro")),
        "precision": rounded(precision_score(labels, found, zero_division=0)),
        "recall": rounded(recall_score(labels, found)),
        "ece": calibration_error(np.column_stack([1 - chances, chances]), labels),
    }


def complaint_scores(scores: Numbers, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Complaint family against the rest: F1 and macro-F1 of a decision, area under the curve of its scores."""
    return {
        "f1": rounded(f1_score(truth, found)),
        "macro_f1": rounded(f1_score(truth, found, average="macro")),
        "area": rounded(roc_auc_score(truth, scores)),
    }


def calibration_error(probabilities: Numbers, labels: Rows) -> float:
    """Expected calibration error of the likeliest answer, 10 bins of equal width (Naeini et al. 2015)."""
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    return rounded(sum(abs((top - right)[place == at].sum()) for at in range(BINS)) / len(labels))


def sharpened(sums: Numbers, fold: Rows, labels: Rows, fit: Any) -> Numbers:
    """Probabilities of held-out sums; each fold's sharpness is fitted on the held-out sums of the other folds."""
    chances = np.zeros_like(sums)
    for number in np.unique(fold):
        test = fold == number
        chances[test] = shares(sums[test], fit(sums[~test], labels[~test]))
    return chances


def macro(truth: Rows, found: Rows, classes: list[int]) -> float:
    """Mean F1 over classes; a class nobody named counts 0."""
    return rounded(f1_score(truth, found, labels=classes, average="macro", zero_division=0))


def named_f1(truth: Rows, found: Rows, names: Sequence[str]) -> dict[str, float]:
    """F1 of each class by its name."""
    scores = f1_score(truth, found, labels=list(range(len(names))), average=None, zero_division=0)
    return {name: rounded(score) for name, score in zip(names, scores, strict=True)}


def agreement(labels: Sequence[Label]) -> dict[str, Any]:
    """How often the two readers agree, and Cohen's kappa (1960): attitudes, families and severities."""
    pairs = [label.readers for label in labels if all(label.readers)]
    found = {"attitude": kappa(pairs), "family": kappa([(FAMILY[one], FAMILY[two]) for one, two in pairs])}
    steps = [label.severities for label in labels if all(label.severities)]
    return found | ({"severity": kappa(steps)} if steps else {})


def kappa(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Share of equal pairs and Cohen's kappa: what is above chance of what could be."""
    count = len(pairs)
    equal = sum(one == two for one, two in pairs) / count
    first, second = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    chance = sum(first[name] * second[name] for name in first) / count**2
    return {"rows": count, "agreed": rounded(equal), "kappa": rounded((equal - chance) / (1 - chance))}


def rounded(value: Any) -> float:
    """Four places."""
    return round(float(value), 4)


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean of every figure over the seeds, in the same shape."""
    first = rounds[0]
    return {
        name: summary([one[name] for one in rounds])
        if isinstance(value, dict)
        else rounded(np.mean([one[name] for one in rounds]))
        for name, value in first.items()
    }
