"""A message or comment as numbers for the attitude model: hashed grams of title and text in two blocks, and cues. Pure.

Knows no label; which grams are kept and what each is worth is the trained model's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.text.grams import Grams, grams, read

BITS = 18  # grams are hashed into 2 ** 18 buckets
TITLE_SHARE, CUE_SHARE = 1.0, 0.3  # length of the title's block and of one cue beside the text's 1
HEAD, TAIL = 220, 70  # characters of a long text that are looked at: what it opens with and what it asks for
LONGEST_CUED = 60  # characters at either end that cues are looked for in
LENGTHS = (8, 20, 60, 150, 290)  # characters of a text that part short from long
CUES = tuple(
    re.compile(cue)
    for cue in (
        "请问|咨询|想问|问一下|了解一下",
        "如何|怎么办理|怎样|何时|什么时候|哪里|哪些|多少|多久",
        "是否|能否|可否|有没有|可以.{0,12}吗",
        "建议|提议|倡议|应该|应当|不妨|希望.{0,12}(增|设|改|加)",
        "感谢|谢谢|表扬|点赞|致谢|辛苦了|好评|锦旗",
        "举报|投诉|检举",
        "违法|非法|违规|诈骗|违章|偷|骗",
        "求助|救救|求救|救命|帮帮|走失|急寻|急需",
        "要求|请求|恳请|恳求|强烈",
        "质疑|凭什么|为什么|为何|合理|合法|依据|公平",
        "真的吗|真的假的|假的|谣言|辟谣|求证|不信",
        "支持|加油|祝|平安|顶|给力|威武",
        "呵呵|哈哈|嘻嘻|笑死|厉害了",
        "听说|据说|网传|朋友说|同事说|亲眼",
        "严重|扰民|噪音|噪声|污染|没人管|无人|至今|一直",
        "工资|薪|拖欠|欠款|血汗",
        r"\?",
        "!",
    )
)
COUNT = 3 * len(CUES) + len(LENGTHS) + 2  # cues in title, head and tail; lengths; title there or not


@dataclass(frozen=True)
class Message:
    """What somebody wrote: a title (empty for a comment) and a text, which may begin with the title again."""

    title: str | None
    text: str | None


@dataclass(frozen=True)
class Reading:
    """Messages as the model reads them: grams of titles and texts, and cues of shape (messages, COUNT) of 0 and 1."""

    titles: Grams
    bodies: Grams
    cues: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.cues)


@dataclass(frozen=True)
class Entries:
    """A sparse matrix: row `rows[i]` has `values[i]` in column `columns[i]`; rows ascend."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    shape: tuple[int, int]

    def times(self, weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """(rows, outputs): this matrix times weights (columns, outputs)."""
        total = np.zeros((self.shape[0], weights.shape[1]))
        for output in range(weights.shape[1]):
            parts = weights[self.columns, output] * self.values
            total[:, output] = np.bincount(self.rows, parts, self.shape[0])
        return total


@dataclass(frozen=True)
class Block:
    """The buckets a model keeps, ascending, and what each is worth."""

    kept: NDArray[np.int64]
    worth: NDArray[np.float32]

    def entries(self, found: Grams) -> Entries:
        """The kept grams of every text times their worth, each row of length 1 (or empty)."""
        rows = np.repeat(np.arange(len(found), dtype=np.int64), np.diff(found.bounds))
        if not len(self.kept):
            return Entries(rows[:0], rows[:0], np.zeros(0, np.float32), (len(found), 0))
        at = np.minimum(np.searchsorted(self.kept, found.indices), len(self.kept) - 1)
        known = self.kept[at] == found.indices
        rows, at = rows[known], at[known]
        worth = self.worth[at]
        length = np.sqrt(np.bincount(rows, worth.astype(np.float64) ** 2, len(found)))
        return Entries(rows, at, (worth / length[rows]).astype(np.float32), (len(found), len(self.kept)))


@dataclass(frozen=True)
class Layout:
    """Which column is what: kept grams of the title, kept grams of the text, cues."""

    titles: Block
    bodies: Block

    def entries(self, reading: Reading) -> Entries:
        """The matrix of messages, shape (messages, kept of title + kept of text + COUNT)."""
        titles, bodies = self.titles.entries(reading.titles), self.bodies.entries(reading.bodies)
        rows, cues = np.nonzero(reading.cues)
        first, second = titles.shape[1], titles.shape[1] + bodies.shape[1]
        parts = (
            (titles.rows, titles.columns, titles.values * np.float32(TITLE_SHARE)),
            (bodies.rows, bodies.columns + first, bodies.values),
            (rows, cues + second, np.full(len(rows), CUE_SHARE, np.float32)),
        )
        return Entries(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
            (len(reading), second + COUNT),
        )


def title_and_body(message: Message) -> tuple[str, str]:
    """Both as models read them; a title repeated at the text's head is cut, a long text is its head and tail."""
    shown, text = (message.title or "").strip(), (message.text or "").strip()
    if shown and text.startswith(shown):
        text = text[len(shown) :].lstrip("。.!！?？ 　\n")
    body = read(text)
    if len(body) > HEAD + TAIL:
        body = f"{body[:HEAD]} {body[-TAIL:]}"
    return read(shown), body


def read_messages(messages: Sequence[Message]) -> Reading:
    """Messages as the model reads them; blank ones have no gram and only say how short they are."""
    pairs = [title_and_body(message) for message in messages]
    cues = np.array([_cues(*pair) for pair in pairs], np.float32).reshape(len(pairs), COUNT)
    return Reading(_grams([title for title, _ in pairs]), _grams([body for _, body in pairs]), cues)


def _grams(texts: Sequence[str]) -> Grams:
    """The 1- to 3-grams of texts; an empty text has none, not even of its two ends."""
    full = [at for at, text in enumerate(texts) if text]
    found = grams([texts[at] for at in full], BITS)
    counts = np.zeros(len(texts), np.int64)
    counts[full] = np.diff(found.bounds)
    return Grams(found.indices, np.concatenate(([0], np.cumsum(counts))).astype(np.int64))


def _cues(title: str, body: str) -> list[float]:
    places = (title, body[:LONGEST_CUED], body[-LONGEST_CUED:])
    found = [float(cue.search(place) is not None) for place in places for cue in CUES]
    return [*found, *(float(len(body) >= length) for length in LENGTHS), float(bool(title)), float(not title)]
