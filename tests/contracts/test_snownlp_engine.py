"""The machine behind the snownlp score against the package itself: counts, tags, words, and other word counts."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from math import exp, log

import numpy as np
import pytest

from bench import scoring
from monitors import sentiment
from monitors.sentiment import SnowScorer
from monitors.sentiment.characters import tables_of
from monitors.sentiment.corpus import TAGS, Counts, count, weights
from monitors.sentiment.model import Lexicon, package_folder, read_marshal
from monitors.sentiment.tagger import Tagger

WORDS = [
    "停水",
    "又",
    "停",
    "了",
    "水",
    "公交车",
    "车",
    "公交",
    "好",
    "不好",
    "自来水公司",
    "水费",
    "费",
    "，",
    "12",
    "很",
]
TEXTS = [
    "小区又停水了，物业不管\n打12345也没用",
    "  路灯 修好了👍👍  谢谢！ ",
    "ABC def，好ok的",
    "龘龘",
    "㐀好\u2003好\u0085的",
    "坏的字\ud800符",
    "水" * 300,
    "一",
    "\x1c分隔\x1f符",
    "。。。",
]


def corpus(seed: int, lines: int) -> str:
    """Tagged lines made of a handful of words, some in two senses, so that equal scores are common."""
    pick = random.Random(seed)
    return "\n".join(" ".join(tagged(pick.choice(WORDS)) for _ in range(pick.randint(1, 9))) for _ in range(lines))


def tagged(word: str) -> str:
    if len(word) == 1:
        return f"{word}/s"
    return " ".join(f"{char}/{tag}" for char, tag in zip(word, "b" + "m" * (len(word) - 2) + "e", strict=True))


def package_model(lines: str):  # type: ignore[no-untyped-def]
    from snownlp.seg.y09_2047 import CharacterBasedGenerativeModel

    model = CharacterBasedGenerativeModel()
    model.train([[tuple(pair.split("/")) for pair in line.split()] for line in lines.splitlines()])
    return model


def as_dict(counts: Counts, rows: np.ndarray, numbers: np.ndarray) -> dict[tuple[tuple[str, str], ...], int]:
    """Counts keyed as the package keys them."""
    names = ["", *map(chr, counts.chars[1:].tolist())]
    states = [(names[state >> 2], "BOS" if state < 4 else TAGS[state & 3]) for state in range(len(names) * 4)]
    return {tuple(states[at] for at in row): n for row, n in zip(rows.tolist(), numbers.tolist(), strict=True)}


def tag_texts(tagger: Tagger, runs: list[str]) -> list[str]:
    codes = np.array([ord(char) for run in runs for char in run])
    tags = iter(tagger.tag(codes, np.array([len(run) for run in runs])).tolist())
    return ["".join(TAGS[next(tags)] for _ in run) for run in runs]


@pytest.mark.parametrize(("seed", "lines"), [(1, 3), (2, 12), (3, 80), (4, 400)])
def test_runs_are_tagged_as_the_package_tags_them_after_the_same_corpus(seed: int, lines: int) -> None:
    made = corpus(seed, lines)
    theirs, counts = package_model(made), count(made)
    assert weights(counts) == (theirs.l1, theirs.l2, theirs.l3)
    pick = random.Random(seed)
    letters = "停水又了公交车好不自来司费很龘未"  # the last two no corpus has
    runs = ["".join(pick.choices(letters, k=pick.choice((1, 2, 3, 5, 9, 40)))) for _ in range(400)]
    assert tag_texts(Tagger(tables_of(counts)), runs) == ["".join(tag for _, tag in theirs.tag(run)) for run in runs]


def test_counts_are_those_the_package_makes() -> None:
    made = corpus(5, 60) + "\n\n  水/s 费/s \n"
    theirs, counts = package_model(made.replace("\n\n", "\n")), count(made)
    assert as_dict(counts, counts.pairs, counts.pair_counts) == theirs.bi.d
    assert as_dict(counts, counts.triples, counts.triple_counts) == theirs.tri.d
    assert counts.total == theirs.uni.total


@pytest.mark.slow
def test_the_packages_corpus_gives_the_counts_of_the_packages_model_file() -> None:
    model = read_marshal(package_folder() / "seg" / "seg.marshal.3")
    counts = count((package_folder() / "seg" / "data.txt").read_text("utf-8"))
    assert as_dict(counts, counts.pairs, counts.pair_counts) == model["bi"]["d"]
    assert as_dict(counts, counts.triples, counts.triple_counts) == model["tri"]["d"]
    assert counts.total == model["uni"]["total"]
    assert weights(counts) == (model["l1"], model["l2"], model["l3"])


@pytest.fixture(scope="module")
def snow() -> SnowScorer:
    return SnowScorer()


def test_texts_are_cut_into_the_packages_own_words(snow: SnowScorer) -> None:
    from snownlp import seg

    assert snow.words(TEXTS) == [seg.seg(text) for text in TEXTS]
    assert snow.words(["", " ", "好"]) == [[], [], ["好"]]
    assert snow.words([]) == [] == snow.words([""])[0]


def test_neither_neighbours_nor_chunks_change_a_value(snow: SnowScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    together = snow.values(TEXTS)
    monkeypatch.setattr(sentiment, "CHUNK_CHARACTERS", 7)
    assert SnowScorer().values(reversed(TEXTS)) == together


def test_threads_that_share_a_scorer_get_the_values_of_one() -> None:
    fresh, texts = SnowScorer(), [f"{text}{at}号楼停水" for at in range(40) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fresh.values, [texts[at::8] for at in range(8)] * 2))
    alone = SnowScorer().values(texts)
    assert {text: value for answer in answers for text, value in answer.items()} == alone


def test_other_word_counts_give_other_values_under_their_own_version() -> None:
    lexicon = Lexicon(
        classes=("neg", "pos"),
        words={"neg": {"bad": 9}, "pos": {"bad": 2, "thanks": 5}},
        totals={"neg": 20.0, "pos": 30.0},
        total=50.0,
        stop=frozenset({"，"}),
    )
    own = SnowScorer(lexicon, "own-1")
    negative = log(20.0) - log(50.0) + log(9 / 20.0) + log(1 / 20.0)
    positive = log(30.0) - log(50.0) + log(2 / 30.0) + log(5 / 30.0)
    score = own.score_many(["bad ， thanks"])[0]
    assert score.version == "own-1"
    assert score.value == pytest.approx(1 / (1 + exp(negative - positive)), rel=1e-12)


@pytest.mark.parametrize(("word", "value"), [("bad", 0.0), ("fine", 1.0)])
def test_overwhelming_evidence_ends_at_the_very_edge_as_in_the_package(word: str, value: float) -> None:
    words = {"neg": {"bad": 10**6}, "pos": {"fine": 10**6}}
    edge = SnowScorer(Lexicon(("neg", "pos"), words, {"neg": 2e6, "pos": 2e6}, 4e6, frozenset()), "edge")
    assert edge.score_many([f"{word} " * 200])[0].value == value


def test_the_benchmark_sees_a_value_and_a_cut_that_are_not_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = scoring.check(TEXTS)
    assert (sound["values_that_differ"], sound["largest_difference"], sound["texts_cut_differently"]) == (0, 0.0, 0)
    values, words = SnowScorer.values, SnowScorer.words
    monkeypatch.setattr(SnowScorer, "values", lambda self, texts: values(self, texts) | {TEXTS[0]: 0.25})
    monkeypatch.setattr(SnowScorer, "words", lambda self, texts: [[TEXTS[0]], *words(self, texts)[1:]])
    broken = scoring.check(TEXTS)
    assert (broken["values_that_differ"], broken["texts_cut_differently"]) == (1, 1)
    assert broken["largest_difference"] > 0
