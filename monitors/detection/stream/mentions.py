"""What the stream detector is fed with: one mention as it comes, and the order in which mentions are taken. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Heard:
    """One mention: `at` in epoch seconds, `author` a name or hash (empty: nobody named), `source` where it was read.

    `under` is the id of the post it was written under, when the source tells; a post stands under itself.
    """

    id: str
    at: float
    author: str
    source: str
    text: str
    under: str = ""


def minute_of(at: float) -> int:
    """The minute of an instant, counted from the epoch; finer differences of time are not looked at."""
    return int(at // MINUTE_S)


def in_order(heard: Iterable[Heard]) -> list[Heard]:
    """By minute, inside a minute by id: however a minute's mentions are shuffled, the order is the same."""
    return sorted(heard, key=lambda one: (minute_of(one.at), one.id))
