from __future__ import annotations

import numpy as np
import pytest

from monitors.detection.states import kleinberg, kleinberg_times


def loud(at: range, height: float, size: int = 200) -> np.ndarray:
    counts = np.full(size, 4.0)
    counts[at.start : at.stop] = height
    return counts


def test_a_burst_is_dated_to_its_first_highest_and_last_bin() -> None:
    counts = loud(range(80, 100), 11)
    counts[90] = 13
    found = kleinberg(counts)
    assert [(burst.level, burst.start, burst.peak, burst.end) for burst in found] == [(1, 80, 90, 99)]
    assert found[0].weight > 0


def test_a_steeper_part_nests_inside_as_a_higher_level() -> None:
    counts = loud(range(80, 120), 20)
    counts[95:105] = 80
    found = {burst.level: (burst.start, burst.end) for burst in kleinberg(counts)}
    assert found[1] == (80, 119)
    assert found[max(found)] == (95, 104)
    assert max(found) >= 2


def test_a_level_or_empty_series_holds_no_burst() -> None:
    assert kleinberg(np.random.default_rng(5).poisson(9, 300).tolist()) == []
    assert kleinberg([0, 0, 0]) == []
    assert kleinberg([]) == []


def test_a_higher_cost_of_climbing_leaves_only_the_stronger_burst() -> None:
    counts = loud(range(40, 44), 11) + loud(range(120, 140), 36) - 4
    assert len({burst.start for burst in kleinberg(counts, gamma=0.2)}) > len(
        {burst.start for burst in kleinberg(counts, gamma=6)}
    )
    assert {burst.start for burst in kleinberg(counts, gamma=6)} == {120}


def test_with_totals_a_day_busy_for_everything_is_no_burst_of_the_topic() -> None:
    counts, totals = loud(range(80, 100), 20), loud(range(80, 100), 500)
    totals[totals < 500] = 100
    assert kleinberg(counts)
    assert kleinberg(counts, totals=totals.tolist()) == []


def test_single_events_are_dated_by_their_own_instants() -> None:
    slow = [100.0 * at for at in range(1, 31)]
    fast = [1500.0 + 2 * at for at in range(1, 20)]
    found = kleinberg_times(slow + fast)
    assert found[0].start == 1500
    assert found[0].end == pytest.approx(1538, abs=100)
    assert all(1500 <= burst.start <= burst.peak <= burst.end for burst in found)


def test_events_at_the_same_instant_are_allowed() -> None:
    found = kleinberg_times([100.0 * at for at in range(30)] + [1550.0] * 20)
    assert found
    assert all(burst.peak == 1550 for burst in found)


def test_too_few_events_hold_no_burst() -> None:
    assert kleinberg_times([]) == kleinberg_times([1, 2]) == kleinberg_times([3, 3, 3]) == []


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="s is 1"):
        kleinberg([1, 2], s=1)
    with pytest.raises(ValueError, match="gamma"):
        kleinberg_times([1, 2, 3], gamma=-1)
    with pytest.raises(ValueError, match="counts"):
        kleinberg([1, -2])
    with pytest.raises(ValueError, match="totals"):
        kleinberg([1, 2], totals=[1])
    with pytest.raises(ValueError, match="finite"):
        kleinberg_times([1, float("nan")])
