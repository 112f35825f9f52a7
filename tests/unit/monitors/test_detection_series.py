"""The burst test on one series: noise, bursts, outages, backfills, and that it neither forgets nor teaches itself."""

from __future__ import annotations

import math
import random

import pytest

from monitors.detection.series import (
    HOUR,
    QUARTER,
    Alarm,
    Reading,
    Replay,
    Scale,
    State,
    coarser,
    learn,
    learn_empty,
    probe,
    weigh,
)

DAY = 96
READ = Reading(0, [1.0] * (40 * DAY))


def replay(counts: dict[int, float], until: int, reading: Reading = READ, scale: Scale = QUARTER) -> list[Alarm]:
    run = Replay(scale, reading, State(), 0)
    run.run(sorted(counts.items()), until)
    return run.alarms


def noise(mean: float, bins: int, seed: int) -> dict[int, float]:
    """Poisson counts by inversion."""
    chance, counts = random.Random(seed), {}
    for at in range(bins):
        count, left = 0, math.exp(-mean)
        product = chance.random()
        while product > left:
            count += 1
            product *= chance.random()
        if count:
            counts[at] = float(count)
    return counts


@pytest.mark.parametrize("mean", [0.05, 0.5, 3.0, 20.0])
def test_steady_noise_gives_few_alarms(mean: float) -> None:
    weeks = 4
    alarms = sum(len(replay(noise(mean, weeks * 7 * DAY, seed), weeks * 7 * DAY)) for seed in range(3))
    assert alarms <= 3 * weeks * 0.5  # at most one in two weeks a series


@pytest.mark.parametrize("mean", [0.0, 0.5, 3.0])
def test_a_burst_is_found_in_its_first_bin(mean: float) -> None:
    counts = noise(mean, 14 * DAY, 1)
    start = 13 * DAY
    quiet = replay({at: count for at, count in counts.items() if at < start}, start)
    counts.update({start: mean + 20, start + 1: mean + 30})
    found = [alarm for alarm in replay(counts, 14 * DAY) if alarm not in quiet]
    assert [alarm.bin for alarm in found][:2] == [start, start + 1]
    assert found[0].observed == mean + 20
    assert found[0].z == pytest.approx((found[0].observed - found[0].expected) / found[0].deviation)


def test_a_burst_does_not_teach_itself() -> None:
    start = 10 * DAY
    counts = noise(1.0, start, 2) | {start + at: 60.0 for at in range(12)}
    found = {alarm.bin for alarm in replay(counts, start + 12)}
    assert {start + at for at in range(12)} <= found


def test_a_bin_is_tested_before_it_is_learned() -> None:
    state = State(1.0, 1.0, 500)
    tested = probe(state, 5, 10.0, QUARTER)
    assert tested is not None
    assert tested.expected == 1.0


def test_after_an_outage_the_usual_level_is_no_alarm() -> None:
    counts = noise(4.0, 30 * DAY, 3)
    outage = range(10 * DAY, 20 * DAY)
    seen = {at: count for at, count in counts.items() if at not in outage}
    gap = Reading(0, [0.0 if at in outage else 1.0 for at in range(30 * DAY)])
    after = [alarm for alarm in replay(seen, 30 * DAY, gap) if alarm.bin >= outage.stop]
    assert after == []
    blind = [alarm for alarm in replay(seen, 30 * DAY) if alarm.bin >= outage.stop]
    assert blind, "taking the outage for silence would have raised an alarm: the coverage is what prevents it"


def test_a_backfill_by_time_of_posting_is_no_alarm() -> None:
    counts = noise(4.0, 12 * DAY, 4)
    outage = range(10 * DAY, 11 * DAY)
    gap = Reading(0, [0.0 if at in outage else 1.0 for at in range(12 * DAY)])
    before = {at: count for at, count in counts.items() if at not in outage}
    assert [alarm for alarm in replay(before, 12 * DAY, gap) if alarm.bin >= outage.start] == []
    assert [alarm for alarm in replay(counts, 12 * DAY) if alarm.bin >= outage.start] == []


def test_a_burst_inside_an_outage_is_found_once_it_is_backfilled() -> None:
    counts = noise(1.0, 12 * DAY, 5) | {10 * DAY + 3: 40.0}
    assert 10 * DAY + 3 in {alarm.bin for alarm in replay(counts, 12 * DAY)}


def test_an_open_bin_is_tested_but_not_learned() -> None:
    run = Replay(QUARTER, READ, State(), 0)
    run.run([(5 * DAY, 30.0)], 5 * DAY)
    assert [alarm.bin for alarm in run.alarms] == [5 * DAY]
    assert run.state == State(bins=5 * DAY)


def test_half_read_bins_are_scaled_and_hardly_read_ones_are_not_learned() -> None:
    half = Replay(QUARTER, Reading(0, [0.5]), State(2.0, 1.0, 500), 0)
    half.run([(0, 2.0)], 1)
    assert half.state == learn(State(2.0, 1.0, 500), 4.0, QUARTER)
    hardly = Replay(QUARTER, Reading(0, [0.2]), State(2.0, 1.0, 500), 0)
    hardly.run([(0, 2.0)], 1)
    assert hardly.state == State(2.0, 1.0, 500)


@pytest.mark.parametrize("scale", [QUARTER, HOUR])
@pytest.mark.parametrize("bins", [1, 50, 5000])
def test_empty_bins_in_closed_form_equal_learning_them_one_by_one(scale: Scale, bins: int) -> None:
    state = one_by_one = State(3.0, 5.0, bins)
    for _ in range(500):
        one_by_one = learn(one_by_one, 0.0, scale)
    closed = learn_empty(state, 500, scale)
    assert closed.mean == pytest.approx(one_by_one.mean)
    assert closed.variance == pytest.approx(one_by_one.variance)
    assert closed.bins == one_by_one.bins


def test_a_replay_from_a_checkpoint_equals_one_from_the_start() -> None:
    counts = sorted((noise(2.0, 10 * DAY, 6) | {9 * DAY: 25.0}).items())
    whole = Replay(QUARTER, READ, State(), 0)
    whole.run(counts, 10 * DAY)
    first = Replay(QUARTER, READ, State(), 0)
    first.run([pair for pair in counts if pair[0] < 4 * DAY], 4 * DAY)
    first.advance(4 * DAY)
    second = Replay(QUARTER, READ, first.state, 4 * DAY)
    second.run(counts, 10 * DAY)
    assert first.alarms + second.alarms == whole.alarms
    assert second.state == whole.state


def test_praise_must_be_four_times_as_loud_as_complaint() -> None:
    assert weigh(10, 10) == 4 * weigh(10, 0)


def test_coarser_bins_keep_every_count() -> None:
    counts = [(3, 1.0), (4, 2.0), (7, 3.0), (8, 4.0)]
    assert coarser(counts, 4) == [(0, 1.0), (1, 5.0), (2, 4.0)]
    assert Reading(2, [1.0, 1.0, 0.0, 0.0]).coarser(4).shares == [0.5, 0.0]
