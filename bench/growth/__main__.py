"""Growth score in five folds over posts against the time to the 30th row and against wider models, same run.

Run: python -m bench.growth [--data ../shared/data] [--seeds 5] [--fit]. Needs scikit-learn.
Nothing of a post after its 30th row, and no final count, is read by any model; the target alone reads the whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.growth.posts import Post, of_the_post, read_posts, times_of, wide
from bench.machine import show
from monitors.detection.growth import CURVE, MOST, PREFIXES, WEIGHTS, Curve, features, probability

FOLDS, FALSE_ALARMS, BINS, ROUNDED = 5, 0.2, 10, 4
Array = np.ndarray[Any, np.dtype[np.float64]]


def main() -> int:
    """0 when the committed weights are those the whole file gives and the score beats the time to the 30th row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fit", action="store_true", help="only print the weights over all posts")
    options = parser.parse_args()
    posts, left_out = read_posts(options.data / "cascades")
    large = np.array([post.large for post in posts], dtype=float)
    weights, curve = fit(posts, large)
    if options.fit:
        print(f"WEIGHTS = {tuple(weights.tolist())}\nCURVE = {curve}")
        return 0
    gap = float(np.abs(np.array([*weights, *curve]) - np.array([*WEIGHTS, *CURVE])).max())
    figures: dict[str, Any] = {"posts": len(posts), "large": int(large.sum()), "left_out": dict(left_out)}
    figures |= measure(posts, large, options.seeds)
    show("growth", {**figures, "largest_gap_to_the_committed_weights": round(gap, ROUNDED)})
    better = figures["auc"]["30"]["score"]["mean"] > figures["auc"]["30"]["time_to_the_last_row"]["mean"]
    return int(gap > 0.01 or not better)


def fit(posts: Sequence[Post], large: Array) -> tuple[Array, Curve]:
    """Logistic weights over all prefixes of the posts, almost unpenalised, in `features`' order; then the curve."""
    rows = np.array([features(times_of(post, count)) for count in PREFIXES for post in posts])
    grew = np.tile(large, len(PREFIXES))
    model = LogisticRegression(C=1000, max_iter=5000).fit(rows[:, 1:], grew)
    weights = np.round(np.concatenate([model.intercept_, model.coef_[0]]), ROUNDED)
    return weights, bend(rows @ weights, grew)


def bend(sums: Array, grew: Array) -> Curve:
    """The curve of the greatest likelihood: Platt's (1999) logistic with a lower asymptote."""

    def loss(values: Array) -> float:
        least, slope, shift = values
        chance = least + (1 - least) * expit(slope * sums + shift)
        return -float(np.mean(np.where(grew == 1, np.log(chance), np.log(1 - chance))))

    found = minimize(loss, (0.2, 1.5, 0.0), method="L-BFGS-B", bounds=((0.001, 0.9), (0.01, 20.0), (-10.0, 10.0)))
    least, slope, shift = np.round(found.x, ROUNDED).tolist()
    return least, slope, shift


def measure(posts: list[Post], large: Array, seeds: int) -> dict[str, Any]:
    """Every figure, as mean and spread over the seeds that deal posts to folds."""
    scores = [held_out(posts, large, seed) for seed in range(seeds)]
    auc: dict[str, Any] = {}
    for count in (5, 10, 20, MOST):
        spans = np.array([post.minutes(1, count) for post in posts])
        auc[str(count)] = {
            "score": spread([roc_auc_score(large, score[:, PREFIXES.index(count)]) for score in scores]),
            "time_to_the_last_row": spread([roc_auc_score(large, -spans)]),
        }
    auc["30"] |= {name: spread(values) for name, values in wider(posts, large, seeds)}
    last = [score[:, -1] for score in scores]
    return {
        "auc": auc,
        "recall_at_20_percent_false": {
            "score_at_30": spread([recall(large, score) for score in last]),
            "time_to_30": spread([recall(large, -np.array([post.minutes(1, MOST) for post in posts]))]),
        },
        "calibration_error": {str(count): spread([ece(large, score[:, place]) for score in scores])
                              for place, count in enumerate(PREFIXES)},
        "alarms": alarms(posts, large, scores),
    }  # fmt: skip


