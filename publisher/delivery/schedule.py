"""When a sent or uncertain row is looked at next. Pure but for the row it reads."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.models import Delivery
from core.models.words import Operation
from publisher.channels import channel_class
from publisher.delivery.pace import Pace
from publisher.retry import poll_wait_s
from publisher.workflow import State

LOOKS = (0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # times the settle time, counted from the lost call's deadline
VERIFY_S = (5.0, 15.0, 60.0, 180.0)
SOONEST_S = 2.0


def first_look(delivery: Delivery, now: datetime, pace: Pace) -> datetime:
    """The first look-up or poll of a row that has just become sent or unknown."""
    return next_look(delivery, now, pace)


def next_look(delivery: Delivery, now: datetime, pace: Pace) -> datetime:
    """The next look-up, by the channel's settle time, the row's state and the look-ups made so far."""
    channel = channel_class(delivery.account.kind)
    if delivery.operation == Operation.WITHDRAW:
        return now + pace.scaled(VERIFY_S[min(delivery.looks, len(VERIFY_S) - 1)])
    if delivery.state == State.SENT and channel.publishes_later:
        return now + pace.scaled(poll_wait_s(delivery.looks))
    settle = pace.settle(channel.settle_s)
    since = delivery.once_deadline_at or now
    place = LOOKS[min(delivery.looks, len(LOOKS) - 1)]
    due = since + settle * place
    if delivery.absent_at and due < delivery.absent_at + settle / 2:
        due = delivery.absent_at + settle / 2
    soonest = now + (pace.scaled(SOONEST_S) if delivery.looks else timedelta(0))
    if delivery.looks >= len(LOOKS):
        due = now + settle * 2
    return max(due, soonest)
