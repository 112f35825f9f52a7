"""Asks of a group of mentions that hold the same bursting terms whether it is a matter many people speak of. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_MENTIONS, LEAST_AUTHORS = 3, 3
MOST_COPIES = 0.8
PEOPLE = 10
"""Authors from which even a text that nearly all of them copied is let through: copies are shown, not hidden."""
SPECIFIC = 6.0
"""Surprise that half of the mentions must share: two rare words, or a rare name."""
DENSE_Z, DENSE_MENTIONS, DENSE_MINUTES, DENSE_SURPRISE = 8.0, 4, 120, 1.8
"""Or one common word, when it comes as fast as that."""
THREAD_MENTIONS = 5
"""Posts under one post that make it a stir."""


@dataclass(frozen=True)
class Evidence:
    """A group in numbers; `surprise` is the middle mention's sum of -log p over the group's terms it holds."""

    mentions: int
    authors: int
    texts: int
    minutes: int
    surprise: float
    z: float


def is_matter(found: Evidence, sure: bool = False) -> bool:
    """Whether the group becomes an issue; `sure`: what bursts is a topic at a place, and it says what it is about."""
    if found.mentions < LEAST_MENTIONS or found.authors < LEAST_AUTHORS:
        return False
    if found.texts < (1 - MOST_COPIES) * found.mentions and found.authors < PEOPLE:
        return False
    if sure:
        return found.authors > LEAST_AUTHORS
    dense = found.z >= DENSE_Z and found.mentions >= DENSE_MENTIONS and found.minutes <= DENSE_MINUTES
    return found.surprise >= SPECIFIC or (dense and found.surprise >= DENSE_SURPRISE)
