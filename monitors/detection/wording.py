"""The title and the quotations of an issue: what people say, in their own clearest words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from monitors import text as reading
from monitors.detection.gates import Said

SHORTEST, LONGEST = 6, 28
TITLE_TERMS = 3
LONGEST_ITEM = 24
SAMPLE = 2000  # mentions read for a title; enough for any burst


def title(voice: str, terms: Sequence[str], item: str = "") -> str:
    """A title such as 自来水发黄有异味（发黄、异味、青禾苑）——见于《关于停水的通告》: people's words first.

    `voice` is the clearest clause, or empty; `item` the title of what it is said under, or empty.
    """
    head = "、".join(terms[:TITLE_TERMS])
    words = f"{voice}（{head}）" if voice and head and voice != head else voice or head
    if not item:
        return words
    short = item if len(item) <= LONGEST_ITEM else item[: LONGEST_ITEM - 1] + "…"
    return f"{words}——见于《{short}》" if words else f"《{short}》下的议论明显增多"


def common_terms(said: Collection[Said], limit: int = 10) -> list[str]:
    """The words that at least three distinct authors and one mention in fifty hold, most held first."""
    holders: dict[str, set[str]] = {}
    for one in said:
        for word in reading.terms_of(reading.own_words(one.text)):
            holders.setdefault(word, set()).add(one.author)
    least = max(3, len(said) / 50)
    ranked = sorted(holders, key=lambda word: (-len(holders[word]), word))
    return [word for word in ranked if len(holders[word]) >= least][:limit]


def clearest_clause(said: Collection[Said], terms: Sequence[str]) -> str:
    """The clause of 6 to 28 characters that holds most of what the others talk about; empty when there is none.

    A clause's worth is the weight of the issue's terms in it (a term weighs the share of mentions that hold it) plus
    that of the words it has in common with other mentions, over the root of its length; ties go to the more repeated.
    """
    sample = list(said)[:SAMPLE]
    spoken = Counter(word for one in sample for word in reading.terms_of(reading.own_words(one.text)))
    rank = dict.fromkeys(terms, 2.0)
    repeats: Counter[str] = Counter()
    worth: dict[str, float] = {}
    for clause in (clause for one in sample for clause in reading.clauses(one.text)):
        if SHORTEST <= len(clause) <= LONGEST:
            repeats[clause] += 1
            words = reading.terms_of(clause)
            weight = sum(spoken[word] * rank.get(word, 1.0) for word in words if spoken[word] > 1)
            worth[clause] = weight / len(clause) ** 0.5
    best = max(worth, key=lambda clause: (worth[clause] * (1 + repeats[clause]) ** 0.25, clause), default="")
    return best if worth.get(best) else ""


def top_posts(said: Collection[Said], terms: Sequence[str], limit: int = 5) -> list[Said]:
    """The mentions that say most of it, liked ones first; copies and junk left out."""
    wanted = set(terms)

    def rank(one: Said) -> tuple[int, int, float]:
        held = wanted & set(reading.terms_of(reading.own_words(one.text)))
        return min(one.likes, 1000) + 2 * len(held), len(held), -one.posted_at.timestamp()

    chosen: dict[str, Said] = {}
    for one in sorted(said, key=rank, reverse=True):
        if not reading.is_junk(reading.clean(one.text)):
            chosen.setdefault(reading.print_of(one.text), one)
        if len(chosen) >= limit:
            break
    return list(chosen.values())
