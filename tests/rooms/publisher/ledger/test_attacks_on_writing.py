"""Hostile orders of transactions: lost answers to commits, answers written together, edits beside intents; silence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from core.claims import give_up
from core.db import Database
from core.http import NotSent
from core.models import Article, Delivery, Payload, ReviewStep
from publisher.delivery import cancel, intents
from publisher.delivery.claiming import claim_due
from publisher.delivery.delivering import Delivering
from publisher.delivery.successes import Success, write_successes
from publisher.review import package_digest, void_standing
from publisher.wire import digest_of
from tests.rooms.publisher.ledger.scripted import LOST, Desk
from tests.rooms.publisher.ledger.test_attacks import FIRST, REFUSED, SECOND, go_on, lost_share, say_absent
from tests.rooms.publisher.ledger.test_carrying_out import planned_reply

DELETES = {"statuses/destroy": {"idstr": "1"}, "statuses/show": {"error_code": 20101, "error": "no"}}

# --- answers to comments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_the_item", [True, False])
def test_a_claimed_answer_is_not_sent_once_it_or_its_item_was_withdrawn(desk: Desk, of_the_item: bool) -> None:
    row, _other, reply = two_posts_and_an_answer(desk)
    [claimed] = claim_due(desk.db, desk.holder, desk.clock.now(), 8)
    desk.withdraw(desk.row(row if of_the_item else reply).article_id)
    assert desk.state(reply) == "intended"
    Delivering(desk.house, desk.holder, claimed, desk.pace).run()
    assert (desk.state(reply), desk.door.count("comments/reply")) == ("cancelled", 0)


def test_a_claimed_answer_under_another_item_is_sent(desk: Desk) -> None:
    _row, other, reply = two_posts_and_an_answer(desk)
    [claimed] = claim_due(desk.db, desk.holder, desk.clock.now(), 8)
    desk.withdraw(desk.row(other).article_id)
    Delivering(desk.house, desk.holder, claimed, desk.pace).run()
    assert (desk.state(reply), desk.door.count("comments/reply")) == ("confirmed", 1)


def two_posts_and_an_answer(desk: Desk) -> tuple[int, int, int]:
    """Two live posts, and an approved answer to a comment under the first."""
    account = desk.weibo()
    desk.door.on |= DELETES | {"statuses/share": {"idstr": FIRST}, "comments/reply": {"idstr": "9"}}
    row, other = desk.planned(account), desk.planned(account)
    desk.deliver()
    reply = planned_reply(desk, account, {"key": "1:a", "copy_id": desk.copy(row).id, "comment_id": "8"})
    with desk.db.write() as session:
        payload = session.get_one(Payload, session.get_one(Delivery, reply).payload_id)
        payload.template = {"text": "谢谢", "reply": {"cid": "8", "id": FIRST}}
        payload.digest = digest_of(payload.template)
        session.flush()
        digest = package_digest(session, payload.revision_id)
        for step in session.scalars(select(ReviewStep).where(ReviewStep.revision_id == payload.revision_id)):
            step.digest = digest
    return row, other, reply


# --- transactions --------------------------------------------------------------------------------------------------


@pytest.fixture
def commit_twice(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on every shared transaction is carried out twice: the answer to the first commit was lost."""
    real = Database.gathered

    def twice(db: Database, work: Any, piece: Any) -> Any:
        real(db, work, piece)
        return real(db, work, piece)

    return lambda: monkeypatch.setattr(Database, "gathered", twice)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (LOST, "unknown"), (NotSent("no route"), "planned"), (REFUSED, "refused"), ({"idstr": FIRST}, "confirmed"),
        ({"error_code": 10023, "error": "slow down"}, "planned"), ({"error_code": 20032, "error": "later"}, "sent"),
    ],
)  # fmt: skip
def test_an_outcome_whose_commit_was_not_answered_is_written_again_to_the_same_end(
    desk: Desk, commit_twice: Callable[[], None], answer: Any, state: str
) -> None:
    desk.door.on["statuses/share"] = answer
    [row] = desk.plan(desk.article(desk.weibo()), late_policy="send")
    commit_twice()
    [claimed] = claim_due(desk.db, desk.holder, desk.clock.now(), 8)
    assert Delivering(desk.house, desk.holder, claimed, desk.pace).run()
    assert (desk.state(row), "duplicate" in desk.alarms()) == (state, False)
    assert desk.row(row).tries <= 1


