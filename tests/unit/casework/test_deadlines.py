"""Working days: weekends do not count, the day ends at midnight in Shanghai."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from casework.deadlines import due_at


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (datetime(2026, 11, 24, 4, 0, tzinfo=UTC), 1, datetime(2026, 11, 25, 16, 0, tzinfo=UTC)),  # Tuesday noon
        (datetime(2026, 11, 24, 4, 0, tzinfo=UTC), 15, datetime(2026, 12, 15, 16, 0, tzinfo=UTC)),
        (datetime(2026, 11, 27, 4, 0, tzinfo=UTC), 1, datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),  # over a weekend
        (datetime(2026, 11, 28, 4, 0, tzinfo=UTC), 1, datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),  # on a Saturday
        (datetime(2026, 11, 26, 17, 0, tzinfo=UTC), 1, datetime(2026, 11, 30, 16, 0, tzinfo=UTC)),  # Friday in Shanghai
    ],
)
def test_the_deadline_is_the_end_of_the_nth_working_day(received: datetime, days: int, due: datetime) -> None:
    assert due_at(received, days) == due


def test_a_deadline_of_no_days_is_an_error() -> None:
    with pytest.raises(ValueError):
        due_at(datetime(2026, 11, 24, tzinfo=UTC), 0)
