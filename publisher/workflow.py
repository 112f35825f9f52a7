"""The ledger's state table. Pure: it says which step is allowed and knows nothing of rows, channels or people."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from core.errors import TransitionNotAllowed


class State(StrEnum):
    """Where a delivery stands; the same words as core.models.words.DeliveryState (a test compares)."""

    PLANNED = "planned"
    HELD = "held"
    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


TABLE: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.INTENDED, State.HELD, State.CANCELLED, State.SUPERSEDED}),
    State.HELD: frozenset({State.PLANNED, State.CANCELLED}),
    State.INTENDED: frozenset({State.PLANNED, State.SENT, State.CONFIRMED, State.REFUSED, State.UNKNOWN}),
    State.SENT: frozenset({State.CONFIRMED, State.REFUSED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.CONFIRMED, State.REFUSED, State.PLANNED, State.CANCELLED}),
    State.REFUSED: frozenset({State.PLANNED}),
    State.CONFIRMED: frozenset(),
    State.CANCELLED: frozenset(),
    State.SUPERSEDED: frozenset(),
}
FINAL = frozenset(state for state, onward in TABLE.items() if not onward)
UNSENT = frozenset({State.PLANNED, State.HELD})
IN_FLIGHT = frozenset({State.INTENDED, State.SENT, State.UNKNOWN})
ENDED = FINAL | {State.REFUSED}  # nothing happens any more unless a person acts


def may_move(start: str, end: str) -> bool:
    """True when the table has the step from `start` to `end`; unknown words are False."""
    return start in TABLE and end in TABLE[State(start)]


def check_move(start: str, end: str) -> None:
    """Raise TransitionNotAllowed unless the table has the step."""
    if not may_move(start, end):
        raise TransitionNotAllowed(f"分发不能从“{start}”变为“{end}”")


def path(start: str, end: str) -> list[State]:
    """The allowed states to pass through from an unsent or refused row to `end`, when the platform already shows it.

    Empty when `end` cannot be reached. Used when a late answer proves a row live that was waiting to be sent again.
    """
    routes = {
        State.HELD: [State.PLANNED, State.INTENDED],
        State.PLANNED: [State.INTENDED],
        State.REFUSED: [State.PLANNED, State.INTENDED],
    }
    if may_move(start, end):
        return [State(end)]
    steps = [*routes.get(State(start), []), State(end)]
    stations = [State(start), *steps]
    allowed = all(may_move(one, two) for one, two in pairwise(stations))
    return steps if allowed else []