def test_an_old_claims_answer_written_together_with_the_new_claims_is_not_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = lost_share(desk)
    waiting: list[Success] = []
    real = Database.gathered

    def keep(db: Database, work: Any, piece: Any) -> Any:
        return waiting.append(piece) if work is write_successes else real(db, work, piece)

    monkeypatch.setattr(Database, "gathered", keep)
    for number in (FIRST, SECOND):
        say_absent(desk, row)
        desk.door.on["statuses/share"] = {"idstr": number}
        [claimed] = claim_due(desk.db, desk.holder, desk.clock.now(), 8)
        Delivering(desk.house, desk.holder, claimed, desk.pace).run()
        if number == FIRST:
            give_up(desk.db, Delivery, claimed, Delivery.state == "intended")
            desk.look(1)
    with desk.db.write() as session:
        write_successes(session, waiting)
    assert (desk.copy(row).remote_id, "duplicate" in desk.alarms()) == (SECOND, True)


@pytest.fixture
def postgres_desk(tmp_path: Path, postgres_database_url: str) -> Iterator[Desk]:
    opened = Desk(tmp_path / "home", postgres_database_url)
    yield opened
    opened.close()


def test_an_approval_is_voided_before_an_intent_reads_it_or_after_the_intent_is_written(
    postgres_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, order, started = postgres_desk, list[str](), list[threading.Thread]()
    desk.door.on["statuses/share"] = {"idstr": FIRST}
    article = desk.article(desk.weibo())
    desk.plan(article)
    real = intents.check_gates

    def edit() -> None:
        with desk.db.write() as session:
            void_standing(session, session.get_one(Article, article, with_for_update=True), "改字", desk.clock.now())
        order.append("edit")

    def gates(session: Any, rows: Any, now: datetime) -> None:
        real(session, rows, now)
        if not started:
            started.append(threading.Thread(target=edit))
            started[0].start()
            wait_until_it_waits_or_ends(desk, started[0])
            order.append("gate passed")

    monkeypatch.setattr(intents, "check_gates", gates)
    desk.deliver()
    started[0].join()
    assert order == ["gate passed", "edit"]


def wait_until_it_waits_or_ends(desk: Desk, thread: threading.Thread) -> None:
    """Until the thread has ended, or PostgreSQL says that somebody waits for a lock."""
    blocked = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while thread.is_alive():
        with desk.db.read() as session:
            if session.scalar(blocked):
                return


def test_the_alarm_of_two_held_rows_ends_when_two_people_let_go_of_them_at_once(postgres_desk: Desk) -> None:
    desk = postgres_desk
    account = desk.weibo()
    rows = [desk.plan(desk.article(account), window_s=60)[0] for _row in range(2)]
    desk.clock.advance(120)
    desk.deliver()
    assert "held" in desk.alarms()
    both = threading.Barrier(2)

    def let_go(row: int) -> None:
        with desk.db.write() as session:
            cancel(session, desk.publisher, row, "不发了", desk.clock.now())
            both.wait()

    people = [threading.Thread(target=let_go, args=(row,)) for row in rows]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert [desk.state(row) for row in rows] == ["cancelled", "cancelled"]
    desk.look(1)
    assert "held" not in desk.alarms()


# --- what goes wrong is told ---------------------------------------------------------------------------------------


def test_a_post_that_is_tried_again_and_again_is_told_until_it_goes_out(desk: Desk) -> None:
    desk.door.on["statuses/share"] = NotSent("no route")
    [row] = desk.plan(desk.article(desk.weibo()), late_policy="send")
    for _round in range(60):
        desk.deliver()
        desk.look(30)
    assert (desk.duty().late, "late" in desk.alarms()) == (1, True)
    desk.door.on["statuses/share"] = {"idstr": FIRST}
    for _round in range(30):
        desk.deliver()
        desk.look(30)
    assert (desk.state(row), desk.duty().late, "late" in desk.alarms()) == ("confirmed", 0, False)


def test_two_posts_of_ours_in_the_list_are_a_duplicate_and_both_are_taken_down(desk: Desk) -> None:
    row = lost_share(desk)
    say_absent(desk, row)
    desk.deliver()
    with desk.db.read() as session:
        link = session.get_one(Article, desk.row(row).article_id).canonical_link
        words = session.get_one(Payload, desk.row(row).payload_id).template["status"]
    at = desk.clock.now() + timedelta(seconds=1)
    posts = [
        {"idstr": number, "text": words, "created_at": f"{at:%a %b %d %H:%M:%S +0000 %Y}",
         "url_objects": [{"url_long": link}]}
        for number in (SECOND, FIRST)
    ]  # fmt: skip
    desk.door.on |= DELETES | {"user_timeline": {"statuses": posts, "total_number": 2}}
    desk.look(60)
    assert (desk.state(row), "duplicate" in desk.alarms()) == ("confirmed", True)
    desk.withdraw(desk.row(row).article_id)
    go_on(desk)
    assert (desk.door.count("statuses/destroy"), "duplicate" in desk.alarms()) == (2, False)
    assert desk.copy(row).state == "withdrawn"
