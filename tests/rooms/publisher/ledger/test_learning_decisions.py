"""What waits for a person, and what a person's word does: late items, superseded revisions, refusals, verdicts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import CheckFailed, TransitionNotAllowed
from publisher.delivery import Verdict, decide_unknown, resume_held, retry_refused
from tests.rooms.publisher.ledger.scripted import LOST, Desk


def test_a_late_item_is_held_under_one_policy_and_sent_under_the_other(desk: Desk) -> None:
    account = desk.weibo()
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [strict] = desk.plan(desk.article(account), window_s=600, late_policy="hold")
    [easy] = desk.plan(desk.article(account), window_s=600, late_policy="send")
    desk.clock.advance(601)
    desk.deliver()
    assert (desk.state(strict), desk.state(easy)) == ("held", "confirmed")
    assert "发布时限" in desk.row(strict).reason
    assert "held" in desk.alarms()


def test_a_held_item_that_is_resumed_gets_a_fresh_window_and_its_alarm_ends(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [row] = desk.plan(desk.article(desk.weibo()), window_s=600)
    desk.clock.advance(601)
    desk.deliver()
    desk.act(resume_held, row)
    assert desk.row(row).window_ends_at == desk.clock.now() + timedelta(seconds=600)
    assert "held" not in desk.alarms()
    desk.deliver()
    assert desk.state(row) == "confirmed"


def test_an_item_just_inside_its_window_goes_out(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [row] = desk.plan(desk.article(desk.weibo()), window_s=600)
    desk.clock.advance(600)
    desk.deliver()
    assert desk.state(row) == "confirmed"


@pytest.mark.parametrize("state", ["planned", "held"])
def test_a_newer_revision_takes_the_place_of_one_that_was_not_sent(desk: Desk, state: str) -> None:
    account = desk.weibo()
    article = desk.article(account)
    sent: list[str] = []
    desk.door.on["statuses/share"] = lambda request: sent.append(request.form["status"]) or {"idstr": "5000000001"}
    [old] = desk.plan(article, window_s=60)
    if state == "held":
        desk.clock.advance(61)
        desk.deliver()
    assert desk.state(old) == state
    desk.revise(article, [account], "关于道路施工改期的通告")
    [new] = desk.plan(article)
    assert (desk.state(old), desk.row(new).operation, desk.row(new).copy_id) == (
        "superseded", "publish", desk.row(old).copy_id,
    )  # fmt: skip
    desk.deliver()
    assert (desk.state(new), len(sent), "改期" in sent[0]) == ("confirmed", 1, True)
    with pytest.raises(TransitionNotAllowed):
        desk.act(resume_held, old)


def test_a_correction_of_an_unknown_item_waits_for_it_and_becomes_the_publish_when_it_is_absent(desk: Desk) -> None:
    desk.door.on = {"push/cid": {"cidlist": ["cid"]}, "/v3/push": LOST}
    account = desk.client()
    article = desk.article(account)
    [old] = desk.plan(article)
    desk.deliver()
    desk.revise(article, [account], "关于道路施工改期的通告")
    [new] = desk.plan(article)
    assert (desk.row(new).operation, desk.state(new)) == ("correct", "planned")
    desk.deliver()
    assert desk.state(new) == "planned"
    desk.act(decide_unknown, old, Verdict("absent", "极光后台没有这条推送"))
    assert (desk.state(old), desk.row(new).operation) == ("superseded", "publish")


def test_a_refused_item_is_told_to_a_person_who_may_send_it_once_more(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20017, "error": "similar"}
    [row] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    assert (desk.state(row), desk.copy(row).state) == ("refused", "never")
    assert "refused" in desk.alarms()
    for _ in range(5):
        desk.clock.advance(600)
        desk.deliver()
        desk.look(0)
    assert desk.door.count("statuses/share") == 1  # nobody but a person tries it again
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    desk.act(retry_refused, row)
    assert "refused" not in desk.alarms()
    desk.deliver()
    assert (desk.state(row), desk.row(row).attempt, desk.copy(row).state) == ("confirmed", 2, "live")


def test_a_verdict_needs_a_note_a_known_word_and_an_undecided_row(desk: Desk) -> None:
    desk.door.on["statuses/share"] = LOST
    [row] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    for verdict in (Verdict("live", " "), Verdict("perhaps", "看过了")):
        with pytest.raises(CheckFailed):
            desk.act(decide_unknown, row, verdict)
    desk.act(decide_unknown, row, Verdict("live", "主页上有", "5000000001", "https://weibo.com/77/x"))
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "5000000001")
    with pytest.raises(TransitionNotAllowed):
        desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))


def test_an_accepted_row_can_be_decided_too(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20032, "error": "later"}
    [row] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    assert desk.state(row) == "sent"
    desk.act(decide_unknown, row, Verdict("absent", "编辑后台显示审核不通过"))
    assert desk.state(row) == "planned"
