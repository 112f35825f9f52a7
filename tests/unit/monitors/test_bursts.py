from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitors.detection.bursts import USUAL, Peaks, Reading, Watch

STEP_S, DAY = 300.0, 288


def watched(counts: np.ndarray, step_s: float = STEP_S) -> list[Reading]:
    watch = Watch(step_s)
    return [watch.feed(at, float(count)) for at, count in enumerate(counts)]


def alarms(counts: np.ndarray, step_s: float = STEP_S) -> list[int]:
    return [at for at, reading in enumerate(watched(counts, step_s)) if reading.alarm]


def calm(days: int, level: float, seed: int = 1) -> np.ndarray:
    hour = np.arange(days * DAY) / DAY
    return np.random.default_rng(seed).poisson(level * (1 + 0.8 * np.sin(2 * np.pi * hour))).astype(float)


@pytest.mark.parametrize("level", [0.5, 5, 50, 500])
def test_a_burst_of_five_times_the_daily_peak_alarms_once_within_the_hour(level: float) -> None:
    counts = calm(16, level)
    start = 14 * DAY + 100
    counts[start : start + 24] += np.random.default_rng(2).poisson(9 * level, 24)
    found = [at for at in alarms(counts) if at >= 10 * DAY]
    assert found
    assert start <= found[0] < start + 12
    assert all(start <= at < start + 36 for at in found)


@pytest.mark.parametrize("level", [0.5, 5, 50, 500])
def test_days_that_only_go_up_and_down_as_every_day_stay_silent(level: float) -> None:
    assert len([at for at in alarms(calm(28, level)) if at >= 3 * DAY]) <= 1


def test_a_reading_depends_on_nothing_that_comes_later() -> None:
    counts = calm(6, 5)
    counts[5 * DAY :] += 80
    changed = counts.copy()
    changed[5 * DAY + 50 :] = 0
    assert watched(counts)[: 5 * DAY + 50] == watched(changed)[: 5 * DAY + 50]


def test_the_score_is_above_one_half_exactly_where_there_is_an_alarm() -> None:
    counts = calm(10, 5)
    counts[9 * DAY : 9 * DAY + 20] += 200
    readings = watched(counts)
    assert any(reading.alarm for reading in readings)
    assert all(0 <= reading.score <= 1 and (reading.score > 0.5) == reading.alarm for reading in readings)


def test_a_burst_that_grows_far_beyond_what_was_told_alarms_again_but_not_for_every_bin() -> None:
    counts = calm(10, 5)
    start = 9 * DAY
    counts[start : start + 30] += 60
    counts[start + 30 : start + 60] += 5_000
    found = [at for at in alarms(counts) if at >= start]
    assert start <= found[0] < start + 12
    assert any(start + 30 <= at < start + 36 for at in found)
    assert len(found) <= 8


def test_a_second_burst_is_told_after_six_quiet_hours_and_not_before() -> None:
    for later, told in ((60, False), (DAY, True)):
        counts = calm(12, 5)
        start = 10 * DAY
        counts[start : start + 6] += 300
        counts[start + later : start + later + 6] += 330
        assert any(at >= start + later for at in alarms(counts)) is told


def test_a_series_of_nothing_hears_its_first_voices_and_never_divides_by_zero() -> None:
    counts = np.zeros(4 * DAY)
    counts[3 * DAY] = 30
    counts[3 * DAY + 200] = 2
    assert alarms(counts) == [3 * DAY]


def test_nothing_is_judged_on_the_first_day() -> None:
    counts = calm(2, 5)
    counts[150:160] += 500
    assert not any(reading.score for reading in watched(counts)[:DAY])


def test_bins_that_were_not_read_are_no_silence() -> None:
    counts = calm(10, 50)
    watch, gap = Watch(STEP_S), range(8 * DAY, 8 * DAY + 200)
    readings = [watch.feed(at, float(counts[at])) for at in range(len(counts)) if at not in gap]
    assert readings[8 * DAY].observed == counts[gap.stop] * 6 or readings[8 * DAY].observed == 0
    assert not any(reading.alarm for reading in readings[8 * DAY :])


@pytest.mark.parametrize("step_s", [180.0, 900.0, 3600.0, 86_400.0])
def test_any_width_of_bin_is_served(step_s: float) -> None:
    bins = 30 * max(1, round(86_400 / step_s))
    counts = np.random.default_rng(3).poisson(20, bins).astype(float)
    start = bins - max(1, bins // 200) - 1
    counts[start:] *= 8
    found = alarms(counts, step_s)
    assert any(at >= start for at in found)


def test_a_peak_is_learned_only_after_six_hours_without_anything_higher() -> None:
    peaks = Peaks(apart=72, step_s=STEP_S, half_life_s=USUAL.half_life_s)
    for at in range(100):
        peaks.settle(at)
        peaks.see(at, 10.0 if at < 20 else 5.0)
        known = peaks.rate(1_000.0)
        assert np.isinf(known) == (at <= 72)


def test_the_rate_of_a_height_is_how_many_peaks_a_week_stood_above_it() -> None:
    peaks = Peaks(apart=1, step_s=3600.0, half_life_s=1e12)
    for at in range(56 * 24):
        peaks.settle(at)
        peaks.see(at, 100.0 if at % 84 == 40 else 10.0 + at % 2)
    assert peaks.rate(99.9) == pytest.approx(2, abs=0.15)
    assert peaks.rate(10_000.0) < 0.05
    assert peaks.rate(150.0) > peaks.rate(300.0)


def test_old_peaks_are_forgotten() -> None:
    counts = calm(60, 5)
    counts[2 * DAY : 2 * DAY + 20] += 400
    counts[50 * DAY : 50 * DAY + 20] += 100
    assert any(50 * DAY <= at < 50 * DAY + 30 for at in alarms(counts))


def test_the_budget_moves_how_many_alarms_there_are() -> None:
    chance = np.random.default_rng(4)
    counts = chance.poisson(5 * chance.pareto(1.5, 40 * DAY // 12).repeat(12)).astype(float)
    found = []
    for rate in (0.3, 3.0):
        watch = Watch(STEP_S, replace(USUAL, rate=rate))
        found.append(sum(watch.feed(at, float(count)).alarm for at, count in enumerate(counts)))
    assert found[1] > 2 * found[0] > 0


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="step_s"):
        Watch(0)
    watch = Watch(STEP_S)
    watch.feed(5, 1)
    with pytest.raises(ValueError, match="in order"):
        watch.feed(5, 1)
    for count in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="count"):
            watch.feed(6, count)
