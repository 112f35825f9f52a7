"""When a sent or uncertain row is looked at next. Pure but for the row it reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from core.models import Delivery
from core.models.words import Operation
from publisher.channels import channel_class
from publisher.delivery.pace import Pace
from publisher.retry import poll_wait_s
from publisher.workflow import State

LOOKS = (0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # times the settle time, counted from the lost call's deadline
VERIFY_S = (5.0, 15.0, 60.0, 180.0)
SOONEST_S = 2.0
GRID = 6  # common instants of look-ups in one settle time, where requests are few: for Weibo every 30 s, one lease
AFTER_ASKING = 10  # times the settle time


def first_look(delivery: Delivery, now: datetime, pace: Pace) -> datetime:
    """The first look-up or poll of a row that has just become sent or unknown."""
    return next_look(delivery, now, pace)


def next_look(delivery: Delivery, now: datetime, pace: Pace, *, out_of_reach: bool = False) -> datetime:
    """The next look-up, by the channel's settle time, the row's state and the look-ups made so far.

    `out_of_reach`: the look-up told nothing. Where only the newest posts are listed, nothing is gained by another
    before the settle time is over.
    Once a person was asked, look-ups grow rare: they cost requests others need.
    """
    channel = channel_class(delivery.account.kind)
    settle = pace.settle(channel.settle_s)
    if delivery.operation == Operation.WITHDRAW:
        return now + pace.scaled(_verify_wait_s(delivery))
    if delivery.state == State.SENT and channel.publishes_later:
        return now + pace.scaled(poll_wait_s(delivery.looks))
    if delivery.asked_at:
        return _on_grid(now + settle * AFTER_ASKING + pace.scaled(poll_wait_s(delivery.looks)), settle * AFTER_ASKING)
    due = _next_place(delivery, now, settle, 1.0 if out_of_reach and channel.list_window else 0.0)
    due = _on_grid(due, settle / GRID) if channel.list_window else due
    return max(due, now + (pace.scaled(SOONEST_S) if delivery.looks else timedelta(0)))


def may_look(delivery: Delivery) -> bool:
    """Whether another look-up is allowed: an uncertain call may cost only so many list reads, failed ones included."""
    reads = channel_class(delivery.account.kind).list_reads
    by_list = delivery.state == State.UNKNOWN and not delivery.receipt.get("publish_id")
    return not (reads and by_list and delivery.operation != Operation.WITHDRAW and delivery.looks >= reads)


def _verify_wait_s(delivery: Delivery) -> float:
    """Seconds to the next reading of what was withdrawn."""
    if delivery.asked_at:
        return poll_wait_s(delivery.looks - len(VERIFY_S))
    return VERIFY_S[min(delivery.looks, len(VERIFY_S) - 1)]


def _next_place(delivery: Delivery, now: datetime, settle: timedelta, least: float) -> datetime:
    """The first place of LOOKS still ahead; a second look-up for an absent one not before half the settle time.

    A first look-up that told nothing is made up for at half the settle time, so that two can still agree at its end;
    one that said absent needs only the last.
    """
    since = delivery.once_deadline_at or now
    least = 1.0 if delivery.absent_at else least
    ahead = [since + settle * place for place in LOOKS if place >= least and since + settle * place > now]
    due = ahead[0] if ahead and settle else now + settle * 2
    return max(due, delivery.absent_at + settle / 2) if delivery.absent_at else due


def _on_grid(at: datetime, step: timedelta) -> datetime:
    """The next common instant: rows of one account that are looked for together cost one list read together."""
    if not step:
        return at
    seconds = step.total_seconds()
    return datetime.fromtimestamp(ceil(at.timestamp() / seconds) * seconds, UTC)
