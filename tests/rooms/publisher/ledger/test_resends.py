"""Ways in which a second copy could have come about: a resend, an old round, a forgotten call, a clock ahead."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import update

from core import callbacks
from core.errors import TransitionNotAllowed
from core.http import Request
from core.models import ReviewStep
from publisher.delivery import Verdict, cancel, decide_unknown, handle_callbacks, publish_again, retry_refused, withdraw
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk


def post(number: int, at_age: timedelta) -> dict[str, object]:
    at = (START - at_age).strftime("%a %b %d %H:%M:%S +0000 %Y")
    return {"idstr": str(number), "id": number, "text": "x", "created_at": at, "url_objects": []}


def lost_submit(desk: Desk) -> int:
    """A WeChat row whose submit got no answer."""
    numbers = count()
    desk.door.on |= {
        "add_material": {"media_id": "cover"},
        "uploadimg": {"url": "http://mm/x"},
        "draft/add": lambda _request: {"media_id": f"draft{next(numbers)}"},
        "draft/get": {"news_item": []},
        "quota/get": {"errcode": 0, "quota": {"used": 0}},
        "freepublish/batchget": {"total_count": 0, "item": []},
        "freepublish/submit": LOST,
    }
    row = desk.planned(desk.wechat())
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def gone_or_new(request: Request) -> dict[str, object]:
    """The first draft has left the box; any other would be published."""
    first = request.json["media_id"] == "draft0"
    return {"errcode": 40007, "errmsg": "gone"} if first else {"errcode": 0, "publish_id": "9"}


def test_an_old_round_is_not_tried_again_once_there_is_a_newer_one(desk: Desk) -> None:
    row = desk.planned(desk.weibo())
    desk.door.on["statuses/share"] = {"error_code": 20017, "error": "similar"}
    desk.deliver()
    assert desk.state(row) == "refused"
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    newer = desk.act(publish_again, desk.copy(row).id, "再发")
    desk.deliver()
    assert desk.state(newer) == "confirmed"
    with pytest.raises(TransitionNotAllowed):
        desk.act(retry_refused, row)


def test_a_row_whose_outcome_is_unknown_cannot_be_cancelled_by_a_stale_page(desk: Desk) -> None:
    row = desk.planned(desk.weibo())
    desk.door.on["statuses/share"] = LOST
    desk.deliver()
    with pytest.raises(TransitionNotAllowed):
        desk.act(cancel, row, "不发了")
    assert desk.state(row) == "unknown"


def test_repeated_text_after_our_own_lost_share_is_looked_for_and_not_refused(desk: Desk) -> None:
    row = desk.planned(desk.weibo())
    desk.door.on["statuses/share"] = LOST
    desk.door.on["user_timeline"] = {"statuses": [post(1, timedelta(days=1))], "total_number": 9}
    desk.deliver()
    desk.look(18, 80, 100, 100, 100)
    assert desk.state(row) == "planned"
    desk.door.on["statuses/share"] = {"error_code": 20019, "error": "repeat content"}
    desk.deliver()
    assert desk.state(row) == "unknown"


def test_posts_of_a_clock_slightly_behind_do_not_prove_that_the_list_reaches_back(desk: Desk) -> None:
    row = desk.planned(desk.weibo())
    desk.door.on["statuses/share"] = LOST
    foreign = [post(number, timedelta(seconds=60 + number)) for number in range(5)]
    desk.door.on["user_timeline"] = {"statuses": foreign, "total_number": 9}
    desk.deliver()
    desk.look(18, 80, 100, 100, 100)
    assert desk.state(row) == "unknown"


def test_wechat_submits_the_same_draft_at_most_twice(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.look(950, 950, 950)
    desk.deliver()
    desk.look(950, 950, 950)
    desk.deliver()
    assert desk.door.count("freepublish/submit") == 2
    assert desk.state(row) == "unknown"


def test_wechat_makes_no_other_draft_when_the_lost_submit_was_taken_late(desk: Desk) -> None:
    lost_submit(desk)
    desk.look(950, 950, 950)
    desk.door.on["freepublish/submit"] = gone_or_new
    desk.deliver()
    assert desk.door.count("draft/add") == 1


def test_wechat_makes_no_other_draft_after_a_person_said_it_is_absent(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.act(decide_unknown, row, Verdict("absent", "后台看过"))
    desk.door.on["freepublish/submit"] = gone_or_new
    desk.deliver()
    assert desk.door.count("draft/add") == 1


def test_an_answer_without_a_list_is_no_proof_of_absence(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.door.on["freepublish/batchget"] = {}
    desk.look(950, 950, 950)
    assert desk.state(row) == "unknown"


def test_a_word_changed_after_the_claim_stops_the_public_call(desk: Desk) -> None:
    def changed_meanwhile(_request: Request) -> dict[str, str]:
        with desk.db.write() as session:
            session.execute(update(ReviewStep).values(voided_at=desk.clock.now()))
        return {"media_id": "draft"}

    desk.door.on |= {
        "add_material": {"media_id": "cover"},
        "draft/add": changed_meanwhile,
        "freepublish/submit": {"errcode": 0, "publish_id": "1"},
    }
    row = desk.planned(desk.wechat())
    desk.deliver()
    assert desk.door.count("freepublish/submit") == 0
    assert desk.state(row) == "held"


def test_a_withdrawal_does_not_wait_until_an_unknown_row_has_left_the_list_window(desk: Desk) -> None:
    account, numbers = desk.weibo(), count(5000000001)
    desk.door.on["statuses/share"] = LOST
    lost = desk.planned(account)
    desk.deliver()
    desk.clock.advance(1)
    desk.door.on["statuses/share"] = lambda _request: {"idstr": str(next(numbers))}
    desk.door.on["statuses/destroy"] = {"idstr": "1"}
    rows = [desk.planned(account) for _ in range(4)]
    desk.deliver()
    assert (desk.state(lost), {desk.state(row) for row in rows}) == ("unknown", {"confirmed"})
    with desk.db.write() as session:
        withdraw(session, desk.publisher, desk.copy(rows[0]).article_id, "内容有误", desk.clock.now())
    desk.deliver()
    assert desk.door.count("statuses/destroy") == 1


def test_an_article_of_somebody_else_whose_link_ends_like_our_mark_is_not_ours(desk: Desk) -> None:
    account = desk.wechat()
    row = desk.planned(account, due_in=timedelta(hours=5))
    link = f"https://other.example.gov.cn/list?c={desk.copy(row).id}"
    desk.door.on["getarticle"] = {"news_item": [{"content_source_url": link, "url": "http://mp/x", "content": "x"}]}
    fields = {"publish_id": "77", "publish_status": "0", "article_id": "FOREIGN"}
    with desk.db.write() as session:
        callbacks.accept(
            session, callbacks.Event("wechat", "k1", "PUBLISHJOBFINISH", account, "", fields), desk.clock.now()
        )
    handle_callbacks(desk.house)
    assert desk.state(row) == "planned"
    assert desk.copy(row).remote_id == ""
