"""First level of citizens' messages: five stratified folds under several seeds, ours beside a character SVC.

Run: python -m bench.routing [--data ../shared/data] [--seeds 5]. Needs scikit-learn for the baseline and the scores.
Our answer may be any of the 15 first levels though the labelled rows have 7: an answer outside them is an error.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from bench.machine import show
from monitors.routing import Message, Router, shares
from monitors.routing.training import (
    FOLDS,
    Design,
    Texts,
    design,
    folds,
    held_out,
    likeness,
    load_texts,
    sharpness_for,
    solve,
)

FIRST_SEED = 100  # none that the settings were chosen with
BINS = 10
Scores = NDArray[np.float64]
Labels = NDArray[np.int64]


def ours(plan: Design, inner: Scores, seed: int) -> tuple[Scores, Scores]:
    """Held-out scores and probabilities; sharpness comes from inner folds of each fold's training rows."""
    labels = plan.labels[: plan.labelled]
    fold = folds(labels, seed)
    others = np.arange(plan.labelled, len(plan.labels))
    scores = np.zeros((plan.labelled, len(plan.classes)))
    chances = np.zeros_like(scores)
    for number in range(FOLDS):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        use = np.concatenate([train, others])
        scores[test] = inner[np.ix_(test, use)] @ solve(plan, inner, use)
        sharpness = sharpness_for(held_out(plan, inner, train, seed), labels[train])
        chances[test] = shares(scores[test], sharpness)
    return scores, chances


def character_svc(texts: Texts, labels: Labels, seed: int) -> Scores:
    """Held-out decisions of a linear SVC on tf-idf of 1- to 3-grams of title and text together."""
    whole = [f"{title}。{body}" for title, body in texts.labelled]
    fold = folds(labels, seed)
    scores = np.zeros((len(whole), labels.max() + 1))
    for number in range(FOLDS):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
        model = LinearSVC().fit(grams.fit_transform([whole[at] for at in train]), labels[train])
        scores[test] = model.decision_function(grams.transform([whole[at] for at in test]))
    return scores


def judged(scores: Scores, labels: Labels) -> dict[str, float]:
    """Macro-F1 over the labelled classes, accuracy, and how often the label is among the first two."""
    order = np.argsort(-scores, axis=1, kind="stable")
    known = range(int(labels.max()) + 1)
    return {
        "macro_f1": float(f1_score(labels, order[:, 0], average="macro", labels=known, zero_division=0)),
        "accuracy": float((order[:, 0] == labels).mean()),
        "top2": float((order[:, :2] == labels[:, None]).any(axis=1).mean()),
    }


def calibration_error(chances: Scores, labels: Labels) -> float:
    """Expected calibration error of the first answer, 10 bins of equal width (Naeini et al. 2015)."""
    top = chances.max(axis=1)
    right = chances.argmax(axis=1) == labels
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    gaps = [abs(top[place == at].mean() - right[place == at].mean()) * (place == at).mean() for at in set(place)]
    return float(np.sum(gaps))


def summary(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, least and most of every figure over the seeds."""
    return {
        name: {
            "mean": round(float(np.mean(values)), 4),
            "deviation": round(float(np.std(values)), 4),
            "least": round(min(values), 4),
            "most": round(max(values), 4),
        }
        for name in rounds[0]
        for values in [[one[name] for one in rounds]]
    }


def reach(router: Router) -> dict[str, Any]:
    """Every second level's own name as a message: how many first levels come out, how many names go home."""
    asked = [pair for pair in router.tree.seconds if pair[1] != "其他"]
    routes = router.route_many([Message(second, second) for _, second in asked])
    firsts = {route.place.path[0] for route in routes}
    home = sum(route.place.path[0] == first for (first, _), route in zip(asked, routes, strict=True))
    return {"first_levels_reached": len(firsts), "second_level_names_home": f"{home}/{len(asked)}"}


def routed_per_s(router: Router, texts: Texts) -> float:
    """Messages a second through the whole path, in one process."""
    messages = [Message(title, body) for title, body in texts.unlabelled[:1000]]
    router.route_many(messages[:10])
    started = time.perf_counter()
    router.route_many(messages)
    return len(messages) / (time.perf_counter() - started)


def main() -> int:
    """0 when the targets are met: macro-F1 0.86 and top-2 0.95, means over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    texts = load_texts(options.data)
    plan = design(texts)
    inner = likeness(plan)
    labels = plan.labels[: plan.labelled]
    own, base = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        scores, chances = ours(plan, inner, seed)
        outside = float((scores.argmax(axis=1) >= plan.known).sum())
        inside = judged(scores[:, : plan.known], labels)["macro_f1"]
        own.append(judged(scores, labels) | {"ece": calibration_error(chances, labels)})
        own[-1] |= {"answers_outside": outside, "macro_f1_of_7_only": inside}
        base.append(judged(character_svc(texts, labels, seed), labels))
    router = Router.load()
    figures = {"ours": summary(own), "character_svc": summary(base)}
    reached = figures["ours"]["macro_f1"]["mean"]
    show(
        "routing",
        {
            "labelled": plan.labelled,
            "unlabelled": len(texts.unlabelled),
            "folds": FOLDS,
            "seeds": options.seeds,
            **figures,
            "macro_f1_ratio": round(reached / figures["character_svc"]["macro_f1"]["mean"], 4),
            "shipped": {"version": router.version, "per_s": round(routed_per_s(router, texts)), **reach(router)},
        },
    )
    return int(reached < 0.86 or figures["ours"]["top2"]["mean"] < 0.95)


if __name__ == "__main__":
    sys.exit(main())
