"""Looking a lost push up pushes to nobody; only what is absent for certain is sent again, with its own key."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update

from core.http import Request
from core.models import Account, CopyEvent, Delivery, ReviewStep
from publisher.delivery import lift_freeze, press_freeze
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk

SETTLED_S = 70.0  # the deadline of the lost call and the channel's settle time
NOBODY = {"error": {"code": 1011, "message": "no audience"}}
TAKEN = {"msg_id": "9"}


def key_known(known: bool) -> Callable[[Request], Any]:
    """JPush with one key: its first success where the key is known, else 1011 for a tag nobody has."""

    def answer(request: Request) -> Any:
        return TAKEN if known or request.json["audience"] == "all" else NOBODY

    return answer


@pytest.fixture
def lost(desk: Desk) -> int:
    """A publish row whose push got no answer and did not arrive."""
    numbers = count()
    desk.door.on = {"push/cid": lambda _request: {"cidlist": [f"cid{next(numbers)}"]}, "/v3/push": LOST}
    [row] = desk.plan(desk.article(desk.client()), window_s=600)
    desk.deliver()
    assert desk.state(row) == "unknown"
    desk.door.on["/v3/push"] = key_known(False)
    return row


def pushes(desk: Desk) -> list[Any]:
    """The keys of what was pushed to people."""
    calls = [call.json for call in desk.door.requests if call.url.endswith("/v3/push")]
    return [call["cid"] for call in calls if call["audience"] == "all"]


def asked(desk: Desk) -> int:
    """Look-ups."""
    return sum(call.url.endswith("/v3/push") for call in desk.door.requests) - len(pushes(desk))


def test_a_lost_push_that_arrived_is_found_at_once(desk: Desk, lost: int) -> None:
    desk.door.on["/v3/push"] = key_known(True)
    desk.look(17)
    assert (desk.state(lost), pushes(desk)) == ("confirmed", ["cid0"])
    assert desk.row(lost).receipt["msg_id"] == "9"


def test_an_absent_push_is_sent_again_with_its_own_key_after_its_settle_time(desk: Desk, lost: int) -> None:
    desk.look(17, 20)
    assert (desk.state(lost), pushes(desk)) == ("unknown", ["cid0"])
    desk.look(SETTLED_S)
    assert desk.state(lost) == "planned"
    desk.deliver()
    assert (desk.state(lost), pushes(desk)) == ("confirmed", ["cid0", "cid0"])


def test_a_push_with_nobody_to_push_to_ends(desk: Desk, lost: int) -> None:
    desk.door.on["/v3/push"] = NOBODY
    desk.look(17, SETTLED_S)
    desk.deliver()
    assert desk.state(lost) == "confirmed"
    assert desk.row(lost).receipt["push"] == "没有可以推送的设备"


def test_a_withdrawal_waits_for_the_look_up_and_nothing_is_pushed_meanwhile(desk: Desk, lost: int) -> None:
    [taken_back] = desk.withdraw(desk.row(lost).article_id)
    desk.look(17, SETTLED_S)
    assert (desk.state(lost), pushes(desk)) == ("cancelled", ["cid0"])
    desk.deliver()
    assert desk.state(taken_back) == "confirmed"  # the entry in our own feed is gone
    with desk.db.read() as session:
        details = session.scalars(select(CopyEvent.detail).where(CopyEvent.kind == "residual")).all()
    assert ["查证为未发出" in detail["text"] for detail in details] == [True]  # the doubt stands at the copy


def test_a_push_found_out_under_a_withdrawal_is_taken_back(desk: Desk, lost: int) -> None:
    """The push got there late, after a first look-up had not found it."""
    [taken_back] = desk.withdraw(desk.row(lost).article_id)
    desk.look(17)
    desk.door.on["/v3/push"] = key_known(True)
    desk.look(SETTLED_S)
    desk.deliver()
    assert (desk.state(lost), desk.state(taken_back), pushes(desk)) == ("confirmed", "confirmed", ["cid0"])
    assert [call.method for call in desk.door.requests if call.url.endswith("/v3/push/9")] == ["DELETE"]


def test_a_push_is_not_sent_again_after_a_word_was_changed(desk: Desk, lost: int) -> None:
    with desk.db.write() as session:
        session.execute(update(ReviewStep).values(voided_at=desk.clock.now()))
    desk.look(17, SETTLED_S)
    desk.deliver()
    assert (desk.state(lost), pushes(desk)) == ("held", ["cid0"])
    assert "审核已失效" in desk.row(lost).reason


def test_a_push_is_not_sent_again_after_its_window(desk: Desk, lost: int) -> None:
    desk.look(17, 601)
    desk.deliver()
    assert (desk.state(lost), pushes(desk)) == ("held", ["cid0"])


def test_a_push_is_looked_up_during_a_freeze_and_not_sent_again(desk: Desk, lost: int) -> None:
    with desk.db.write() as session:
        press_freeze(session, desk.publisher, "all", "核实中", desk.clock.now())
    desk.look(17, SETTLED_S)
    desk.deliver()
    assert (desk.state(lost), pushes(desk), asked(desk)) == ("held", ["cid0"], 2)
    with desk.db.write() as session:
        lift_freeze(session, desk.publisher, "all", "已核实", desk.clock.now())
    desk.deliver()
    assert desk.state(lost) == "held"  # a person decides


def test_a_push_is_not_looked_up_past_the_day_of_its_key(desk: Desk, lost: int) -> None:
    """Its day counts from its first use, whatever was asked with it later."""
    desk.look(17)
    desk.clock.advance(24 * 3600)
    desk.look(0)
    assert (desk.state(lost), asked(desk)) == ("unknown", 1)
    assert desk.row(lost).asked_at is not None


def test_an_absent_push_is_never_sent_again_with_another_key(desk: Desk, lost: int) -> None:
    """Its key's day ended while the account was paused: with a new key the platform could not tell that it has it."""
    with desk.db.write() as session:
        session.get_one(Account, desk.row(lost).account_id).paused_reason = "平台停用"
        session.get_one(Delivery, lost).window_ends_at = None
    desk.look(17, SETTLED_S)
    assert desk.state(lost) == "planned"
    desk.clock.advance(25 * 3600)
    with desk.db.write() as session:
        session.get_one(Account, desk.row(lost).account_id).paused_reason = ""
    desk.deliver()
    assert (desk.state(lost), pushes(desk)) == ("held", ["cid0"])
    assert "极光后台" in desk.row(lost).reason


@pytest.mark.parametrize("code", [1003, 1005, 2005, 2008])
def test_a_refused_look_up_proves_nothing(desk: Desk, lost: int, code: int) -> None:
    desk.door.on["/v3/push"] = {"error": {"code": code, "message": "no"}}
    desk.look(17, SETTLED_S, 60)
    assert desk.state(lost) == "unknown"
    assert desk.row(lost).asked_at is not None


def test_every_look_up_asks_for_another_tag_and_a_found_push_keeps_the_day_of_its_key(desk: Desk, lost: int) -> None:
    desk.look(17)
    desk.door.on["/v3/push"] = key_known(True)
    desk.look(SETTLED_S)
    tags = [call.json["audience"]["tag"] for call in desk.door.requests if "tag" in str(call.json)]
    assert len(tags) == 2
    assert tags[0] != tags[1]
    assert desk.row(lost).receipt["pushed_at"] == START.isoformat()
