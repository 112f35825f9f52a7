"""How a spider walks a newest-first list from its top down to what it already has, over many runs. Pure.

State of one list (JSON in Source.cursor): `since` the id up to which nothing is read again, `open` an unfinished walk
(`since` it goes down to, `max` the id to go on with, `seen` rows so far, `next` the coming `since`), `at` epoch seconds
of the last finished walk, `deep` of the last one from the very start. The newest `reread` rows are read in every walk,
so that rows that show up late or out of order are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

State = dict[str, Any]
ABSENT_PAUSE_S = 3_600.0


@dataclass(frozen=True)
class Query:
    """What to ask next: ids greater than `since_id`, and up to `max_id` (0: from the newest)."""

    since_id: int
    max_id: int


def next_query(state: State) -> Query:
    """The next page of the open walk, or the first page of a new one."""
    walk = state.get("open")
    if walk:
        return Query(int(walk["since"]), int(walk["max"]))
    return Query(int(state.get("since", 0)), 0)


def is_open(state: State) -> bool:
    """Whether a walk was begun and not finished: the next run goes on where it stopped."""
    return bool(state.get("open"))


def take_page(state: State, ids: Sequence[int], more: bool, now_s: float, reread: int) -> State:
    """The state after a page with `ids` (any order): further down while `more`, otherwise the walk is finished."""
    query = next_query(state)
    walk = dict(state.get("open") or {"since": query.since_id, "seen": 0, "next": 0})
    ordered = sorted(ids, reverse=True)
    position = reread - int(walk["seen"]) - 1
    if not walk["next"] and 0 <= position < len(ordered):
        walk["next"] = ordered[position]
    walk["seen"] = int(walk["seen"]) + len(ordered)
    if more and ordered:
        walk["max"] = ordered[-1] - 1
        return {**{key: value for key, value in state.items() if key != "absent"}, "open": walk}
    return _finish(state, walk, now_s)


def restart_deep(state: State, now_s: float, every_s: float) -> State | None:
    """The state with the next walk going to the very start, or None when one did within `every_s`.

    For a list of which the platform counts more rows than were ever received.
    """
    if is_open(state) or not int(state.get("since", 0)) or now_s - float(state.get("deep", 0)) < every_s:
        return None
    return {**state, "since": 0}


def _finish(state: State, walk: State, now_s: float) -> State:
    since = max(int(walk["next"]), int(walk["since"]))
    finished: State = {"since": since, "at": now_s, "deep": state.get("deep", 0)}
    if not int(walk["since"]):
        finished["deep"] = now_s
    return finished


def is_due(state: State, age_s: float, now_s: float) -> bool:
    """Whether a list is read in this run: always in its first day, then ever less often, never after 180 days.

    A list that was not there is asked for once an hour; one that was broken off is always gone on with.
    """
    since_s = now_s - float(state.get("at", 0))
    if state.get("absent"):
        return since_s >= ABSENT_PAUSE_S
    if is_open(state):
        return True
    pause_s = pause_for_age(age_s)
    return pause_s is not None and since_s >= pause_s


def note_absent(now_s: float) -> State:
    """The state of a list the platform does not have (any more); what was known of it starts over if it comes back."""
    return {"absent": True, "at": now_s}


def pause_for_age(age_s: float) -> float | None:
    """Seconds between two reads of a list of this age; None: no more."""
    day_s = 86_400
    for limit_s, pause_s in ((day_s, 0), (7 * day_s, 900), (30 * day_s, 10_800), (180 * day_s, day_s)):
        if age_s < limit_s:
            return float(pause_s)
    return None
