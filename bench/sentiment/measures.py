"""The figures of one judged collection. Two ways: negative and positive alone; three ways: with neutral."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_curve, roc_auc_score

from monitors.sentiment.calibration import calibration_error

PRECISION = 0.85


def two_way(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy and macro-F1 at 0.5, AUC, negatives found while 85 in 100 called so are, and calibration error."""
    precision, recall, _ = precision_recall_curve(~positive, 1 - values)
    return {
        "accuracy": float(accuracy_score(positive, values > 0.5)),
        "macro_f1": float(f1_score(positive, values > 0.5, average="macro")),
        "auc": float(roc_auc_score(positive, values)),
        "negative_recall_at_085": float(recall[precision >= PRECISION].max(initial=0.0)),
        "ece": calibration_error(values, positive),
    }


def three_way(guessed: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy and macro-F1 over negative, neutral and positive."""
    return {
        "accuracy": float(accuracy_score(labels, guessed)),
        "macro_f1": float(f1_score(labels, guessed, average="macro")),
    }


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Mean and standard deviation of each figure over runs."""
    return {
        name: {
            "mean": round(mean(run[name] for run in runs), 4),
            "spread": round(stdev([run[name] for run in runs]), 4) if len(runs) > 1 else 0.0,
        }
        for name in runs[0]
    }
