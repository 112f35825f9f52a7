"""Hostile orders of events: what two calls, two rounds or a withdrawal can do to each other at the worst instant."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from core import callbacks
from core.errors import TransitionNotAllowed
from core.http import NotSent
from core.models import Account, Delivery
from core.ports import Receipt
from publisher.delivery import (
    Verdict,
    cancel,
    decide_unknown,
    handle_callbacks,
    lookout,
    publish_again,
    retry_refused,
    worker,
)
from publisher.delivery.claiming import claim_due
from publisher.delivery.delivering import Delivering
from publisher.delivery.orders import read_approved
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk
from tests.rooms.publisher.ledger.test_carrying_out import planned_reply

FIRST, SECOND = "5000000001", "5000000002"
ACCEPTED = Receipt("sent", data={"link": "l", "status": "s", "since": START.isoformat()})
REFUSED = {"error_code": 20021, "error": "illegal"}
SUBMITS = {
    "add_material": {"media_id": "cover"}, "draft/add": {"media_id": "d"},
    "freepublish/submit": {"errcode": 0, "publish_id": "1"},
}  # fmt: skip
AUDITED_BADLY = {"publish_id": "1", "publish_status": 4}


class Weibo(Desk):
    """A desk whose Weibo deletes what it is told to, and remembers it."""

    destroyed: list[str]


@pytest.fixture
def weibo(desk: Desk) -> Weibo:
    desk.__class__ = Weibo
    assert isinstance(desk, Weibo)
    desk.destroyed = []
    desk.door.on |= {
        "statuses/destroy": lambda request: _destroy(desk, request),
        "statuses/show": {"error_code": 20101},
    }
    return desk


def _destroy(desk: Weibo, request: Any) -> dict[str, str]:
    desk.destroyed.append(request.form["id"])
    return {"idstr": request.form["id"]}


def lost_share(desk: Desk, account: int = 0) -> int:
    """A Weibo row whose share got no answer."""
    desk.door.on["statuses/share"] = LOST
    [row] = desk.plan(desk.article(account or desk.weibo()), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def say_absent(desk: Desk, row: int) -> None:
    desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))


def refused_after_lost(desk: Desk) -> int:
    """A row whose first call was lost and said to be absent, and whose second was refused."""
    row = lost_share(desk)
    say_absent(desk, row)
    desk.door.on["statuses/share"] = REFUSED
    desk.deliver()
    assert desk.state(row) == "refused"
    return row


def cancelled_after_two_calls(desk: Desk) -> int:
    """A withdrawn row with two lost calls, both said to be absent."""
    row = lost_share(desk)
    say_absent(desk, row)
    desk.deliver()
    desk.withdraw(desk.row(row).article_id)
    say_absent(desk, row)
    assert desk.state(row) == "cancelled"
    return row


def again(desk: Desk, row: int) -> int:
    """A new round of the row's copy; the new row."""
    with desk.db.write() as session:
        return publish_again(session, desk.publisher, desk.copy(row).id, "再发", desk.clock.now()).id


def go_on(desk: Desk, rounds: int = 6) -> None:
    for _round in range(rounds):
        desk.deliver()
        desk.clock.advance(60)


# --- a withdrawal is done when what is live is gone ----------------------------------------------------------------


def test_two_late_posts_of_a_withdrawn_row_are_both_taken_down(weibo: Weibo) -> None:
    row = cancelled_after_two_calls(weibo)
    weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
    weibo.hear(row, "late_call", Receipt("confirmed", SECOND))
    assert "duplicate" in weibo.alarms()
    go_on(weibo)
    assert (sorted(weibo.destroyed), weibo.copy(row).state) == ([FIRST, SECOND], "withdrawn")
    assert not weibo.alarms() & {"duplicate", "late_live"}


