"""When alerts are due: first, worse, repeat, subsided, relapsed, and the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models.words import AlertReason, IssueState, Level
from monitors.alerting import MAX_REPEATS, SUBSIDED_AFTER, Due, Past, Standing, acknowledge_by, decide, retry_after

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def issue(
    level: str = Level.YELLOW, state: str = IssueState.FOUND, last_at: datetime = NOON, **more: datetime
) -> Standing:
    return Standing(1, state, level, NOON, last_at, **more)


def raised(reason: str = AlertReason.FIRST, level: str = Level.YELLOW, at: datetime = NOON, seen: bool = False) -> Past:
    return Past(reason, level, at, at if seen else None)


def reason(due: Due | None) -> str | None:
    return due.reason if due else None


def test_a_new_issue_is_alerted_once() -> None:
    due = decide(issue(), [], NOON)
    assert due is not None
    assert (due.reason, due.level, due.dedup_key) == (AlertReason.FIRST, Level.YELLOW, "issue:1:first:1")
    assert decide(issue(), [raised()], NOON + timedelta(minutes=5)) is None


def test_a_rising_level_is_alerted_and_a_falling_one_is_not() -> None:
    assert reason(decide(issue(Level.ORANGE), [raised()], NOON)) == AlertReason.WORSE
    assert decide(issue(Level.BLUE), [raised()], NOON) is None
    again = [raised(level=Level.RED), raised(AlertReason.SUBSIDED, Level.YELLOW)]
    assert reason(decide(issue(Level.ORANGE), again, NOON)) is None


def test_an_unacknowledged_alert_repeats_when_its_time_is_up_and_not_for_ever() -> None:
    past = [raised()]
    assert decide(issue(last_at=NOON + HOUR), past, NOON + HOUR - timedelta(seconds=1)) is None
    at = NOON
    for number in range(1, MAX_REPEATS + 1):
        at += HOUR
        due = decide(issue(last_at=at), past, at)
        assert due is not None
        assert due.dedup_key == f"issue:1:repeat:{number}"
        past.append(raised(AlertReason.REPEAT, at=at))
    assert decide(issue(last_at=at + HOUR), past, at + HOUR) is None


def test_an_acknowledged_alert_does_not_repeat() -> None:
    assert decide(issue(last_at=NOON + HOUR), [raised(seen=True)], NOON + 2 * HOUR) is None
    repeated = [raised(), raised(AlertReason.REPEAT, at=NOON + HOUR, seen=True)]
    assert decide(issue(last_at=NOON + HOUR), repeated, NOON + 3 * HOUR) is None


def test_silence_is_told_once_as_subsided() -> None:
    later = NOON + SUBSIDED_AFTER
    past = [raised(seen=True)]
    assert decide(issue(), past, later - timedelta(seconds=1)) is None
    assert reason(decide(issue(), past, later)) == AlertReason.SUBSIDED
    past.append(raised(AlertReason.SUBSIDED, at=later))
    assert decide(issue(), past, later + 30 * HOUR) is None


def test_what_comes_back_is_a_relapse() -> None:
    later = NOON + SUBSIDED_AFTER
    past = [raised(seen=True), raised(AlertReason.SUBSIDED, at=later)]
    back = later + HOUR
    due = decide(issue(last_at=back), past, back)
    assert reason(due) == AlertReason.RELAPSED
    past.append(raised(AlertReason.RELAPSED, at=back))
    assert decide(issue(last_at=back), past, back + timedelta(minutes=1)) is None


def test_an_issue_reopened_after_a_person_closed_it_is_a_relapse() -> None:
    back = NOON + 30 * HOUR
    due = decide(issue(last_at=back, relapsed_at=back), [raised(seen=True)], back)
    assert reason(due) == AlertReason.RELAPSED


@pytest.mark.parametrize("state", [IssueState.DISMISSED, IssueState.CLOSED])
def test_what_a_person_put_away_is_not_alerted(state: str) -> None:
    assert decide(issue(Level.RED, state), [], NOON) is None
    assert decide(issue(Level.RED, state), [raised()], NOON + 3 * HOUR) is None


@pytest.mark.parametrize(
    ("level", "span"),
    [
        (Level.RED, timedelta(minutes=15)),
        (Level.ORANGE, timedelta(minutes=30)),
        (Level.YELLOW, HOUR),
        (Level.BLUE, 12 * HOUR),
    ],
)
def test_the_higher_the_level_the_sooner_somebody_must_look(level: str, span: timedelta) -> None:
    assert acknowledge_by(level, NOON) == NOON + span


def test_a_blue_alert_just_before_midnight_leaves_an_hour() -> None:
    late = datetime(2026, 11, 24, 15, 55, tzinfo=UTC)
    assert acknowledge_by(Level.BLUE, late) == late + HOUR


def test_the_answer_is_due_from_the_finding_not_from_the_alert() -> None:
    red = decide(issue(Level.RED), [], NOON + HOUR)
    assert red is not None
    assert (red.respond_by, red.conference_by) == (NOON + 5 * HOUR, NOON + 24 * HOUR)
    yellow = decide(issue(), [], NOON + HOUR)
    assert yellow is not None
    assert (yellow.respond_by, yellow.conference_by) == (NOON + 48 * HOUR, None)


def test_retries_wait_longer_each_time() -> None:
    waits = [retry_after(tries) for tries in range(1, 8)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=30)
    assert waits[-1] == HOUR
