"""Tells what people say from what our own item said first: its words are expected under it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from monitors import text as reading
from monitors.detection.gates import MIN_AUTHORS, Said

SHORTEST_QUOTE = 4
"""Letters from which a text that stands in the item word for word is a quotation of it."""
SHARED_WORD = 0.2
"""Share of the authors of a burst who must have a further word in common for it to be more than the item's own."""


@dataclass(frozen=True)
class OwnWords:
    """What one item of ours says: `headline` is its title and summary, `print` all its letters, body included."""

    headline: str
    print: str

    @classmethod
    def of(cls, title: str, summary: str, body_text: str) -> OwnWords:
        """The words of one revision; `body_text` without tags."""
        return cls(f"{title}\n{summary}".lower(), "\n".join(map(reading.print_of, (title, summary, body_text))))


def beyond(said: Collection[Said], own: Mapping[int, OwnWords]) -> list[Said]:
    """The mentions that say more than the item they stand under; `own` maps an item to its words.

    A notice about a stop of the water fills with the words of the notice: they prove that it is read, not that there
    is a grievance. So two kinds are taken out before the gate asks how many people speak: quotations (every letter
    stands in the item), and mentions in which nothing but the headline's words is shared with others. A word that is
    not the headline's counts as shared when at least MIN_AUTHORS and a fifth of the burst's authors have it; a
    complaint brings such a word along (发黄), a repeated notice does not. Mentions under no known item all stay.
    """
    spoken = [one for one in said if not _is_quotation(one, own)]
    holders: dict[str, set[str]] = {}
    for one in spoken:
        for word in _further_words(one, own):
            holders.setdefault(word, set()).add(one.author)
    least = max(MIN_AUTHORS, SHARED_WORD * len({one.author for one in said}))
    shared = {word for word, authors in holders.items() if len(authors) >= least}
    return [one for one in spoken if one.article_id not in own or shared & set(_further_words(one, own))]


def not_quoted(said: Collection[Said], own: Mapping[int, OwnWords]) -> list[Said]:
    """The mentions that are not word for word in the item they stand under; for a whole item's stir."""
    return [one for one in said if not _is_quotation(one, own)]


def is_expected(term: str, said: Collection[Said], own: Mapping[int, OwnWords]) -> bool:
    """Whether a burst's term stands in the headline of the items most of its mentions are under."""
    headlines = [own[one.article_id].headline for one in said if one.article_id is not None and one.article_id in own]
    at_home = sum(term.lower() in headline for headline in headlines)
    return 2 * at_home > len(said)


def _is_quotation(one: Said, own: Mapping[int, OwnWords]) -> bool:
    words = own.get(one.article_id or 0)
    mark = reading.print_of(one.text)
    return words is not None and len(mark) >= SHORTEST_QUOTE and mark in words.print


def _further_words(one: Said, own: Mapping[int, OwnWords]) -> list[str]:
    words = own.get(one.article_id or 0)
    headline = words.headline if words else ""
    return [word for word in reading.terms_of(reading.own_words(one.text)) if word.lower() not in headline]
