"""News that comes late: of a row that was put back, ended, or has a newer round. What is live is never forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.claims import end_worker, register
from core.models import CopyEvent, Delivery
from core.models.words import CopyEventKind
from core.ports import Receipt
from publisher.delivery import Verdict, decide_unknown, publish_again
from publisher.delivery.takeover import Takeover
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk

ACCEPTED = Receipt("sent", data={"link": "l", "status": "s", "since": START.isoformat()})


def lost_share(desk: Desk) -> int:
    """A Weibo row whose share got no answer."""
    desk.door.on["statuses/share"] = LOST
    [row] = desk.plan(desk.article(desk.weibo()), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def events_of(desk: Desk, row: int, kind: CopyEventKind) -> int:
    with desk.db.read() as session:
        copy_id = session.get_one(Delivery, row).copy_id
        query = select(CopyEvent).where(CopyEvent.copy_id == copy_id, CopyEvent.kind == kind.value)
        return len(session.scalars(query).all())


def withdrawals(desk: Desk, state: str) -> list[int]:
    with desk.db.read() as session:
        query = select(Delivery.id).where(Delivery.operation == "withdraw", Delivery.state == state)
        return list(session.scalars(query))


def test_a_row_put_back_is_not_sent_again_once_its_first_call_was_accepted_late(desk: Desk) -> None:
    row = lost_share(desk)
    desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))
    desk.hear(row, "late_call", ACCEPTED)
    assert desk.state(row) == "sent"
    desk.door.on["user_timeline"] = {"statuses": [], "total_number": 0}
    desk.deliver()
    desk.look(*[60] * 90)
    desk.deliver()
    assert desk.door.count("statuses/share") == 1
    assert (desk.state(row), desk.row(row).asked_at is not None) == ("unknown", True)


def test_a_late_acceptance_stops_the_worker_that_is_about_to_call_again(desk: Desk) -> None:
    row = lost_share(desk)
    desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))
    with desk.db.write() as session:
        claimed = session.get_one(Delivery, row)
        claimed.state, claimed.worker_id, fence = "intended", desk.holder.id, claimed.fence
    desk.hear(row, "late_call", ACCEPTED)
    assert desk.row(row).fence > fence
    assert desk.state(row) == "sent"


def test_a_late_acceptance_of_a_cancelled_row_is_told_to_a_person(desk: Desk) -> None:
    row = lost_share(desk)
    desk.withdraw(desk.row(row).article_id)
    desk.act(decide_unknown, row, Verdict("absent", "主页上没有"))
    desk.hear(row, "late_call", ACCEPTED)
    assert desk.state(row) == "cancelled"
    assert "late_sent" in desk.alarms()


def test_a_new_round_is_held_when_the_refused_one_before_it_was_accepted_after_all(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20017, "error": "similar"}
    [old] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    new = desk.act(publish_again, desk.copy(old).id, "再发")
    desk.hear(old, "late_call", ACCEPTED)
    assert (desk.state(old), desk.state(new)) == ("sent", "held")
    assert {"late_sent", "held"} <= desk.alarms()


def test_two_live_rounds_are_a_duplicate_until_one_of_them_is_withdrawn(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20019, "error": "repeat"}
    [old] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    desk.door.on["statuses/share"] = {"idstr": "5000000002"}
    new = desk.act(publish_again, desk.copy(old).id, "再发")
    desk.deliver()
    desk.hear(old, "callback", Receipt("confirmed", "5000000001"))
    assert (desk.copy(old).state, desk.copy(new).state) == ("live", "live")
    assert desk.duty().duplicates == 1
    assert events_of(desk, old, CopyEventKind.DUPLICATE) == 1
    assert "duplicate" in desk.alarms()
    desk.door.on |= {"statuses/destroy": {"idstr": "1"}, "statuses/show": {"error_code": 20101, "error": "no"}}
    desk.withdraw(desk.row(old).article_id)
    desk.deliver()  # one lane: one after the other
    desk.deliver()
    assert (desk.copy(old).state, desk.copy(new).state) == ("withdrawn", "withdrawn")
    assert desk.duty().duplicates == 0
    assert "duplicate" not in desk.alarms()


def test_the_withdrawal_of_a_copy_seen_under_two_numbers_takes_both_down(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [row] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    desk.hear(row, "late_call", Receipt("confirmed", "5000000002"))
    assert desk.duty().duplicates == 1
    deleted: list[str] = []
    desk.door.on |= {
        "statuses/destroy": lambda request: deleted.append(request.form["id"]) or {"idstr": "1"},
        "statuses/show": {"error_code": 20101, "error": "no"},
    }
    desk.withdraw(desk.row(row).article_id)
    for _ in range(3):
        desk.deliver()
    assert deleted == ["5000000001", "5000000002"]
    assert (desk.copy(row).state, desk.duty().duplicates) == ("withdrawn", 0)


@pytest.mark.parametrize("planned_anew", [False, True])
def test_a_page_that_a_stale_correction_writes_after_the_withdrawal_is_withdrawn_again(
    desk: Desk, planned_anew: bool
) -> None:
    account = desk.website()
    article = desk.article(account)
    [first] = desk.plan(article)
    desk.deliver()
    desk.revise(article, [account], "改过的标题")
    [stale] = desk.plan(article)
    with desk.db.write() as session:
        row = session.get_one(Delivery, stale)
        row.state, row.worker_id, row.fence = "intended", desk.holder.id, row.fence + 1
        end_worker(session, desk.holder.id, desk.clock.now())
    if planned_anew:
        Takeover(desk.house, desk.pace).run(desk.lookout._holder)
        desk.revise(article, [account], "又改过的标题")
        desk.plan(article)  # the stale correction is superseded, not cancelled
    desk.withdraw(article)
    Takeover(desk.house, desk.pace).run(desk.lookout._holder)
    desk.holder = register(desk.db, "second", lease_s=30, clock=desk.clock, beating=False)
    desk.deliver()
    assert desk.copy(first).state == "withdrawn"
    desk.hear(stale, "late_call", Receipt("confirmed", str(article), "http://127.0.0.1:8001/articles/1.html"))
    assert desk.copy(first).state == "live"
    assert "late_live" in desk.alarms()
    desk.deliver()
    assert desk.copy(first).state == "withdrawn"
    assert "late_live" not in desk.alarms()


def test_a_late_answer_about_a_post_that_was_deleted_changes_nothing(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    [row] = desk.plan(desk.article(desk.weibo()))
    desk.deliver()
    desk.door.on |= {"statuses/destroy": {"idstr": "1"}, "statuses/show": {"error_code": 20101, "error": "no"}}
    desk.withdraw(desk.row(row).article_id)
    desk.deliver()
    desk.hear(row, "late_call", Receipt("confirmed", "5000000001"))
    assert desk.copy(row).state == "withdrawn"
    assert withdrawals(desk, "planned") == []