def test_a_second_post_that_appears_while_the_first_is_deleted_is_taken_down_next(weibo: Weibo) -> None:
    row = cancelled_after_two_calls(weibo)

    def destroy(request: Any) -> dict[str, str]:
        if not weibo.destroyed:
            weibo.hear(row, "late_call", Receipt("confirmed", SECOND))
        return _destroy(weibo, request)

    weibo.door.on["statuses/destroy"] = destroy
    weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
    go_on(weibo)
    assert (weibo.destroyed, weibo.copy(row).state) == ([FIRST, SECOND], "withdrawn")


def test_a_withdrawal_with_nothing_to_delete_is_not_done_when_the_post_appears_meanwhile(weibo: Weibo) -> None:
    row = lost_share(weibo)
    say_absent(weibo, row)

    def share(_request: object) -> Exception:
        weibo.withdraw(weibo.row(row).article_id)
        return NotSent("no route")

    weibo.door.on["statuses/share"] = share
    weibo.deliver()
    claimed = claim_due(weibo.db, weibo.holder, weibo.clock.now(), 8)
    with weibo.db.read() as session:
        orders = read_approved(session, claimed)
        session.expunge_all()
    weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
    for one in claimed:
        Delivering(weibo.house, weibo.holder, one, weibo.pace, orders[one.row_id]).run()
    assert weibo.copy(row).state == "live"
    go_on(weibo)
    assert (weibo.destroyed, weibo.copy(row).state) == ([FIRST], "withdrawn")


@pytest.mark.parametrize("accepted_first", [False, True])
def test_a_refused_row_of_a_withdrawn_article_that_comes_live_is_taken_down(weibo: Weibo, accepted_first: bool) -> None:
    row = refused_after_lost(weibo)
    weibo.withdraw(weibo.row(row).article_id)
    if accepted_first:
        weibo.hear(row, "late_call", ACCEPTED)
        weibo.act(decide_unknown, row, Verdict("live", "主页上有", FIRST))
    else:
        weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
    go_on(weibo)
    assert (weibo.destroyed, weibo.copy(row).state) == ([FIRST], "withdrawn")


def test_a_refused_row_of_a_withdrawn_article_is_not_tried_again(weibo: Weibo) -> None:
    row = refused_after_lost(weibo)
    weibo.withdraw(weibo.row(row).article_id)
    with pytest.raises(TransitionNotAllowed, match="已撤回"):
        weibo.act(retry_refused, row)


def test_a_cancelled_correction_written_late_withdraws_nothing_and_is_told(desk: Desk) -> None:
    account = desk.website()
    article = desk.article(account)
    desk.plan(article)
    desk.deliver()
    desk.revise(article, [account], "改过的标题")
    [row] = desk.plan(article)
    desk.act(cancel, row, "不改了")
    desk.hear(row, "late_call", Receipt("confirmed", desk.copy(row).remote_id))
    assert (desk.copy(row).state, "late_live" in desk.alarms()) == ("live", True)
    with desk.db.read() as session:
        assert session.scalars(select(Delivery).where(Delivery.operation == "withdraw")).all() == []


def test_an_article_the_platform_removes_after_it_was_live_is_told(desk: Desk) -> None:
    row = accepted_submit(desk)
    published = {"publish_id": "1", "publish_status": 0, "article_id": "A1"}
    hear_event(desk, row, "one", {**published, "article_detail": {"item": [{"article_url": "http://w/?mid=1"}]}})
    assert desk.copy(row).state == "live"
    hear_event(desk, row, "two", {"publish_id": "1", "publish_status": 6})
    assert (desk.copy(row).state, "gone" in desk.alarms()) == ("gone", True)


# --- two rounds, two calls -----------------------------------------------------------------------------------------


def test_an_old_rounds_withdrawal_goes_before_a_new_round_and_stops_nobody_else(desk: Desk) -> None:
    account = desk.wechat()
    desk.door.on |= SUBMITS | {"freepublish/submit": LOST, "freepublish/delete": {"errcode": 0}}
    desk.door.on["getarticle"] = {"errcode": 53600}
    [row] = desk.plan(desk.article(account), late_policy="send")
    desk.deliver()
    desk.withdraw(desk.row(row).article_id)
    say_absent(desk, row)
    newer = again(desk, row)
    desk.hear(row, "late_call", Receipt("confirmed", "A1"))
    other = desk.planned(account)
    desk.door.on["freepublish/submit"] = {"errcode": 0, "publish_id": "2"}
    desk.deliver()
    assert (desk.state(newer), desk.state(other), desk.copy(row).state) == ("planned", "sent", "withdrawn")
    desk.deliver()
    assert desk.state(newer) == "sent"


