"""When an answer is due: working days by the weekday alone. Public holidays and make-up days are not known here."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import SHANGHAI, shanghai

SATURDAY = 5


def due_at(received_at: datetime, working_days: int) -> datetime:
    """The end (midnight, Shanghai) of the n-th working day after the day of receipt, as a UTC instant.

    A message of a weekend or evening counts from the next working day on. ValueError for fewer than one day.
    """
    if working_days < 1:
        raise ValueError("at least one working day")
    day = shanghai(received_at).date()
    while working_days:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY:
            working_days -= 1
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), SHANGHAI)
    return end.astimezone(received_at.tzinfo)
