"""Reads the labelled and unlabelled sets the scorer is trained on, from a directory that is only ever read.

Tab-separated, gzip, with a header line. Order of rows is the file's; nothing is kept between calls.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitors.text.grams import read

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
SETS = ("weibo_senti_24k", "smp2020_usual", "nlpcc2013_sent", "waimai_10k", "online_shopping_10", "eprstmt")
BY_EMOTICON = frozenset({"weibo_senti_24k"})
"""Sets whose labels were read off the emoticons in the texts: these are cut, or nothing else would be learned."""
_GLAD = """
哈哈 嘻嘻 鼓掌 爱你 太开心 可爱 心 赞 good 给力 威武 亲亲 花心 耶 爱心传递 笑哈哈 蛋糕 馋嘴
"""
_UPSET = """
泪 怒 抓狂 衰 晕 汗 吃惊 失望 悲伤 鄙视 怒骂 弱 吐 伤心 哼 黑线 委屈 可怜 生病 惊恐 挖鼻屎
"""
GLAD, UPSET = frozenset(_GLAD.split()), frozenset(_UPSET.split())
GLAD_EMOJI, UPSET_EMOJI = "😊😄😁😍🥰😘👍👏🎉🌹💐❤💪", "😡😠🤬😭😢😞😤😱👎💔🤮"
SHORTEST = 4  # letters of an unlabelled text that can teach anything
_EMOTICON = re.compile(r"\[([\w一-鿿]{1,8})\]")
_POLARITY = {"neg": NEGATIVE, "neu": NEUTRAL, "pos": POSITIVE}
csv.field_size_limit(10**7)


@dataclass(frozen=True)
class Corpus:
    """Texts and their labels (0 negative, 1 neutral, 2 positive), in the file's order."""

    name: str
    texts: list[str]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, kept: NDArray[np.int64] | NDArray[np.bool_]) -> Corpus:
        """The rows of an index or mask."""
        places = np.arange(len(self))[kept]
        return Corpus(self.name, [self.texts[place] for place in places], self.labels[places])


def without_emoticons(text: str) -> str:
    """The text with every [..] taken out."""
    return _EMOTICON.sub(" ", text)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of one tab-separated gzip file; FileNotFoundError names what is missing."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")


def labelled(directory: Path, name: str, strip: bool | None = None) -> Corpus:
    """One set of `SETS`; emoticons are cut where labels came from them, or as `strip` says."""
    rows = list(read_rows(directory / "sentiment" / f"{name}.tsv.gz"))
    cut = name in BY_EMOTICON if strip is None else strip
    texts = [without_emoticons(row["text"]) if cut else row["text"] for row in rows]
    return Corpus(name, texts, np.array([_POLARITY[row["polarity"]] for row in rows], np.int64))


def by_emoticon(directory: Path) -> Corpus:
    """Reposts and comments whose emoticons are all glad or all upset, these cut out: labels of the same doubtful kind
    as weibo_senti's, but of conversations. Equal texts once."""
    texts: dict[str, int] = {}
    for row in read_rows(directory / "cascades" / "reposts.tsv.gz"):
        shown = set(_EMOTICON.findall(row["text"]))
        glad, upset = bool(shown & GLAD), bool(shown & UPSET)
        text = read(without_emoticons(row["text"]))
        if glad != upset and len(text) >= SHORTEST:
            texts.setdefault(text, POSITIVE if glad else NEGATIVE)
    return Corpus("reposts by emoticon", list(texts), np.array(list(texts.values()), np.int64))


def emoticons() -> Corpus:
    """Every emoticon and emoji of the lists as a text of its own: sets whose emoticons are cut say nothing of them."""
    glad = [f"[{name}]" for name in sorted(GLAD)] + list(GLAD_EMOJI)
    upset = [f"[{name}]" for name in sorted(UPSET)] + list(UPSET_EMOJI)
    labels = [POSITIVE] * len(glad) + [NEGATIVE] * len(upset)
    return Corpus("emoticons", [*glad, *upset], np.array(labels, np.int64))


def offensive(directory: Path) -> Corpus:
    """COLD's offensive posts, a weak sign of a negative text."""
    rows = read_rows(directory / "offensive" / "cold.tsv.gz")
    texts = [row["text"] for row in rows if row["label"] == "offensive"]
    return Corpus("offensive", texts, np.zeros(len(texts), np.int64))


def unlabelled(directory: Path, most: int) -> list[str]:
    """Texts without any label the scorer uses: reposts and comments and COLD's posts, sorted, each once; an even
    choice of `most`."""
    found = {read(without_emoticons(row["text"])) for row in read_rows(directory / "cascades" / "reposts.tsv.gz")}
    found |= {read(without_emoticons(row["text"])) for row in read_rows(directory / "offensive" / "cold.tsv.gz")}
    texts = sorted(text for text in found if len(text) > SHORTEST)
    return [texts[place] for place in np.linspace(0, len(texts) - 1, min(most, len(texts))).astype(int)]