def test_a_new_round_that_was_claimed_makes_no_call_once_the_old_one_is_live_after_all(weibo: Weibo) -> None:
    row = refused_after_lost(weibo)
    newer = again(weibo, row)
    claimed = claim_due(weibo.db, weibo.holder, weibo.clock.now(), 8)
    weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
    calls = weibo.door.count("statuses/share")
    for one in claimed:
        Delivering(weibo.house, weibo.holder, one, weibo.pace).run()
    assert (weibo.door.count("statuses/share"), weibo.state(newer)) == (calls, "held")


def test_a_call_without_an_answer_beside_an_earlier_one_that_is_live_is_told(weibo: Weibo) -> None:
    row = lost_share(weibo)
    say_absent(weibo, row)

    def share(_request: object) -> Exception:
        weibo.hear(row, "late_call", Receipt("confirmed", FIRST))
        return LOST

    weibo.door.on["statuses/share"] = share
    weibo.deliver()
    assert (weibo.state(row), "late_sent" in weibo.alarms()) == ("confirmed", True)


def test_a_first_call_that_is_confirmed_before_its_own_answer_raises_no_alarm(desk: Desk) -> None:
    account = desk.wechat()
    [row] = desk.plan(desk.article(account), late_policy="send")

    def submit(_request: object) -> Exception:
        desk.hear(row, "callback", Receipt("confirmed", "A1", data={"publish_id": "1"}))
        return LOST

    desk.door.on |= SUBMITS | {"freepublish/submit": submit}
    desk.deliver()
    assert (desk.state(row), desk.alarms()) == ("confirmed", set())


def test_a_cancelled_answer_that_appears_late_is_told(desk: Desk) -> None:
    reply = planned_reply(desk, desk.weibo(), {"key": "1:a"})
    desk.act(cancel, reply, "不答了")
    desk.hear(reply, "late_call", Receipt("confirmed", "9"))
    assert "late_sent" in desk.alarms()


# --- what was said of one call says nothing of the next ------------------------------------------------------------


