"""The growth score ranks posts by how their first rows came, and reads nothing after the thirtieth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest

from monitors.detection import growth

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    posted_at: datetime


def talk(gaps_s: list[float]) -> list[Row]:
    """A post's rows: the first at the start, each other so many seconds after the one before."""
    return [Row(START + timedelta(seconds=after)) for after in accumulate(gaps_s, initial=0.0)]


def score(gaps_s: list[float]) -> float:
    value = growth.growth_score(talk(gaps_s))
    assert value is not None
    return value


def test_quick_talk_scores_higher_than_slow_talk_at_every_number_of_rows() -> None:
    for rows in range(growth.FEWEST, growth.MOST + 1):
        paces = [score([gap_s] * (rows - 1)) for gap_s in (1, 5, 30, 120, 900, 7200)]
        assert paces == sorted(paces, reverse=True)
        assert len(set(paces)) == len(paces)


def test_quick_talk_grows_more_likely_than_not_and_slow_talk_less() -> None:
    assert score([2.0] * 29) > 0.8
    assert score([3600.0] * 29) < 0.4


def test_every_gap_that_gets_shorter_never_lowers_the_score() -> None:
    before = score([60.0] * 29)
    for place in range(29):
        gaps = [60.0] * 29
        gaps[place] = 5.0
        assert score(gaps) > before


def test_talk_that_goes_on_scores_higher_than_talk_that_was_quick_and_is_over() -> None:
    quick_then_slow, slow_then_quick = [5.0] * 19 + [600.0] * 10, [600.0] * 10 + [5.0] * 19
    assert sum(quick_then_slow) == sum(slow_then_quick)
    assert score(slow_then_quick) > score(quick_then_slow) + 0.1


def test_rows_after_the_thirtieth_change_nothing_and_the_thirtieth_does() -> None:
    base = score([40.0] * 29)
    assert score([40.0] * 29 + [1.0] * 500) == base
    assert score([40.0] * 28 + [4000.0]) < base


def test_the_order_in_which_rows_are_given_does_not_matter() -> None:
    rows = talk([float(place) for place in range(1, 60)])
    assert growth.growth_score(rows[::-1]) == growth.growth_score(rows)


def test_under_five_rows_nothing_is_said_and_from_five_on_something_is() -> None:
    assert growth.growth_score([]) is None
    assert growth.growth_score(talk([1.0] * 3)) is None
    assert growth.growth_score(talk([1.0] * 4)) is not None
    with pytest.raises(ValueError, match="times: at least 5"):
        growth.features([1.0, 2.0])


def test_rows_of_one_instant_and_rows_years_apart_give_probabilities() -> None:
    assert 0.5 < score([0.0] * 29) < 1.0
    assert growth.CURVE[0] < score([86_400.0 * 365] * 29) < growth.CURVE[0] + 0.05


def test_the_features_are_the_softened_spans_and_the_place() -> None:
    whole = math.log(29 * 10 + 30)
    found = growth.features([10.0 * place for place in range(29)] + [290.0])
    assert found == pytest.approx((1, math.log(100 + 30), whole, 1, math.log(100 + 30), whole))
    nine = growth.features([10.0 * place for place in range(9)])
    assert nine[1:4] == pytest.approx((math.log(30 + 30), math.log(80 + 30), -1.1))


def test_a_probability_is_the_logistic_of_the_weighted_sum_above_the_least_share() -> None:
    assert growth.probability((1.0, 2.0), (0.5, -0.25), (0.0, 1.0, 0.0)) == pytest.approx(0.5)
    assert growth.probability((1.0, 1.0), (math.log(3), 0.0), (0.0, 1.0, 0.0)) == pytest.approx(0.75)
    assert growth.probability((1.0,), (math.log(3),), (0.2, 2.0, -math.log(3))) == pytest.approx(0.2 + 0.8 * 0.75)


def test_longer_spans_only_lower_the_sum_at_every_number_of_rows() -> None:
    _one, late, whole, _place, late_by_place, whole_by_place = growth.WEIGHTS
    for rows in (growth.FEWEST, growth.MOST):
        place = (rows - 20) / 10
        assert late + place * late_by_place < 0
        assert whole + place * whole_by_place < 0
    assert growth.CURVE[1] > 0
