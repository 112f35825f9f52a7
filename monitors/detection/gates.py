"""Asks of the mentions behind a burst whether many people say it in their own words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from monitors import text as reading

MIN_MENTIONS = 5
MIN_AUTHORS = 4
MAX_COPY_SHARE = 0.8
SHORT_BASELINE_BINS = 96
"""Quarters of an hour read so far under which there is no baseline yet: one day."""
SHORT_MENTIONS = 20
SHORT_AUTHORS = 10
ITEM_MENTIONS = 50
ITEM_AUTHORS = 30
"""A new item has no past: its stir as a whole becomes an issue only when it is large."""
UNNAMED = 3
"""How many times as large it must be while only the item's own words stand out: it is read, not complained of."""


@dataclass(frozen=True)
class Said:
    """One mention as evidence: who said what under which item, where and when."""

    mention_id: int
    author: str
    text: str
    posted_at: datetime
    source_id: int
    channel: str
    kind: str
    label: str
    article_id: int | None = None
    likes: int = 0
    demo: bool = False


@dataclass(frozen=True)
class Voices:
    """How many people say it, and in how many words of their own."""

    mentions: int
    authors: int
    sources: int
    negative: int
    copy_share: float


def listen(said: Collection[Said]) -> Voices:
    """Count mentions, distinct authors and sources, negative ones and the share that repeats another's text.

    An unnamed author counts as one person; texts without words cannot be copies.
    """
    prints = Counter(mark for one in said if (mark := reading.print_of(one.text)))
    repeated = sum(prints.values()) - len(prints)
    return Voices(
        mentions=len(said),
        authors=len({one.author for one in said}),
        sources=len({one.source_id for one in said}),
        negative=sum(one.label == "negative" for one in said),
        copy_share=repeated / sum(prints.values()) if prints else 0.0,
    )


def many_people(voices: Voices, baseline_bins: int) -> bool:
    """Whether a word's burst may become an issue; without a baseline it takes more people.

    A text copied by very many people is let through: the copies are shown, not hidden.
    """
    short = baseline_bins < SHORT_BASELINE_BINS
    return _enough(voices, *((SHORT_MENTIONS, SHORT_AUTHORS) if short else (MIN_MENTIONS, MIN_AUTHORS)))


def large_stir(voices: Voices, named: bool) -> bool:
    """Whether everything said under an item may become an issue; `named`: a word that is not the item's own bursts."""
    times = 1 if named else UNNAMED
    return _enough(voices, times * ITEM_MENTIONS, times * ITEM_AUTHORS)


def _enough(voices: Voices, mentions: int, authors: int) -> bool:
    if voices.mentions < mentions or voices.authors < authors:
        return False
    return voices.copy_share <= MAX_COPY_SHARE or voices.authors >= SHORT_AUTHORS
