"""Looking a lost push up is sending it again: it passes every gate of a first sending, or a person is asked."""

from __future__ import annotations

from itertools import count

import pytest
from sqlalchemy import update

from core.models import ReviewStep
from publisher.delivery import Verdict, decide_unknown, lift_freeze, press_freeze
from tests.rooms.publisher.ledger.scripted import LOST, Desk


@pytest.fixture
def lost(desk: Desk) -> int:
    """A publish row whose push got no answer; from now on the platform would take a push."""
    numbers = count()
    desk.door.on = {"push/cid": lambda _request: {"cidlist": [f"cid{next(numbers)}"]}, "/v3/push": LOST}
    [row] = desk.plan(desk.article(desk.client()), window_s=600)
    desk.deliver()
    assert desk.state(row) == "unknown"
    desk.door.on["/v3/push"] = {"msg_id": "9"}
    return row


def pushes(desk: Desk) -> int:
    return desk.door.count("/v3/push")


def test_a_lost_push_is_looked_up_with_its_own_key(desk: Desk, lost: int) -> None:
    desk.look(5)
    assert desk.state(lost) == "confirmed"
    assert pushes(desk) == 2


def test_a_push_is_not_repeated_while_a_withdrawal_waits_and_a_person_is_asked(desk: Desk, lost: int) -> None:
    [taken_back] = desk.withdraw(desk.row(lost).article_id)
    desk.look(5)
    assert pushes(desk) == 1
    assert (desk.state(lost), desk.row(lost).asked_at) == ("unknown", desk.clock.now())
    assert "ask" in desk.alarms()
    desk.act(decide_unknown, lost, Verdict("absent", "极光后台没有这条推送"))
    assert desk.state(lost) == "cancelled"
    desk.deliver()
    assert desk.state(taken_back) == "confirmed"  # the entry in our own feed is gone
    assert pushes(desk) == 1


def test_a_push_is_not_repeated_after_a_word_was_changed(desk: Desk, lost: int) -> None:
    with desk.db.write() as session:
        session.execute(update(ReviewStep).values(voided_at=desk.clock.now()))
    desk.look(5)
    assert pushes(desk) == 1
    assert "审核已失效" in desk.row(lost).error_text
    assert desk.row(lost).asked_at is not None


def test_a_push_is_not_repeated_after_its_window(desk: Desk, lost: int) -> None:
    desk.look(601)
    assert pushes(desk) == 1
    assert desk.row(lost).asked_at is not None


def test_a_push_waits_for_the_end_of_a_freeze(desk: Desk, lost: int) -> None:
    with desk.db.write() as session:
        press_freeze(session, desk.publisher, "all", "核实中", desk.clock.now())
    desk.look(5, 20)
    assert (desk.state(lost), pushes(desk), desk.row(lost).asked_at) == ("unknown", 1, None)
    with desk.db.write() as session:
        lift_freeze(session, desk.publisher, "all", "已核实", desk.clock.now())
    desk.look(20)
    assert (desk.state(lost), pushes(desk)) == ("confirmed", 2)


def test_a_push_is_not_repeated_past_the_day_of_its_key(desk: Desk) -> None:
    """Its day counts from its first use; an hour ago it was used again, and would push anew all the same."""
    numbers = count()
    desk.door.on = {"push/cid": lambda _request: {"cidlist": [f"cid{next(numbers)}"]}, "/v3/push": LOST}
    [row] = desk.plan(desk.article(desk.client()), late_policy="send")
    desk.deliver()
    desk.look(23 * 3600)
    assert (desk.state(row), pushes(desk)) == ("unknown", 2)
    desk.clock.advance(2 * 3600)
    desk.door.on["/v3/push"] = {"msg_id": "9"}
    desk.look(0)
    assert pushes(desk) == 2
    assert desk.state(row) == "unknown"
    assert desk.row(row).asked_at is not None
