"""Look-ups: rows fail alone, list reads are bounded, a clock that jumps proves nothing, accepted is not absent."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from core.http import NotSent, Request
from core.models import Delivery
from publisher.delivery import Verdict, decide_unknown
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk

NO_DRAFT = {"errcode": 40007, "errmsg": "invalid media_id"}
UNAUTHORISED = {"errcode": 48001, "errmsg": "unauthorized"}


def post(number: int, at_age: timedelta) -> dict[str, object]:
    at = (START - at_age).strftime("%a %b %d %H:%M:%S +0000 %Y")
    return {"idstr": str(number), "id": number, "text": "x", "created_at": at, "url_objects": []}


def lost_share(desk: Desk) -> int:
    """A Weibo row whose share got no answer and whose timeline reaches back without it."""
    desk.door.on["statuses/share"] = LOST
    desk.door.on["user_timeline"] = {"statuses": [post(1, timedelta(days=1))], "total_number": 9}
    [row] = desk.plan(desk.article(desk.weibo()), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def drafts(desk: Desk) -> None:
    desk.door.on |= {
        "add_material": {"media_id": "cover"}, "draft/add": {"media_id": "d"}, "draft/get": {"news_item": []},
        "quota/get": {"errcode": 0, "quota": {"used": 0}}, "freepublish/batchget": {"total_count": 0, "item": []},
    }  # fmt: skip


def accepted(desk: Desk, account: int, publish_id: str) -> int:
    """A WeChat row in audit under that job."""
    drafts(desk)
    desk.door.on["freepublish/submit"] = {"errcode": 0, "publish_id": publish_id}
    [row] = desk.plan(desk.article(account))
    desk.deliver()
    assert desk.state(row) == "sent"
    return row


def lost_submit(desk: Desk) -> int:
    drafts(desk)
    desk.door.on["freepublish/submit"] = LOST
    [row] = desk.plan(desk.article(desk.wechat()), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def lost_submits(desk: Desk, account: int, number: int = 2) -> list[int]:
    """WeChat rows whose submits got no answer, with drafts d0, d1, …"""
    made = desk.door.count("draft/add")
    drafts_so_far = count(made)
    desk.door.on |= {
        "add_material": {"media_id": "cover"}, "draft/add": lambda _request: {"media_id": f"d{next(drafts_so_far)}"},
        "freepublish/batchget": {"total_count": 0, "item": []}, "freepublish/submit": LOST,
    }  # fmt: skip
    desk.door.on.setdefault("quota/get", {"errcode": 0, "quota": {"used": 0}})
    desk.door.on.setdefault("draft/get", {"news_item": []})
    rows = [desk.plan(desk.article(account), late_policy="send")[0] for _ in range(number)]
    desk.deliver()
    assert {desk.state(row) for row in rows} == {"unknown"}
    return rows


def listed(desk: Desk, row: int) -> None:
    """WeChat's list shows the article of this row from now on."""
    copy = desk.copy(row)
    article = {"content_source_url": f"{desk.office.settings.site_url}/articles/{copy.article_id}.html?c={copy.id}"}
    item = {
        "article_id": "A9_2247483647",
        "update_time": int(desk.clock.now().timestamp()),
        "content": {"news_item": [article]},
    }
    desk.door.on["freepublish/batchget"] = {"total_count": 1, "item": [item]}


def test_a_row_whose_look_fails_backs_off_alone(desk: Desk) -> None:
    account = desk.wechat()
    bad, good = accepted(desk, account, "1"), accepted(desk, account, "2")

    def job(request: Request) -> dict[str, object]:
        failing = request.json["publish_id"] == "1"
        return {"publish_id": request.json["publish_id"], "publish_status": 99 if failing else 0, "article_id": "A2"}

    desk.door.on["freepublish/get"] = job
    desk.look(70)
    assert (desk.state(bad), desk.state(good)) == ("sent", "confirmed")
    polls = desk.door.count("freepublish/get")
    desk.look(*[30] * 20)
    assert desk.door.count("freepublish/get") - polls <= 3


def test_a_row_that_cannot_be_reached_does_not_keep_the_others_of_its_account_waiting(desk: Desk) -> None:
    account = desk.wechat()
    bad, good = accepted(desk, account, "1"), accepted(desk, account, "2")

    def job(request: Request) -> object:
        number = request.json["publish_id"]
        return NotSent("no route") if number == "1" else {"publish_id": number, "publish_status": 0, "article_id": "A"}

    desk.door.on["freepublish/get"] = job
    desk.look(70, 31)
    assert (desk.state(bad), desk.state(good)) == ("sent", "confirmed")


def test_nobody_is_called_again_and_again_while_the_platform_is_down(desk: Desk) -> None:
    account = desk.wechat()
    for number in range(5):
        accepted(desk, account, str(number))
    desk.door.on["freepublish/get"] = NotSent("no route")
    desk.look(70, *[2] * 30)
    assert desk.door.count("freepublish/get") <= 4


@pytest.mark.parametrize("broken", ["quota/get", "draft/get"])
@pytest.mark.parametrize("answer", [UNAUTHORISED, LOST, {"errcode": 45009, "errmsg": "quota"}])
def test_an_unknown_submit_costs_at_most_three_list_reads_also_when_what_follows_them_fails(
    desk: Desk, broken: str, answer: object
) -> None:
    row = lost_submit(desk)
    desk.door.on[broken] = answer
    desk.look(*[60] * 80)
    assert desk.door.count("freepublish/batchget") <= 3
    assert (desk.state(row), desk.row(row).asked_at is not None) == ("unknown", True)


