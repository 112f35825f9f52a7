"""A set judged by a model of four fifths of it and of all other sets, two ways and three ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from bench.sentiment.measures import summary, three_way, two_way
from bench.sentiment.shelf import Shelf
from monitors.sentiment.calibration import fit_sigmoid
from monitors.sentiment.corpora import NEUTRAL, POSITIVE
from monitors.sentiment.training import Material, Matrix, opinion_weights, polarity_weights

OWN = 2.0  # how many times more a row of the judged kind weighs


def judge_in_domain(shelf: Shelf, name: str, seeds: range) -> dict[str, Any]:
    """Mean and spread over seeds, each another stratified split and another nine tenths of the other sets."""
    runs = [_run(shelf, name, seed) for seed in seeds]
    return {way: summary([run[way] for run in runs]) for way in ("two_way", "three_way")}


def _run(shelf: Shelf, name: str, seed: int) -> dict[str, dict[str, float]]:
    corpus, rows = shelf.texts[name]["train"], shelf.sets[name]
    places = np.array(sorted({text: place for place, text in enumerate(corpus.texts)}.values()))  # equal texts once
    train, test = train_test_split(places, test_size=0.2, random_state=seed, stratify=corpus.labels[places])
    dropped = shelf.dropped(name, [corpus.texts[place] for place in test])
    others = shelf.material(name, seed, dropped)
    own, judged = rows.part(train), rows.part(test)
    weights, bias = polarity_weights(_with(others, own))
    sigmoid = _own_sigmoid(others, own, seed)
    opinion, shift, chance = opinion_weights(Material([own]))  # what counts as neutral differs from set to set
    value = sigmoid(judged.rows @ weights + bias)
    opinionated = chance(judged.rows @ opinion + shift)
    chances = np.column_stack([(1 - value) * opinionated, 1 - opinionated, value * opinionated])
    sided = judged.labels != NEUTRAL
    return {
        "two_way": two_way(value[sided], judged.labels[sided] == POSITIVE),
        "three_way": three_way(chances.argmax(axis=1), judged.labels),
    }


def _with(others: Material, own: Matrix) -> Material:
    sided = own.part(own.labels != NEUTRAL)
    return replace(others, sets=[*others.sets, own], doubtful=[*others.doubtful, (sided, OWN)])


def _own_sigmoid(others: Material, own: Matrix, seed: int) -> Any:
    """Fitted on halves of the train part, each judged by a model that knows the other half."""
    sided = own.part(own.labels != NEUTRAL)
    sums = np.zeros(len(sided.labels))
    halves = StratifiedKFold(2, shuffle=True, random_state=seed)
    for known, asked in halves.split(sided.rows, sided.labels):
        weights, bias = polarity_weights(replace(_with(others, sided.part(known)), plain=None))
        sums[asked] = sided.rows[asked] @ weights + bias
    return fit_sigmoid(sums, sided.labels == POSITIVE, np.ones(len(sums)))
