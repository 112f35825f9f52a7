"""Makes one issue out of terms that burst together: they share mentions, or belong to one item's stir. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import TypeVar

from monitors.detection.series import Alarm

Item = TypeVar("Item")
ITEM_MARK = "#"
"""Begins the pseudo term that stands for everything said under one item; no word of a text begins with it."""
SHARED = 0.34
"""Overlap |A ∩ B| / min(|A|, |B|) of two terms' mentions from which they are one issue."""
MAIN_ITEM = 0.6
"""Share of a cluster's mentions under one item from which the cluster is about that item."""
EXPLAINED = 0.5
"""Share of an item's stir its topics must hold for them to stand alone; below it the stir as a whole is the issue."""
SMALL = 0.3
"""A cluster under this share of the largest one about the same item is a side remark of it."""


@dataclass(frozen=True)
class Burst:
    """One term in one episode: its alarms and the mentions that hold it in the alarmed bins.

    `expected`: the item talked about has the term in its headline, so it does not name what people say.
    """

    term: str
    alarms: tuple[Alarm, ...]
    mentions: frozenset[int]
    expected: bool = False

    @property
    def peak(self) -> Alarm:
        """The alarm that stands out most."""
        return max(self.alarms, key=lambda alarm: alarm.z)

    @property
    def is_item(self) -> bool:
        """Whether this is a whole item's stir and not a word's."""
        return self.term.startswith(ITEM_MARK)


@dataclass
class Cluster:
    """Terms that make one issue, strongest first, with all their mentions."""

    bursts: list[Burst]
    mentions: set[int] = field(default_factory=set)
    article_id: int | None = None

    @property
    def terms(self) -> list[str]:
        """The terms: the items' own words last; first what most mentions hold, then what stands out most."""
        ranked = sorted(
            self.bursts, key=lambda burst: (burst.expected, -len(burst.mentions), -burst.peak.z, burst.term)
        )
        return list(dict.fromkeys(burst.term for burst in ranked if not burst.is_item))

    @property
    def peak(self) -> Burst:
        """The burst that stands out most; one of the item's own words only when there is no other."""
        return max(self.bursts, key=lambda burst: (not burst.expected, burst.peak.z, burst.term))


def merge(bursts: Iterable[Burst], item_of: Mapping[int, int | None]) -> list[Cluster]:
    """Clusters of bursts, largest first. `item_of` maps a mention to the item it stands under.

    Words said under many items come last: one that would tie clusters about different items together names none.
    """
    ranked = sorted(bursts, key=lambda burst: (-len(burst.mentions), burst.term))
    homes = {burst.term: main_item(burst.mentions, item_of) for burst in ranked}
    words = sorted((burst for burst in ranked if not burst.is_item), key=lambda burst: homes[burst.term] is None)
    clusters: list[Cluster] = []
    for burst in words:
        near = [cluster for cluster in clusters if _overlap(cluster, burst) >= SHARED]
        if len({cluster.article_id for cluster in near}) > 1:
            continue
        joined = Cluster([burst], set(burst.mentions))
        for cluster in near:
            joined.bursts += cluster.bursts
            joined.mentions |= cluster.mentions
            clusters.remove(cluster)
        joined.article_id = main_item(joined.mentions, item_of)
        clusters.append(joined)
    for burst in ranked:
        if burst.is_item:
            clusters = _with_stir(clusters, burst)
    return _fold_side_remarks(clusters)


def main_item(mentions: Iterable[int], item_of: Mapping[int, int | None]) -> int | None:
    """The item most of the mentions stand under, or None when they are spread."""
    counts = Counter(item_of.get(mention) for mention in mentions)
    total = sum(counts.values())
    item, count = counts.most_common(1)[0] if counts else (None, 0)
    return item if total and count >= MAIN_ITEM * total else None


def overlap(left: Set[Item], right: Set[Item]) -> float:
    """|A ∩ B| / min(|A|, |B|), 0 when one is empty."""
    return len(left & right) / min(len(left), len(right)) if left and right else 0.0


def _with_stir(clusters: list[Cluster], stir: Burst) -> list[Cluster]:
    """Let an item's topics stand, or make one issue of the whole stir when they hold too little of it."""
    article_id = int(stir.term.removeprefix(ITEM_MARK))
    topics = [cluster for cluster in clusters if cluster.article_id == article_id and cluster.mentions & stir.mentions]
    held: set[int] = set().union(*(cluster.mentions for cluster in topics))
    if len(held & stir.mentions) >= EXPLAINED * len(stir.mentions):
        return clusters
    whole = Cluster([stir], set(stir.mentions) | held, article_id)
    whole.bursts += [burst for cluster in topics for burst in cluster.bursts]
    return [*(cluster for cluster in clusters if cluster not in topics), whole]


def _overlap(cluster: Cluster, burst: Burst) -> float:
    return max(overlap(member.mentions, burst.mentions) for member in cluster.bursts)


def _fold_side_remarks(clusters: list[Cluster]) -> list[Cluster]:
    kept: list[Cluster] = []
    for cluster in sorted(clusters, key=lambda cluster: (-len(cluster.mentions), cluster.terms)):
        host = next((big for big in kept if _is_side_remark(cluster, big)), None)
        if host:
            host.bursts += cluster.bursts
            host.mentions |= cluster.mentions
        else:
            kept.append(cluster)
    return kept


def _is_side_remark(cluster: Cluster, big: Cluster) -> bool:
    same = cluster.article_id is not None and cluster.article_id == big.article_id
    return same and len(cluster.mentions) < SMALL * len(big.mentions)