def test_an_outage_does_not_use_the_list_reads_up(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.door.on["freepublish/batchget"] = NotSent("no route")
    desk.look(*[60] * 40)
    assert desk.row(row).asked_at is None
    desk.door.on["freepublish/batchget"] = {"total_count": 0, "item": []}
    desk.look(*[300] * 6)
    assert desk.state(row) == "planned"


def test_a_listed_article_whose_submit_was_lost_as_well_explains_the_quota(desk: Desk) -> None:
    account = desk.wechat()
    row = lost_submits(desk, account, 1)[0]
    desk.look(200)
    desk.clock.advance(1500)
    other = lost_submits(desk, account, 1)[0]
    desk.door.on["quota/get"] = {"errcode": 0, "quota": {"used": 1}}
    listed(desk, other)
    desk.look(120)
    assert desk.state(row) == "planned"


@pytest.mark.parametrize("other_draft", [NO_DRAFT, {"news_item": []}])
def test_a_submit_too_many_is_not_explained_by_what_is_not_listed(desk: Desk, other_draft: object) -> None:
    """The other draft may have left the box by an editor's hand, and our own article be in a long audit."""
    row, _other = lost_submits(desk, desk.wechat())
    desk.door.on["quota/get"] = {"errcode": 0, "quota": {"used": 1}}
    desk.door.on["draft/get"] = lambda request: {"news_item": []} if request.json["media_id"] == "d0" else other_draft
    desk.look(950, 950, 950)
    assert desk.state(row) == "unknown"


def test_a_fresh_lost_submit_of_another_article_is_waited_for_before_a_person_is_asked(desk: Desk) -> None:
    account = desk.wechat()
    row = lost_submits(desk, account, 1)[0]
    desk.look(200)
    desk.clock.advance(1590)
    desk.door.on["quota/get"] = {"errcode": 0, "quota": {"used": 1}}
    other = lost_submits(desk, account, 1)[0]
    desk.look(25)  # the settle time is over, the other may be in audit
    assert desk.state(row) == "unknown"
    listed(desk, other)
    desk.look(61)
    assert desk.state(row) == "planned"


def test_fresh_lost_submits_of_others_do_not_use_the_list_reads_up_before_the_settle_time(desk: Desk) -> None:
    account = desk.wechat()
    row = lost_submits(desk, account, 1)[0]
    for number in range(1, 9):
        desk.clock.advance(40)
        desk.door.on["quota/get"] = {"errcode": 0, "quota": {"used": number}}
        lost_submits(desk, account, 1)
        desk.look(0.01)
    assert desk.row(row).looks <= 1
    assert desk.row(row).asked_at is None


def test_a_clock_set_forward_proves_nothing_absent(desk: Desk) -> None:
    row = lost_share(desk)
    desk.look(20)
    desk.clock.jump(3600)
    desk.look(1, 2, 100)
    assert desk.state(row) == "unknown"
    desk.look(100, 100)
    assert desk.state(row) == "planned"


def test_a_clock_set_back_neither_stops_look_ups_nor_hides_a_post_made_before(desk: Desk) -> None:
    """Our clock was an hour ahead when the call was made: the platform dates our post an hour before the intent."""
    row = lost_share(desk)
    with desk.db.read() as session:
        link = session.get_one(Delivery, row).article.canonical_link
    ours = post(5000000001, timedelta(hours=1)) | {"url_objects": [{"url_long": link}]}
    desk.clock.jump(-3600)
    desk.door.on["user_timeline"] = {"statuses": [ours, post(1, timedelta(days=1))], "total_number": 9}
    desk.look(30, 60, 60)
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "5000000001")


def test_a_post_that_was_accepted_and_is_not_shown_is_asked_about_and_never_sent_again(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20032, "error": "later"}
    desk.door.on["user_timeline"] = {"statuses": [post(1, timedelta(days=1))], "total_number": 9}
    [row] = desk.plan(desk.article(desk.weibo()), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "sent"
    for _ in range(140):
        desk.look(30)
        desk.deliver()
    assert desk.door.count("statuses/share") == 1
    assert (desk.state(row), desk.row(row).asked_at is not None) == ("unknown", True)
    assert "已受理" in desk.row(row).error_text
    desk.act(decide_unknown, row, Verdict("absent", "编辑后台显示审核不通过"))
    assert desk.state(row) == "planned"


def test_an_audit_whose_polls_are_answered_is_not_silent_and_one_whose_polls_fail_is(desk: Desk) -> None:
    row = accepted(desk, desk.wechat(), "1")
    desk.door.on["freepublish/get"] = {"publish_id": "1", "publish_status": 1}
    desk.look(70)
    for _ in range(20):
        desk.look(60)
        assert desk.duty().silent == 0
    desk.door.on["freepublish/get"] = LOST
    desk.look(*[900] * 5)
    assert (desk.state(row), desk.duty().silent) == ("sent", 1)


def test_a_row_in_audit_is_silent_when_nobody_looks(desk: Desk) -> None:
    accepted(desk, desk.wechat(), "1")
    desk.clock.advance(60 + 119)
    assert desk.duty().silent == 0
    desk.clock.advance(2)
    assert desk.duty().silent == 1
