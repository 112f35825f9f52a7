"""Word-level comparison of two texts, for people who must see what changed. Pure apart from the word list of jieba."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from core.lexicon import jieba


@dataclass(frozen=True)
class Piece:
    """A run of words that is `same`, `added` or `cut`."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """Pieces which, without the cut ones, give `new`, and without the added ones, give `old`."""
    before, after = jieba().lcut(old), jieba().lcut(new)
    pieces: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[a:b])))
            continue
        if a < b:
            pieces.append(Piece("cut", "".join(before[a:b])))
        if c < d:
            pieces.append(Piece("added", "".join(after[c:d])))
    return pieces


def changed(pieces: list[Piece]) -> bool:
    """True when anything was added or cut."""
    return any(piece.kind != "same" for piece in pieces)
