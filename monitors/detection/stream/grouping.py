"""Makes groups of the terms that burst together and of the mentions that hold them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOGETHER = 0.45
"""Cosine of two terms' mentions, |A ∩ B| / sqrt(|A| |B|), from which they are of one matter."""
MOST_TERMS = 600
MOST_MENTIONS = 1500


@dataclass(frozen=True)
class Group:
    """Mentions, by number, that hold at least `hold` of the same bursting terms; and those terms."""

    mentions: NDArray[np.int32]
    terms: NDArray[np.int32]


def group(mentions: NDArray[np.int32], terms: NDArray[np.int32], strength: dict[int, float]) -> list[Group]:
    """Groups of (mention, term) pairs, largest first; `strength` ranks the terms where there are too many."""
    names = sorted(set(terms.tolist()), key=lambda term: (-strength.get(term, 0.0), term))[:MOST_TERMS]
    place = {term: at for at, term in enumerate(names)}
    kept = np.array([place.get(term, -1) for term in terms.tolist()], np.int32)
    numbers = np.unique(mentions[kept >= 0])[-MOST_MENTIONS:]
    inside = (kept >= 0) & (mentions >= (numbers[0] if len(numbers) else 0))
    held = np.zeros((len(numbers), len(names)), np.float32)
    held[np.searchsorted(numbers, mentions[inside]), kept[inside]] = 1
    sizes = held.sum(0)
    common = held.T @ held
    near = common >= TOGETHER * np.sqrt(np.outer(sizes, sizes))
    near &= (common >= 2) & (sizes >= 2)[:, None]
    groups = []
    for members in _components(near):
        share = held[:, members]
        least = 2 if len(members) > 2 else 1
        speaking = numbers[share.sum(1) >= least]
        if len(speaking) > 1:
            groups.append(Group(speaking, np.array([names[at] for at in members], np.int32)))
    return sorted(groups, key=lambda found: (-len(found.mentions), int(found.terms.min())))


def _components(near: NDArray[np.bool_]) -> list[list[int]]:
    """Connected components of a symmetric relation, as lists of positions in order."""
    free = np.ones(len(near), bool)
    found = []
    for start in range(len(near)):
        if not free[start] or not near[start].any():
            continue
        part = np.zeros(len(near), bool)
        edge = np.zeros(len(near), bool)
        edge[start] = True
        while edge.any():
            part |= edge
            edge = near[edge].any(0) & ~part
        free &= ~part
        found.append(np.flatnonzero(part).tolist())
    return found