def held_out(posts: Sequence[Post], large: Array, seed: int) -> Array:
    """Shape (posts, prefixes): each post's probability by weights fitted without it."""
    table = [[features(times_of(post, count)) for count in PREFIXES] for post in posts]
    scores = np.zeros((len(posts), len(PREFIXES)))
    for train, test in deal(large, seed):
        weights, curve = fit([posts[place] for place in train], large[train])
        for place in test:
            scores[place] = [probability(values, weights.tolist(), curve) for values in table[place]]
    return scores


def deal(large: Array, seed: int) -> Iterator[tuple[list[int], list[int]]]:
    """Five times (places to learn from, places to judge)."""
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(large, large):
        yield train.tolist(), test.tolist()


def wider(posts: Sequence[Post], large: Array, seeds: int) -> Iterator[tuple[str, list[float]]]:
    """AUC at the 30th row of models that read all the first rows hold, without and with what is known of the post."""
    rows = np.array([wide(post, MOST) for post in posts])
    known = np.array([of_the_post(post) for post in posts])
    makers: dict[str, Callable[[], Any]] = {
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=2000)),
        "trees": lambda: ExtraTreesClassifier(300, min_samples_leaf=4, max_features=0.4, random_state=0),
    }
    for name, make in makers.items():
        for suffix, table in (("", rows), ("_and_post", np.hstack([rows, known]))):
            values = []
            for seed in range(seeds):
                score = np.zeros(len(posts))
                for train, test in deal(large, seed):
                    score[test] = make().fit(table[train], large[train]).predict_proba(table[test])[:, 1]
                values.append(float(roc_auc_score(large, score)))
            yield f"wide_{name}{suffix}", values


def threshold(large: Array, score: Array) -> float:
    """The lowest score that raises at most one false alarm in five posts that stay small."""
    false, _true, cuts = roc_curve(large, score, drop_intermediate=False)
    return float(cuts[np.flatnonzero(false <= FALSE_ALARMS)[-1]])


def recall(large: Array, score: Array) -> float:
    """Share of the large posts at or over the threshold."""
    return float((score[large == 1] >= threshold(large, score)).mean())


def ece(large: Array, score: Array) -> float:
    """Expected calibration error over ten bins of equally many posts (Naeini et al., 2015)."""
    parts = np.array_split(np.argsort(score, kind="stable"), BINS)
    return float(sum(len(part) * abs(score[part].mean() - large[part].mean()) for part in parts) / len(large))


def alarms(posts: Sequence[Post], large: Array, scores: Sequence[Array]) -> dict[str, Any]:
    """Minutes from the alarm to the 100th row of large posts: at the 30th row, and at the first prefix over a cut.

    The second alarm's cut allows the same share of false alarms over all its looks together.
    """
    all_of_them = [post.minutes(MOST, 100) for post in posts if len(post.rows) >= 100]
    at_30, first, caught = [], [], []
    for score in scores:
        hit = (score[:, -1] >= threshold(large, score[:, -1])) & (large == 1)
        at_30.append(float(np.median([posts[place].minutes(MOST, 100) for place in np.flatnonzero(hit).tolist()])))
        looks = score[:, PREFIXES.index(10) :]
        cut = threshold(large, looks.max(axis=1))
        over = np.flatnonzero((looks.max(axis=1) >= cut) & (large == 1)).tolist()
        when = [PREFIXES[PREFIXES.index(10) + int(np.argmax(looks[place] >= cut))] for place in over]
        gained = [posts[place].minutes(count, 100) for place, count in zip(over, when, strict=True)]
        first.append(float(np.median(gained)))
        caught.append(len(over) / float(large.sum()))
    return {
        "minutes_30_to_100_all_posts": round(float(np.median(all_of_them)), 1),
        "minutes_30_to_100_large_posts": round(
            float(np.median([post.minutes(MOST, 100) for post in posts if post.large])), 1
        ),
        "minutes_30_to_100_caught": spread(at_30),
        "looks_at_10_to_30": {"recall": spread(caught), "minutes_to_100_caught": spread(first)},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation."""
    return {"mean": round(float(np.mean(values)), 3), "spread": round(float(np.std(values)), 4)}


if __name__ == "__main__":
    sys.exit(main())
