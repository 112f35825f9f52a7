"""A citizen's message as numbers: hashed character grams of title and text in two blocks, counted by sentences. Pure.

Knows no class; which grams are kept and what each is worth is the trained model's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.text.grams import grams, read

BITS = 18  # grams are hashed into 2 ** 18 buckets
TITLE_SHARE = 0.7  # squared length of the title's block beside the text's 1
LONGEST_TITLE = 60  # characters of a first sentence that stand in for a missing title
_STOP = re.compile(r"[。！？!?；;\n]+")


@dataclass(frozen=True)
class Message:
    """What a citizen sent: a title (may be empty) and a text, which may begin with the title again."""

    title: str
    text: str


@dataclass(frozen=True)
class Counted:
    """Row i holds buckets `indices[bounds[i]:bounds[i + 1]]`, ascending, each in `counts` of the row's sentences."""

    indices: NDArray[np.int64]
    counts: NDArray[np.float32]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1


def title_and_body(message: Message) -> tuple[str, str]:
    """Both as models read them; a title repeated at the text's head is cut, a missing one is the first sentence."""
    title, text = read(message.title), message.text.strip()
    shown = message.title.strip()
    if shown and text.startswith(shown):
        text = text[len(shown) :].lstrip("。.!！?？ 　\n")
    body = read(text)
    return title or (sentences(body)[0][:LONGEST_TITLE]), body


def sentences(text: str) -> list[str]:
    """The non-blank sentences of a text in order; one empty sentence when there are none."""
    return [part for part in _STOP.split(text) if part.strip()] or [""]


def counted(texts: Sequence[str]) -> Counted:
    """The 1- to 3-grams of read texts, each with the number of sentences it stands in."""
    parts = [sentences(text) for text in texts]
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), [len(part) for part in parts])
    found = grams([sentence for part in parts for sentence in part], BITS)
    rows = np.repeat(owner, np.diff(found.bounds))
    keys, counts = np.unique(rows << BITS | found.indices, return_counts=True)
    bounds = np.concatenate(([0], np.cumsum(np.bincount(keys >> BITS, minlength=len(texts)))))
    return Counted(keys & ((1 << BITS) - 1), counts.astype(np.float32), bounds.astype(np.int64))


@dataclass(frozen=True)
class Block:
    """The buckets a model keeps, ascending, and what each is worth (its inverse document frequency)."""

    kept: NDArray[np.int64]
    worth: NDArray[np.float32]

    def rows(self, texts: Counted) -> NDArray[np.float32]:
        """(texts, kept): sentence counts times worth, every row of length 1 (0 when nothing is kept of it)."""
        at = np.minimum(np.searchsorted(self.kept, texts.indices), len(self.kept) - 1)
        known = self.kept[at] == texts.indices
        row = np.repeat(np.arange(len(texts)), np.diff(texts.bounds))[known]
        table = np.zeros((len(texts), len(self.kept)), np.float32)
        table[row, at[known]] = texts.counts[known] * self.worth[at[known]]
        length = np.sqrt(np.square(table).sum(axis=1, keepdims=True))
        return np.divide(table, length, out=table, where=length > 0)


@dataclass(frozen=True)
class Reading:
    """The two blocks of a model."""

    titles: Block
    bodies: Block

    def rows(self, titles: Counted, bodies: Counted) -> NDArray[np.float32]:
        """(messages, kept of both): the title's block weighted by the root of TITLE_SHARE, then the text's."""
        return np.hstack([self.titles.rows(titles) * np.float32(TITLE_SHARE**0.5), self.bodies.rows(bodies)])
