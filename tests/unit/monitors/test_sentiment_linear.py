"""The linear scorer: what it reads, what its probabilities mean, and that training gives the same bytes twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.models.words import Sentiment
from monitors.sentiment.calibration import Sigmoid, calibration_error, fit_sigmoid
from monitors.sentiment.features import BITS, features, fold_table, negated
from monitors.sentiment.linear import LinearModel, LinearScorer, model_bytes, read_model
from monitors.sentiment.quick import QuickSums, quick_read
from monitors.text.grams import code_points

GOOD = ["办事很快", "态度很好", "服务贴心", "很满意", "道路修好了，真方便", "环境干净，点赞"]
BAD = ["停水三天", "没人管", "态度恶劣", "噪音太吵", "道路又坏了，真糟糕", "垃圾成堆，失望"]
PLAIN = ["今天开会", "窗口在二楼", "周一上班", "通知已经发布"]


@pytest.fixture(scope="module")
def fold() -> np.ndarray:
    return fold_table({"滿": "满"})


def keys(text: str, fold: np.ndarray) -> set[int]:
    return set(features([text], fold).keys.tolist())


def reached(text: str) -> str:
    codes, _rows = code_points([text])
    return "".join(chr(code) for code in codes[negated(codes)])


def test_a_row_has_length_one_alone_and_among_others(fold: np.ndarray) -> None:
    together = features(["停水三天", "", "不好"], fold)
    lengths = np.bincount(together.rows, together.values**2, 3)
    assert lengths == pytest.approx([1, 1, 1], abs=1e-5)
    alone = features(["不好"], fold)
    assert sorted(together.keys[together.rows == 2].tolist()) == sorted(alone.keys.tolist())


def test_a_negation_reaches_to_the_end_of_its_clause_and_no_further_than_six_characters() -> None:
    assert reached("不太满意，很好") == "太满意"
    assert reached("没有人来管过这一件事情") == "有人来管过这"
    assert reached("很满意") == ""


def test_a_negation_does_not_reach_into_the_next_text() -> None:
    codes, rows = code_points(["不", "满意"])
    assert not negated(codes)[rows == 1].any()


def test_negated_words_are_features_that_plain_words_are_not(fold: np.ndarray) -> None:
    assert keys("不满意", fold) - keys("满意", fold) - keys("不", fold)
    assert len(keys("不满意", fold)) > len(keys("很满意", fold))


def test_traditional_characters_and_wide_letters_read_like_simplified_and_narrow_ones(fold: np.ndarray) -> None:
    assert keys("很滿意ＯＫ", fold) == keys("很满意ok", fold)


@pytest.mark.parametrize("text", ["停水三天", "不太满意，打了138次电话", "没😡修", "", "好"])
def test_quick_sums_are_the_careful_ones_where_nothing_repeats(text: str, fold: np.ndarray) -> None:
    first, second = np.random.default_rng(3).normal(size=(2, 1 << BITS)).astype(np.float32)
    model = LinearModel(first, second, (0.0, 0.0), (Sigmoid(1.0, 0.0), Sigmoid(1.0, 0.0)), fold)
    careful = model.sums(features([text], fold))
    quick = QuickSums(first, second, fold)
    assert quick([text]) == pytest.approx(careful, abs=1e-5)
    assert quick(["别的 2024 话", text, "不"])[1:2] == pytest.approx(careful, abs=1e-5)


def test_quick_reading_cuts_quoted_chains_and_links() -> None:
    assert quick_read("说得对//@某人：原话") == "说得对"
    assert quick_read("看这里 http://t.cn/abc 好") == "看这里   好"
    assert quick_read(None) == ""


def test_a_fitted_sigmoid_gives_back_the_shares_it_was_shown() -> None:
    chance = np.random.default_rng(5)
    sums = chance.normal(size=20_000)
    positive = chance.random(20_000) < Sigmoid(2.0, -0.5)(sums)
    found = fit_sigmoid(sums, positive, np.ones(20_000))
    assert (found.slope, found.shift) == pytest.approx((2.0, -0.5), abs=0.1)
    assert calibration_error(found(sums), positive) < 0.02
    assert calibration_error(Sigmoid(6.0, -0.5)(sums), positive) > 0.1


def test_a_slope_alone_leaves_even_odds_where_the_sum_is_nought() -> None:
    chance = np.random.default_rng(6)
    sums = chance.normal(size=20_000)
    positive = chance.random(20_000) < Sigmoid(2.0, 0.0)(sums)
    found = fit_sigmoid(sums, positive, np.ones(20_000), shifted=False)
    assert found.slope == pytest.approx(2.0, abs=0.1)
    assert found(np.zeros(1)) == pytest.approx([0.5])


def test_a_set_labelled_by_emoticon_helps_to_judge_and_is_not_judged(fold: np.ndarray) -> None:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    from monitors.sentiment.corpora import Corpus
    from monitors.sentiment.training import Material, matrix_of, outside_sums

    labels = np.array([2] * 6 + [0] * 6)
    sets = [matrix_of(Corpus(name, [*GOOD, *BAD], labels), fold) for name in ("weibo_senti_24k", "by hand")]
    judged = outside_sums(Material(sets))
    assert [one.name for one in judged] == ["by hand"]
    assert judged[0].sums[judged[0].positive].mean() > judged[0].sums[~judged[0].positive].mean()


def test_calibration_error_is_the_gap_of_stated_and_found() -> None:
    assert calibration_error(np.full(10, 0.9), np.arange(10) < 5) == pytest.approx(0.4)


@pytest.fixture(scope="module")
def model(fold: np.ndarray) -> LinearModel:
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    return small_model(fold)


def small_model(fold: np.ndarray) -> LinearModel:
    from monitors.sentiment.corpora import Corpus
    from monitors.sentiment.training import Material, matrix_of, sparse_rows, train

    first = Corpus("first", [*BAD, *PLAIN, *GOOD], np.array([0] * 6 + [1] * 4 + [2] * 6))
    second = Corpus("second", [*GOOD[:3], *BAD[:3]], np.array([2] * 3 + [0] * 3))
    plain = sparse_rows(["真方便", "太吵了", "很快", "坏了"], fold)
    return train(Material([matrix_of(first, fold), matrix_of(second, fold)], plain=plain), fold)


def test_training_twice_gives_the_same_bytes(model: LinearModel, fold: np.ndarray) -> None:
    assert model_bytes(model) == model_bytes(small_model(fold))
    assert len(model_bytes(model)) < 8_000_000


def test_a_model_read_back_judges_the_same(model: LinearModel, tmp_path: Path) -> None:
    path = tmp_path / "sentiment.npz"
    path.write_bytes(model_bytes(model))
    again = read_model(path)
    assert again.version.startswith("linear-")
    texts = [*GOOD, *BAD, *PLAIN]
    assert LinearScorer(again).chances(texts) == pytest.approx(LinearScorer(model).chances(texts), abs=1e-6)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz"):
        read_model(path)


def test_what_was_learned_is_told_apart(model: LinearModel) -> None:
    scorer = LinearScorer(model)
    values = [score.value or 0.0 for score in scorer.score_many(["态度很好，真方便", "又停水，太吵，失望"])]
    assert values[0] > 0.5 > values[1]


def test_probabilities_add_up_and_the_value_is_their_ratio(model: LinearModel) -> None:
    for score in LinearScorer(model).score_many([*GOOD, *BAD, *PLAIN]):
        assert score.probabilities is not None
        assert score.value is not None
        chances = score.probabilities
        assert sum(chances.values()) == pytest.approx(1)
        assert score.value == pytest.approx(chances["positive"] / (chances["positive"] + chances["negative"]))
        assert score.unsure == (max(chances.values()) < 0.5)


def test_a_label_is_the_likeliest_of_the_three() -> None:
    weights, fold = np.zeros(1 << BITS, np.float32), fold_table()
    labels = []
    for polarity, opinion in ((3.0, 3.0), (-3.0, 3.0), (3.0, -3.0)):
        model = LinearModel(weights, weights, (polarity, opinion), (Sigmoid(1.0, 0.0), Sigmoid(1.0, 0.0)), fold)
        labels.append(LinearScorer(model).score_many(["停水三天"])[0].label)
    assert labels == [Sentiment.POSITIVE, Sentiment.NEGATIVE, Sentiment.NEUTRAL]
    even = LinearModel(weights, weights, (0.0, 0.5), (Sigmoid(1.0, 0.0), Sigmoid(1.0, 0.0)), fold)
    assert LinearScorer(even).score_many(["停水三天"])[0].unsure
