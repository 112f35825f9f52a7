"""A withdrawal dominates whatever the row before it is doing, and goes on until it is done, or a person says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import TransitionNotAllowed
from core.http import NotSent
from core.models import Account, CopyEvent, Delivery
from core.ports import Receipt
from publisher.delivery import Verdict, decide_unknown, resume_held, retry_refused
from tests.rooms.publisher.ledger.scripted import LOST, Desk

NO_POST = {"error_code": 20101, "error": "no"}
UNREADABLE = {"error_code": 20112, "error": "no right"}


@pytest.fixture
def article(desk: Desk) -> int:
    """An approved article for Weibo; what is destroyed there is gone when it is read."""
    desk.door.on |= {"statuses/destroy": {"idstr": "1"}, "statuses/show": NO_POST}
    return desk.article(desk.weibo())


def live(desk: Desk, article: int) -> int:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [row] = desk.plan(article)
    desk.deliver()
    assert desk.state(row) == "confirmed"
    return row


def unreadable_withdrawal(desk: Desk, article: int) -> int:
    """A withdrawal the platform accepted, of a post that cannot be read any more."""
    live(desk, article)
    desk.door.on["statuses/show"] = UNREADABLE
    [row] = desk.withdraw(article)
    desk.deliver()
    assert desk.state(row) == "sent"
    return row


# --- in every state of the publish row ---------------------------------------------------------------------------


def test_a_planned_row_is_cancelled_and_nothing_is_withdrawn(desk: Desk, article: int) -> None:
    [row] = desk.plan(article)
    assert desk.withdraw(article) == []
    assert (desk.state(row), desk.copy(row).state) == ("cancelled", "never")
    desk.deliver()
    assert desk.door.calls == []


def test_a_held_row_is_cancelled_and_its_alarm_ends(desk: Desk, article: int) -> None:
    [row] = desk.plan(article, window_s=60)
    desk.clock.advance(120)
    desk.deliver()
    assert (desk.state(row), "held" in desk.alarms()) == ("held", True)
    assert desk.withdraw(article) == []
    assert (desk.state(row), "held" in desk.alarms()) == ("cancelled", False)


def test_an_intended_row_that_was_not_sent_is_cancelled_and_the_withdrawal_with_it(desk: Desk, article: int) -> None:
    taken_back: list[int] = []

    def share(_request: object) -> Exception:
        taken_back.extend(desk.withdraw(article))
        return NotSent("no route")

    desk.door.on["statuses/share"] = share
    [row] = desk.plan(article)
    desk.deliver()
    assert desk.state(row) == "cancelled"
    desk.clock.advance(600)
    desk.deliver()
    assert desk.state(taken_back[0]) in ("cancelled", "confirmed")
    assert (desk.copy(row).state, desk.door.count("statuses/share")) == ("never", 1)


def test_an_intended_row_that_was_sent_is_withdrawn_at_once(desk: Desk, article: int) -> None:
    taken_back: list[int] = []

    def share(_request: object) -> dict[str, str]:
        taken_back.extend(desk.withdraw(article))
        return {"idstr": "5000000001"}

    desk.door.on["statuses/share"] = share
    [row] = desk.plan(article)
    desk.deliver()
    desk.deliver()
    assert (desk.state(row), desk.state(taken_back[0]), desk.copy(row).state) == ("confirmed", "confirmed", "withdrawn")


def test_an_accepted_row_is_withdrawn_when_it_is_shown(desk: Desk) -> None:
    desk.door.on |= {
        "add_material": {"media_id": "cover"}, "draft/add": {"media_id": "d"},
        "freepublish/submit": {"errcode": 0, "publish_id": "1"},
        "freepublish/getarticle": {"errcode": 53600, "errmsg": "no"},
        "freepublish/get": {"publish_id": "1", "publish_status": 0, "article_id": "A1"},
        "freepublish/delete": {"errcode": 0},
    }  # fmt: skip
    article = desk.article(desk.wechat())
    [row] = desk.plan(article)
    desk.deliver()
    assert desk.state(row) == "sent"
    [taken_back] = desk.withdraw(article)
    desk.deliver()
    assert desk.state(taken_back) == "planned"
    desk.look(70)
    desk.deliver()
    assert (desk.state(row), desk.state(taken_back), desk.copy(row).state) == ("confirmed", "confirmed", "withdrawn")


def test_an_unknown_row_that_is_found_is_withdrawn_and_one_that_is_absent_is_cancelled(
    desk: Desk, article: int
) -> None:
    desk.door.on["statuses/share"] = LOST
    [row] = desk.plan(article)
    desk.deliver()
    [taken_back] = desk.withdraw(article)
    desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))
    assert (desk.state(row), desk.state(taken_back), desk.copy(row).state) == ("cancelled", "cancelled", "never")

    other = desk.article(desk.row(row).account_id)
    [found] = desk.plan(other)
    desk.deliver()
    [taken_back] = desk.withdraw(other)
    desk.hear(found, "find", Receipt("confirmed", "5000000002"))
    desk.deliver()
    assert (desk.state(found), desk.state(taken_back), desk.copy(found).state) == (
        "confirmed", "confirmed", "withdrawn",
    )  # fmt: skip


def test_a_confirmed_row_is_withdrawn_and_a_refused_one_needs_nothing(desk: Desk, article: int) -> None:
    row = live(desk, article)
    [taken_back] = desk.withdraw(article)
    desk.deliver()
    assert (desk.state(taken_back), desk.copy(row).state) == ("confirmed", "withdrawn")

    other = desk.article(desk.row(row).account_id)
    desk.door.on["statuses/share"] = {"error_code": 20017, "error": "similar"}
    [refused] = desk.plan(other)
    desk.deliver()
    assert desk.withdraw(other) == []
    assert desk.state(refused) == "refused"


def test_what_is_being_withdrawn_is_neither_tried_again_nor_resumed(desk: Desk) -> None:
    account = desk.website()
    article = desk.article(account)
    desk.plan(article)
    desk.deliver()
    desk.revise(article, [account], "改过的标题")
    [row] = desk.plan(article)
    desk.withdraw(article)
    for state, verb in (("refused", retry_refused), ("held", resume_held)):
        with desk.db.write() as session:
            session.get_one(Delivery, row).state = state
        with pytest.raises(TransitionNotAllowed, match="撤回还没有完成"):
            desk.act(verb, row)


# --- verified, asked, decided ------------------------------------------------------------------------------------


def test_a_withdrawal_that_cannot_be_read_back_is_asked_about_and_looked_at_rarely_from_then_on(
    desk: Desk, article: int
) -> None:
    row = unreadable_withdrawal(desk, article)
    desk.look(*[200] * 4)
    assert desk.row(row).asked_at is None
    desk.look(200)
    assert desk.row(row).asked_at is not None
    assert (desk.duty().asked, "ask" in desk.alarms()) == (1, True)
    reads = desk.door.count("statuses/show")
    desk.look(*[200] * 18)
    assert desk.door.count("statuses/show") - reads <= 4
    desk.door.on["statuses/show"] = NO_POST
    desk.look(3600)
    assert (desk.state(row), desk.copy(row).state, desk.alarms()) == ("confirmed", "withdrawn", set())


def test_a_withdrawal_whose_answer_was_lost_is_read_before_it_is_tried_again(desk: Desk, article: int) -> None:
    """WeChat deletes ten articles a day: a deletion that was done must not cost a second one."""
    live(desk, article)
    desk.door.on["statuses/destroy"] = LOST
    [row] = desk.withdraw(article)
    desk.deliver()
    assert desk.state(row) == "planned"
    desk.clock.advance(600)
    desk.deliver()
    assert desk.state(row) == "sent"  # one reading that finds nothing is not enough
    desk.look(10)
    assert (desk.state(row), desk.copy(row).state) == ("confirmed", "withdrawn")
    assert desk.door.count("statuses/destroy") == 1


def test_a_person_who_sees_that_it_is_gone_ends_the_withdrawal(desk: Desk, article: int) -> None:
    row = unreadable_withdrawal(desk, article)
    desk.look(*[200] * 5)
    desk.act(decide_unknown, row, Verdict("absent", "主页上已没有"))
    assert (desk.state(row), desk.copy(row).state, desk.alarms()) == ("confirmed", "withdrawn", set())


def test_a_person_who_still_sees_it_has_it_withdrawn_once_more_and_then_owns_the_rest(desk: Desk, article: int) -> None:
    row = unreadable_withdrawal(desk, article)
    desk.act(decide_unknown, row, Verdict("live", "还在主页上", "5000000009"))
    assert (desk.state(row), desk.copy(row).remote_id) == ("planned", "5000000009")
    desk.deliver()
    assert (desk.state(row), desk.door.count("statuses/destroy")) == ("sent", 2)
    desk.act(decide_unknown, row, Verdict("live", "还在主页上"))
    assert (desk.state(row), desk.copy(row).state) == ("refused", "live")
    assert "refused" in desk.alarms()
    with desk.db.read() as session:
        kinds = [event.kind for event in session.query(CopyEvent).filter_by(copy_id=desk.copy(row).id)]
    assert "residual" in kinds


def test_a_refused_withdrawal_is_tried_again_under_a_number_of_its_own(desk: Desk, article: int) -> None:
    live(desk, article)
    desk.door.on["statuses/destroy"] = UNREADABLE
    [first] = desk.withdraw(article)
    desk.deliver()
    [second] = desk.withdraw(article)
    desk.deliver()
    assert (desk.state(first), desk.state(second)) == ("refused", "refused")
    desk.act(retry_refused, first)
    assert (desk.row(second).attempt, desk.row(first).attempt) == (2, 3)
    with pytest.raises(TransitionNotAllowed):
        desk.act(retry_refused, second)


@pytest.mark.parametrize("wrong", ["paused", "disabled", "flagged"])
def test_an_account_that_may_not_publish_still_tries_to_withdraw_and_alarms(
    desk: Desk, article: int, wrong: str
) -> None:
    row = live(desk, article)
    account_id = desk.row(row).account_id
    with desk.db.write() as session:
        account = session.get_one(Account, account_id)
        account.paused_reason = "平台停用" if wrong == "paused" else ""
        account.enabled = wrong != "disabled"
    if wrong == "flagged":
        desk.house.tokens.flag(account_id, "凭据失效")
    desk.door.on["statuses/destroy"] = NotSent("no route")
    desk.withdraw(article)
    desk.deliver()
    assert desk.door.count("statuses/destroy") == 1
    desk.look(130)
    assert "withdraw" in desk.alarms()
    desk.door.on["statuses/destroy"] = {"idstr": "1"}
    desk.deliver()
    assert desk.copy(row).state == "withdrawn"
    assert "withdraw" not in desk.alarms()


def test_publishing_waits_while_the_account_is_paused(desk: Desk, article: int) -> None:
    [row] = desk.plan(article, late_policy="send")
    with desk.db.write() as session:
        session.get_one(Account, desk.row(row).account_id).paused_reason = "平台停用"
    desk.clock.advance(timedelta(hours=1).total_seconds())
    desk.deliver()
    assert (desk.state(row), desk.door.calls) == ("planned", [])