def accepted_submit(desk: Desk) -> int:
    """A WeChat row whose submit was accepted as job 1."""
    account = desk.wechat()
    desk.door.on |= SUBMITS
    [row] = desk.plan(desk.article(account), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "sent"
    return row


def hear_event(desk: Desk, row: int, key: str, fields: dict[str, Any]) -> None:
    account_id, now = desk.row(row).account_id, desk.clock.now()
    with desk.db.write() as session:
        callbacks.accept(session, callbacks.Event("wechat", key, "PUBLISHJOBFINISH", account_id, "", fields), now)
    handle_callbacks(desk.house)


def lost_second_submit(desk: Desk) -> int:
    """Job 1 was said to be absent; the second submit got no answer."""
    row = accepted_submit(desk)
    say_absent(desk, row)
    desk.door.on["freepublish/submit"] = LOST
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def test_the_poll_of_an_old_job_does_not_refuse_a_new_call(desk: Desk) -> None:
    row = lost_second_submit(desk)
    listed = {"batchget": {"item": [], "total_count": 0}, "draft/get": {"errcode": 40007}}
    desk.door.on |= listed | {"freepublish/get": AUDITED_BADLY}
    desk.look(*[600] * 12)
    assert (desk.state(row), desk.door.count("freepublish/get")) == ("unknown", 0)


def test_the_event_of_an_old_job_does_not_refuse_a_new_call(desk: Desk) -> None:
    row = lost_second_submit(desk)
    hear_event(desk, row, "one", AUDITED_BADLY)
    assert desk.state(row) == "unknown"


def test_a_row_tried_again_is_asked_about_again(desk: Desk) -> None:
    post = {"idstr": "1", "text": "x", "created_at": "Tue Nov 24 15:00:00 +0000 2026", "url_objects": []}
    desk.door.on["user_timeline"] = {"statuses": [post], "total_number": 99}
    row = lost_share(desk)
    desk.look(*[60] * 90)
    assert "ask" in desk.alarms()
    desk.hear(row, "callback", Receipt("refused", text="敏感词"))
    assert "ask" not in desk.alarms()
    desk.act(retry_refused, row)
    desk.deliver()
    desk.look(*[60] * 90)
    assert (desk.state(row), "ask" in desk.alarms()) == ("unknown", True)


# --- nothing stays behind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["claim_due", "read_approved"])
def test_rows_of_a_round_that_broke_after_the_claim_go_out_all_the_same(
    weibo: Weibo, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    weibo.door.on["statuses/share"] = {"idstr": FIRST}
    row = weibo.planned(weibo.weibo())
    crew, real = worker.Worker(weibo.house, "one"), getattr(worker, lost)

    def broken(*arguments: Any) -> None:
        real(*arguments)
        raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(worker, lost, broken)
    with pytest.raises(OperationalError):
        crew.tick()
    assert weibo.state(row) == "intended"
    monkeypatch.setattr(worker, lost, real)
    for _round in range(4):
        weibo.clock.advance(10)
        crew._holder.beat()  # type: ignore[union-attr]
        crew.tick()
        crew.wait_idle()
    crew.close()
    assert (weibo.state(row), weibo.door.count("statuses/share")) == ("confirmed", 1)


def test_an_account_whose_adapter_breaks_keeps_nobody_from_being_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = lost_share(desk)
    other = desk.office.account("weibo", "第二微博", {"uid": "78", "requests_a_day": 10**6}, {"access_token": "t"})
    row, broken_account, real = lost_share(desk, other), desk.row(broken).account_id, lookout.open_channel

    def opened(house: Any, account: Account) -> Any:
        if account.id == broken_account:
            raise ValueError("a setting nobody foresaw")
        return real(house, account)

    monkeypatch.setattr(lookout, "open_channel", opened)
    post = {"idstr": "1", "text": "x", "created_at": "Tue Nov 24 15:00:00 +0000 2026", "url_objects": []}
    desk.door.on["user_timeline"] = {"statuses": [post], "total_number": 99}
    desk.look(*[60] * 90)
    assert desk.row(row).asked_at is not None
    assert desk.row(broken).asked_at is not None


def test_a_clock_that_jumps_within_a_round_makes_nothing_absent(desk: Desk) -> None:
    row = lost_share(desk)
    desk.door.on["user_timeline"] = {"statuses": [], "total_number": 0}
    desk.look(60, 30)
    assert desk.row(row).absent_at is not None
    real = desk.lookout.takeover.run

    def jumping(holder: Any) -> int:
        desk.clock.jump(3600)
        return real(holder)

    desk.lookout.takeover.run = jumping  # type: ignore[method-assign]
    desk.look(10)
    desk.lookout.takeover.run = real  # type: ignore[method-assign]
    desk.look(1, 1)
    assert desk.state(row) == "unknown"


def test_a_new_version_that_weibo_calls_a_repetition_is_looked_for_where_the_old_call_was_lost(weibo: Weibo):
    """The old version's call was called absent by a person; the same words come back as repeated: it may be there."""
    account_id = weibo.weibo()
    old = lost_share(weibo, account_id)
    say_absent(weibo, old)
    article_id = weibo.row(old).article_id
    weibo.revise(article_id, [account_id], "关于道路施工的通告")
    [new] = weibo.plan(article_id, late_policy="send")
    weibo.door.on["statuses/share"] = {"error_code": 20019, "error": "repeat content"}
    weibo.deliver()
    assert weibo.state(old) == "superseded"
    assert weibo.state(new) == "unknown"
