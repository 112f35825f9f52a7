"""A newest-first list walked over many runs: nothing is skipped and the walk goes on where it stopped."""

from __future__ import annotations

import random

from spiders import walks
from spiders.walks import State

PAGE = 5


def read_page(rows: list[int], state: State) -> tuple[list[int], bool]:
    """What a platform answers: newest first, above `since_id`, up to `max_id`."""
    query = walks.next_query(state)
    fit = [row for row in sorted(rows, reverse=True) if query.since_id < row <= (query.max_id or row)]
    return fit[:PAGE], len(fit) > PAGE


def walk(rows: list[int], state: State, pages: int = 10_000, reread: int = 3) -> tuple[State, set[int]]:
    """Walk at most `pages` pages; gives the state and everything seen."""
    seen: set[int] = set()
    for _turn in range(pages):
        page, more = read_page(rows, state)
        seen.update(page)
        state = walks.take_page(state, page, more, now_s=0, reread=reread)
        if not walks.is_open(state):
            break
    return state, seen


def test_a_first_walk_reads_everything() -> None:
    state, seen = walk(list(range(1, 24)), {})
    assert seen == set(range(1, 24))
    assert not walks.is_open(state)


def test_the_newest_rows_are_read_again_in_the_next_walk() -> None:
    state, _seen = walk(list(range(1, 24)), {}, reread=3)
    _state, again = walk(list(range(1, 26)), state, reread=3)
    assert again == {25, 24, 23, 22}
    assert walks.next_query(state).since_id == 21


def test_a_row_that_shows_up_late_inside_the_window_is_found() -> None:
    rows = [number for number in range(1, 24) if number != 22]
    state, seen = walk(rows, {}, reread=3)
    assert 22 not in seen
    assert 22 in walk([*rows, 22], state, reread=3)[1]


def test_an_interrupted_walk_goes_on_where_it_stopped_and_then_reads_the_new_top() -> None:
    rows = list(range(1, 24))
    state, first = walk(rows, {}, pages=2)
    assert walks.is_open(state)
    rows += [24, 25]
    state, second = walk(rows, state)
    assert not walks.is_open(state)
    _state, third = walk(rows, state)
    assert first | second | third == set(range(1, 26))
    assert not first & second


def test_nothing_is_lost_however_the_walk_is_cut_up() -> None:
    for seed in range(200):
        draw = random.Random(seed)
        rows: list[int] = []
        seen: set[int] = set()
        state: State = {}
        top = 0
        for _run in range(draw.randint(1, 8)):
            for _new in range(draw.randint(0, 30)):
                top += draw.randint(1, 3)
                rows.append(top)
            state, found = walk(rows, state, pages=draw.randint(1, 6), reread=draw.choice([0, 3, 7]))
            seen |= found
        for _last in range(2):
            state, found = walk(rows, state)
            seen |= found
        assert seen == set(rows), seed


def test_a_deep_walk_is_made_once_an_hour_and_never_into_an_open_one() -> None:
    state, _seen = walk(list(range(1, 24)), {})
    deep = walks.restart_deep(state, now_s=4000, every_s=3600)
    assert deep is not None
    assert walks.next_query(deep).since_id == 0
    finished = walks.take_page(deep, [3, 2, 1], more=False, now_s=4000, reread=1)
    assert walks.restart_deep(finished, now_s=4100, every_s=3600) is None
    assert walks.restart_deep(finished, now_s=7700, every_s=3600) is not None
    open_state, _some = walk(list(range(1, 24)), {}, pages=1)
    assert walks.restart_deep(open_state, now_s=9e9, every_s=1) is None


def test_an_old_list_is_read_less_often_and_finally_not_at_all() -> None:
    hour_s, day_s = 3600.0, 86_400.0
    assert walks.is_due({"at": 100.0}, age_s=hour_s, now_s=100.0)
    assert not walks.is_due({"at": 100.0}, age_s=3 * day_s, now_s=100.0 + 899)
    assert walks.is_due({"at": 100.0}, age_s=3 * day_s, now_s=100.0 + 900)
    assert not walks.is_due({"at": 100.0}, age_s=20 * day_s, now_s=100.0 + 2 * hour_s)
    assert not walks.is_due({}, age_s=181 * day_s, now_s=1e9)
    assert walks.is_due({"open": {"since": 0, "max": 7}}, age_s=181 * day_s, now_s=1e9)
    gone = walks.note_absent(100.0)
    assert [walks.is_due(gone, age_s=hour_s, now_s=at) for at in (3699.0, 3700.0)] == [False, True]
