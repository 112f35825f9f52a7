"""The fixed tables of counts: what stands out, what is learned, what a gap keeps out."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.detection.stream.tables import BIN, MEAN, SCALES, VARIANCE, WIDTHS, Table

TERM = np.array([3], np.int32)
FLAT = np.ones((1, len(SCALES)), np.float32)


def count_at(table: Table, second: int, count: float) -> None:
    table.count(TERM, np.array([count], np.float32), second // WIDTHS)


def settled(per_hour: int, hours: int) -> Table:
    table = Table(8)
    for hour in range(hours):
        count_at(table, hour * 3600, per_hour)
    return table


def test_a_count_as_usual_does_not_stand_out_and_ten_times_it_does() -> None:
    table = settled(5, 200)
    count_at(table, 200 * 3600, 5)
    assert table.test(TERM, FLAT).z[0, 1] < 1
    count_at(table, 200 * 3600, 45)
    assert table.test(TERM, FLAT).z[0, 1] > 6


def test_the_mean_of_an_hour_is_what_came_every_hour() -> None:
    assert settled(5, 300).rates(TERM)[0] == pytest.approx(5, rel=0.01)


def test_a_source_that_brings_more_than_usual_is_expected_to() -> None:
    table = settled(5, 200)
    count_at(table, 200 * 3600, 50)
    assert table.test(TERM, FLAT * 10).z[0, 1] < 1


def test_a_burst_is_not_learned_before_two_more_bins_have_passed() -> None:
    table = settled(5, 200)
    before = table.rates(TERM)[0]
    count_at(table, 200 * 3600, 100)
    count_at(table, 201 * 3600, 5)
    assert table.rates(TERM)[0] == pytest.approx(before, rel=0.01)
    for hour in range(202, 206):
        count_at(table, hour * 3600, 5)
    assert table.rates(TERM)[0] > before


def test_what_is_learned_of_a_burst_is_clipped() -> None:
    table = settled(5, 200)
    count_at(table, 200 * 3600, 10_000)
    for hour in range(201, 206):
        count_at(table, hour * 3600, 5)
    assert table.rates(TERM)[0] < 7


def test_three_raised_bins_stand_out_where_none_of_them_does() -> None:
    table = settled(4, 200)
    for hour in range(200, 203):
        count_at(table, hour * 3600, 12)
    tested = table.test(TERM, FLAT)
    assert tested.summed[0, 1]
    assert tested.observed[0, 1] == 36


def test_empty_bins_learned_at_once_are_what_one_by_one_gives() -> None:
    at_once, one_by_one = settled(6, 150), settled(6, 150)
    count_at(at_once, 260 * 3600, 0)
    for hour in range(150, 261):
        count_at(one_by_one, hour * 3600, 0)
    for column in (MEAN, VARIANCE, BIN):
        assert at_once.rows[3, :, column] == pytest.approx(one_by_one.rows[3, :, column], rel=1e-3)


def test_other_terms_stay_untouched() -> None:
    table = settled(5, 50)
    assert not table.rows[[0, 1, 2, 4, 5, 6, 7]].any()
