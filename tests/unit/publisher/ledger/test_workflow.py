"""The state table, for every pair, and the back-off."""

from __future__ import annotations

import itertools

import pytest

from core.errors import TransitionNotAllowed
from core.models.words import DeliveryState
from publisher import retry
from publisher.workflow import ENDED, FINAL, IN_FLIGHT, TABLE, UNSENT, State, check_move, may_move, path

ALLOWED = {
    ("planned", "intended"), ("planned", "held"), ("planned", "cancelled"), ("planned", "superseded"),
    ("held", "planned"), ("held", "cancelled"),
    ("intended", "planned"), ("intended", "sent"), ("intended", "confirmed"), ("intended", "refused"),
    ("intended", "unknown"),
    ("sent", "confirmed"), ("sent", "refused"), ("sent", "unknown"),
    ("unknown", "confirmed"), ("unknown", "refused"), ("unknown", "planned"), ("unknown", "cancelled"),
    ("refused", "planned"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end"), list(itertools.product(State, State)))
def test_every_pair_of_states_is_allowed_or_refused_as_the_ledger_says(start: State, end: State) -> None:
    if (start.value, end.value) in ALLOWED:
        check_move(start, end)
    else:
        with pytest.raises(TransitionNotAllowed):
            check_move(start, end)


def test_the_table_has_the_same_words_as_the_rows() -> None:
    assert {state.value for state in State} == {state.value for state in DeliveryState} == set(TABLE)


def test_confirmed_cancelled_and_superseded_are_final() -> None:
    assert {State.CONFIRMED, State.CANCELLED, State.SUPERSEDED} == FINAL
    assert FINAL | {State.REFUSED} == ENDED
    assert not UNSENT & IN_FLIGHT
    assert set(State) == UNSENT | IN_FLIGHT | ENDED


def test_an_unknown_word_is_never_a_step() -> None:
    assert not may_move("draft", "planned")
    assert not may_move("planned", "published")


def test_a_row_waiting_to_be_sent_again_reaches_confirmed_through_allowed_steps_only() -> None:
    assert path("planned", "confirmed") == [State.INTENDED, State.CONFIRMED]
    assert path("held", "confirmed") == [State.PLANNED, State.INTENDED, State.CONFIRMED]
    assert path("refused", "confirmed") == [State.PLANNED, State.INTENDED, State.CONFIRMED]
    assert path("unknown", "confirmed") == [State.CONFIRMED]
    assert path("cancelled", "confirmed") == []
    assert path("held", "superseded") == []


def test_waiting_doubles_is_capped_and_never_undercuts_the_platform() -> None:
    waits = [retry.wait_s(tries, 7) for tries in range(12)]
    assert 4 <= waits[0] <= 6
    assert all(720 <= wait <= 1080 for wait in waits[9:])
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:7]))
    assert retry.wait_s(0, 7, at_least_s=3600) == 3600
    assert retry.wait_s(3, 7) == retry.wait_s(3, 7)
    assert retry.wait_s(3, 7) != retry.wait_s(3, 8)


def test_polls_grow_sparse() -> None:
    waits = [retry.poll_wait_s(count) for count in range(6)]
    assert waits == sorted(waits)
    assert waits[-1] == 3600
