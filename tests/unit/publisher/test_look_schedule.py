"""When an uncertain row is looked at: two look-ups can agree as soon as the settle time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Account, Delivery
from publisher.delivery.pace import Pace
from publisher.delivery.schedule import first_look, next_look

DEADLINE = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
PACE = Pace(factor=1, settle_factor=1, lease_s=30, call_s=10, alarm_s=120, ask_s=3600)
SETTLE = timedelta(seconds=1800)


@pytest.fixture
def row() -> Delivery:
    account = Account(kind="wechat", name="账号", settings={})
    return Delivery(
        account=account, operation="publish", state="unknown", once_deadline_at=DEADLINE, looks=0, receipt={}
    )


def test_a_lost_call_is_looked_for_soon(row: Delivery) -> None:
    assert first_look(row, DEADLINE, PACE) == DEADLINE + SETTLE / 10


def test_after_a_look_that_told_nothing_the_next_comes_at_half_the_settle_time_and_the_third_at_its_end(
    row: Delivery,
) -> None:
    row.looks = 1
    second = next_look(row, DEADLINE + SETTLE / 10, PACE, out_of_reach=True)
    assert second == DEADLINE + SETTLE / 2
    row.looks, row.absent_at = 2, second
    assert next_look(row, second, PACE) == DEADLINE + SETTLE


def test_after_a_look_that_said_absent_only_the_end_of_the_settle_time_is_waited_for(row: Delivery) -> None:
    row.looks, row.absent_at = 1, DEADLINE + SETTLE / 10
    assert next_look(row, DEADLINE + SETTLE / 10, PACE) == DEADLINE + SETTLE


def test_a_list_of_the_newest_posts_that_does_not_reach_back_is_not_read_again_before_the_end(row: Delivery) -> None:
    row.account.kind, row.looks = "weibo", 1
    settle = timedelta(seconds=180)
    assert next_look(row, DEADLINE + settle / 10, PACE, out_of_reach=True) == DEADLINE + settle
