from __future__ import annotations

import numpy as np
import pytest

from bench.bursts.grading import Series, grade, normalised, sigmoid, worth

SIZE, STEP_S = 2000, 300.0


def series(*windows: tuple[int, int]) -> Series:
    return Series("invented", np.arange(SIZE) * STEP_S, np.ones(SIZE), windows)


def flags(*at: int) -> np.ndarray:
    found = np.zeros(SIZE, dtype=bool)
    found[list(at)] = True
    return found


def test_silence_scores_nothing_and_an_alarm_at_every_start_scores_a_hundred() -> None:
    one = series((600, 699), (1200, 1299))
    assert normalised([worth(one)], [flags()]) == 0
    assert normalised([worth(one)], [flags(600, 1200)]) == pytest.approx(100)


def test_a_later_alarm_is_worth_less_and_only_the_earliest_of_a_window_counts() -> None:
    one = series((600, 699))
    early, late = (normalised([worth(one)], [flags(at)]) for at in (610, 690))
    assert 100 > early > late > 0
    assert normalised([worth(one)], [flags(610, 690)]) == early


def test_a_false_alarm_costs_its_weight_and_less_just_behind_a_window() -> None:
    one = series((600, 699))
    base = normalised([worth(one)], [flags(600)])
    assert base - normalised([worth(one)], [flags(600, 500)]) == pytest.approx(0.11 * 50)
    assert base - normalised([worth(one)], [flags(600, 705)]) < 0.11 * 20
    assert sigmoid(3.1) == -1


def test_alarms_in_probation_are_not_graded() -> None:
    one = series((100, 199), (600, 699))
    assert one.probation(capped=False) == one.probation(capped=True) == 300
    total = grade(one, flags(10, 150, 650), capped=False)
    assert (total.windows, total.hit, total.false) == (2, 1, 0)
    assert normalised([worth(one)], [flags(10)]) == 0


def test_alarms_within_six_hours_are_one_episode_false_when_it_meets_no_window() -> None:
    one = series((600, 699))
    assert grade(one, flags(1000, 1072, 1144), capped=False).false == 1
    assert grade(one, flags(1000, 1073), capped=False).false == 2
    assert grade(one, flags(560, 620), capped=False).false == 0
    assert grade(one, flags(560, 620), capped=False).weeks == pytest.approx((SIZE - 1 - 300) * STEP_S / 604_800)
