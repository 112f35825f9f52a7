"""Compares found issues with the injected events: recall, false issues, B-cubed F1 of the members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.injected.playing import Event, Played

LARGE = 20
LEAST_MEMBERS = 3
Found = Sequence[Sequence[str]]
"""The members of each found issue, by mention id."""


def judge(played: Played, found: Found) -> dict[str, Any]:
    """The figures of one detector on one stream.

    An issue is an event's when at least half of its members, and at least three, are the event's posts; it is a
    background cascade's likewise; every other issue is false.
    """
    event_of = {each: number for number, event in enumerate(played.events) for each in event.ids}
    hit: Counter[int] = Counter()
    cascades = false = 0
    for members in found:
        of_events = Counter(event_of[each] for each in members if each in event_of)
        of_cascades = Counter(played.cascade_of[each] for each in members if each in played.cascade_of)
        if _most(of_events) >= max(LEAST_MEMBERS, len(members) / 2):
            hit[of_events.most_common(1)[0][0]] += 1
        elif _most(of_cascades) >= len(members) / 2:
            cascades += 1
        else:
            false += 1
    return {
        "issues": len(found),
        **_recalls(played.events, hit),
        "false_issues": false,
        "false_per_2000_background_posts": round(2000 * false / played.background, 2),
        "issues_of_background_cascades": cascades,
        "issues_per_found_event": round(sum(hit.values()) / max(1, len(hit)), 2),
        "b_cubed": b_cubed(played.events, found),
        "b_cubed_of_found_events": b_cubed([played.events[number] for number in sorted(hit)], found),
        **{f"b_cubed_{what}": b_cubed([event for event in played.events if event.made_of == what], found)
           for what in ("cascade", "messages")},
    }  # fmt: skip


def _recalls(events: Sequence[Event], hit: Mapping[int, int]) -> dict[str, Any]:
    figures = {}
    for name, wanted in (("large", True), ("small", False)):
        for made_of in ("", "cascade", "messages"):
            numbers = [
                number for number, event in enumerate(events)
                if (len(event.ids) >= LARGE) == wanted and made_of in ("", event.made_of)
            ]  # fmt: skip
            share = sum(number in hit for number in numbers) / len(numbers) if numbers else None
            figures[f"recall_{name}" + (f"_{made_of}" if made_of else "")] = None if share is None else round(share, 3)
    return figures


def b_cubed(events: Sequence[Event], found: Found) -> dict[str, float]:
    """B-cubed (Bagga, Baldwin 1998) over the events' posts; a post in no issue stands alone."""
    home = {each: number for number, members in enumerate(found) for each in members}
    sizes = Counter(home.values())
    precision = recall = 0.0
    posts = sum(len(event.ids) for event in events)
    for event in events:
        inside = Counter(home[each] for each in event.ids if each in home)
        alone = len(event.ids) - sum(inside.values())
        precision += sum(count * count / sizes[number] for number, count in inside.items()) + alone
        recall += (sum(count * count for count in inside.values()) + alone) / len(event.ids)
    if not posts:
        return {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    precision, recall = precision / posts, recall / posts
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}


def _most(counts: Counter[Any]) -> int:
    return max(counts.values(), default=0)
