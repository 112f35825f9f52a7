"""Carrying a row out: the push key's day, answers that cannot be written, copies without a number, what is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from core.http import NotSent, Request
from core.models import Alarm, Article, CopyEvent, Delivery, ReviewStep, Step
from core.models.words import ArticleKind, CopyEventKind
from core.ports import Receipt
from publisher.delivery import Worker, audit, cancel, planning, resume_held
from publisher.delivery import delivering as carrying
from publisher.delivery.claiming import claim_due
from publisher.delivery.delivering import Delivering
from publisher.delivery.takeover import Takeover
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk

DAY = timedelta(days=1)
SLOW = {"error": {"code": 2002, "message": "slow"}}


@pytest.fixture(params=["sqlite", "postgresql"])
def either_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = request.getfixturevalue("postgres_database_url") if request.param == "postgresql" else ""
    opened = Desk(tmp_path / "home", url)
    yield opened
    opened.close()


class Jpush:
    """Hands out keys, answers pushes as told, and remembers which key came when."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.numbers, self.used = desk, count(), list[tuple[str, timedelta]]()
        self.answer: Any = SLOW
        desk.door.on |= {"push/cid": self._key, "/v3/push": self._push}

    def _key(self, _request: Request) -> dict[str, list[str]]:
        return {"cidlist": [f"cid{next(self.numbers)}"]}

    def _push(self, request: Request) -> Any:
        self.used.append((request.json["cid"], self.desk.clock.now() - START))
        return self.answer() if callable(self.answer) else self.answer


def open_holds(desk: Desk) -> int:
    with desk.db.read() as session:
        query = select(func.count(Alarm.id)).where(Alarm.dedup_key.startswith("held:"), Alarm.cleared_at.is_(None))
        return session.scalar(query) or 0


def void_approvals(desk: Desk) -> None:
    with desk.db.write() as session:
        session.execute(update(ReviewStep).values(voided_at=desk.clock.now()))


# --- the push key's day --------------------------------------------------------------------------------------------


def test_no_push_key_is_used_past_its_own_day_whenever_the_last_try_was(desk: Desk) -> None:
    jpush = Jpush(desk)
    row = desk.planned(desk.client())
    desk.deliver()
    desk.clock.advance(23 * 3600)
    jpush.answer = LOST
    desk.deliver()
    assert desk.state(row) == "unknown"
    jpush.answer = {"msg_id": "9"}
    desk.look(2 * 3600)
    first = dict(reversed(jpush.used))
    assert all(at - first[key] < DAY for key, at in jpush.used)
    assert desk.state(row) == "confirmed"


def test_a_lost_push_is_not_repeated_once_the_day_of_its_key_is_over(desk: Desk) -> None:
    jpush = Jpush(desk)
    jpush.answer = LOST
    row = desk.planned(desk.client())
    desk.deliver()
    desk.look(3600)
    jpush.answer = {"msg_id": "9"}
    pushes = len(jpush.used)
    desk.look(23.5 * 3600)
    assert (len(jpush.used), desk.state(row)) == (pushes, "unknown")


# --- answers that cannot be written --------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, times: int, error: Exception) -> None:
    real, failures = carrying.write_successes, count(1)

    def write(*args: Any) -> list[None]:
        if next(failures) <= times:
            raise error
        return real(*args)

    monkeypatch.setattr(carrying, "write_successes", write)


def test_an_answer_whose_first_write_meets_a_locked_database_is_written_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row = desk.planned(desk.weibo())
    failing(monkeypatch, 1, OperationalError("x", {}, Exception("database is locked")))
    desk.deliver()
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "5000000001")


def test_a_row_whose_answer_cannot_be_written_is_taken_over_although_its_worker_lives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row = desk.planned(desk.weibo())
    failing(monkeypatch, 1000, ValueError("a fault of ours"))
    desk.holder.beat()
    [claimed] = claim_due(desk.db, desk.holder, desk.clock.now(), 8)
    one = Delivering(desk.house, desk.holder, claimed, desk.pace)
    assert not one.run()
    assert desk.lookout._holder
    Takeover(desk.house, desk.pace).run(desk.lookout._holder)
    assert desk.state(row) == "unknown"
    monkeypatch.undo()
    assert one.write()  # what the platform said was kept, and counts although the row was taken over
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "5000000001")


def test_a_worker_writes_a_kept_answer_as_soon_as_the_database_takes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row = desk.planned(desk.weibo())
    failing(monkeypatch, 1000, ValueError("a fault of ours"))
    worker = Worker(desk.house, "another")
    assert worker.tick() == 1
    worker.wait_idle()
    monkeypatch.undo()
    desk.clock.advance(10)
    worker.tick()
    assert desk.state(row) == "confirmed"
    worker.close()


def test_a_database_that_fails_before_any_call_costs_a_try_and_no_decision(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, broken = desk.planned(desk.weibo()), OperationalError("x", {}, Exception("disk I/O error"))
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    with monkeypatch.context() as patch:
        patch.setattr(carrying, "read_order", lambda *_args: (_ for _ in ()).throw(broken))
        desk.deliver()
    assert (desk.state(row), desk.row(row).tries, desk.door.count("statuses/share")) == ("planned", 1, 0)
    desk.clock.advance(60)
    desk.deliver()
    assert desk.state(row) == "confirmed"


# --- live without a number -----------------------------------------------------------------------------------------


def test_a_copy_without_a_platform_number_is_never_called_withdrawn_untouched(desk: Desk) -> None:
    desk.door.on["statuses/share"] = LOST
    row = desk.planned(desk.weibo())
    desk.deliver()
    desk.hear(row, "person", Receipt("confirmed"))
    assert desk.copy(row).state == "live"
    [withdrawal] = desk.withdraw(desk.copy(row).article_id)
    desk.deliver()
    assert (desk.state(withdrawal), desk.copy(row).state) == ("unknown", "live")
    with desk.db.read() as session:
        kinds = set(session.scalars(select(CopyEvent.kind).where(CopyEvent.copy_id == desk.copy(row).id)))
    assert CopyEventKind.RESIDUAL in kinds
    desk.look(1)
    assert "ask" in desk.alarms()


# --- a correction planned while its publish is on its way ----------------------------------------------------------


@pytest.mark.parametrize("answer", [SLOW, NotSent("no route")])
def test_a_correction_planned_during_the_call_takes_the_place_of_a_publish_that_is_put_back(
    desk: Desk, answer: Any
) -> None:
    jpush = Jpush(desk)
    account = desk.client()
    article = desk.article(account)
    planned = desk.plan(article)

    def corrected_meanwhile() -> Any:
        desk.revise(article, [account], "改过的标题")
        planned.extend(desk.plan(article))
        return answer

    jpush.answer = corrected_meanwhile
    desk.deliver()
    first, second = planned
    assert (desk.state(first), desk.row(second).operation) == ("superseded", "publish")
    jpush.answer = {"msg_id": "9"}
    desk.clock.advance(1000)
    desk.deliver()
    assert (desk.state(second), desk.door.count("/v3/push")) == ("confirmed", 2)


def test_a_correction_takes_the_place_of_a_publish_whose_worker_died(desk: Desk) -> None:
    account = desk.website()
    article = desk.article(account)
    [first] = desk.plan(article)
    desk.holder.beat()
    assert claim_due(desk.db, desk.holder, desk.clock.now(), 8)
    desk.revise(article, [account], "改过的标题")
    [second] = desk.plan(article)
    desk.holder.stop()
    assert desk.lookout._holder
    Takeover(desk.house, desk.pace).run(desk.lookout._holder)
    assert (desk.state(first), desk.row(second).operation) == ("superseded", "publish")


# --- held ----------------------------------------------------------------------------------------------------------


def test_a_row_held_because_its_approval_fell_tells_a_person_until_it_is_cancelled(desk: Desk) -> None:
    row = desk.planned(desk.weibo())
    void_approvals(desk)
    desk.deliver()
    assert (desk.state(row), open_holds(desk)) == ("held", 1)
    desk.act(cancel, row, "不发了")
    assert open_holds(desk) == 0


def test_a_fault_of_ours_holds_the_row_and_tells_a_person_until_it_is_resumed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.planned(desk.weibo())
    monkeypatch.setattr(carrying, "open_channel", lambda *_args: 1 / 0)
    desk.deliver()
    assert (desk.state(row), open_holds(desk)) == ("held", 1)
    desk.act(resume_held, row)
    assert open_holds(desk) == 0


def test_rows_held_together_are_one_alarm_that_ends_with_the_last_of_them(desk: Desk) -> None:
    account = desk.weibo()
    rows = [desk.plan(desk.article(account), window_s=60)[0] for _ in range(3)]
    desk.clock.advance(120)
    desk.deliver()
    assert ({desk.state(row) for row in rows}, open_holds(desk)) == ({"held"}, 1)
    for row in rows[:2]:
        desk.act(cancel, row, "不发了")
    assert open_holds(desk) == 1
    desk.act(cancel, rows[2], "不发了")
    assert open_holds(desk) == 0


# --- withdrawing ---------------------------------------------------------------------------------------------------


def planned_reply(desk: Desk, account: int, answers: dict[str, Any]) -> int:
    article = desk.article(account)
    with desk.db.write() as session:
        reply = session.get_one(Article, article)
        reply.kind, reply.answers = ArticleKind.REPLY.value, {"account_id": account, **answers}
        session.execute(
            update(ReviewStep).where(ReviewStep.article_id == article, ReviewStep.step > 1).values(voided_at=START)
        )
    return desk.plan(article, account_ids=[account])[0]


def test_withdrawing_an_article_cancels_the_answers_under_it_that_were_not_sent(desk: Desk) -> None:
    account = desk.weibo()
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row, other = desk.planned(account), desk.planned(account)
    desk.deliver()
    under = planned_reply(desk, account, {"key": "1:a", "copy_id": desk.copy(row).id})
    elsewhere = planned_reply(desk, account, {"key": "1:b", "copy_id": desk.copy(other).id})
    desk.withdraw(desk.copy(row).article_id)
    assert (desk.state(under), desk.state(elsewhere)) == ("cancelled", "planned")


def test_withdrawing_an_answer_itself_cancels_it(desk: Desk) -> None:
    reply = planned_reply(desk, desk.weibo(), {"key": "1:a"})
    desk.withdraw(desk.row(reply).article_id)
    assert desk.state(reply) == "cancelled"


class Meeting:
    """A share that waits until the test lets it go, in a thread of its own."""

    def __init__(self, desk: Desk, answer: Any) -> None:
        self.desk, self.answer = desk, answer
        self.called, self.go = threading.Event(), threading.Event()
        desk.door.on["statuses/share"] = self._share
        self.thread = threading.Thread(target=desk.deliver)

    def _share(self, _request: Request) -> Any:
        self.called.set()
        assert self.go.wait(10)
        return self.answer

    def begin(self) -> None:
        self.thread.start()
        assert self.called.wait(10)

    def end(self) -> None:
        self.go.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.mark.parametrize(
    ("answer", "ended"), [({"idstr": "5000000001"}, "confirmed"), (NotSent("no route"), "cancelled")]
)
def test_an_answer_that_comes_while_the_withdrawal_is_written_is_neither_lost_nor_a_deadlock(
    either_desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: Any, ended: str
) -> None:
    """The answer is let go after the withdrawal has read the copies, between its two readings of their rows."""
    desk = either_desk
    row = desk.planned(desk.weibo())
    meeting = Meeting(desk, answer)
    meeting.begin()
    real = planning.rows_of

    def rows_of(*args: Any) -> list[Delivery]:
        meeting.go.set()
        meeting.thread.join(0.3)
        return real(*args)

    monkeypatch.setattr(planning, "rows_of", rows_of)
    [withdrawal] = desk.withdraw(desk.copy(row).article_id)
    meeting.end()
    assert desk.state(row) == ended
    assert desk.state(withdrawal) == ("planned" if ended == "confirmed" else desk.state(withdrawal))
    with desk.db.read() as session:
        assert audit(session) == []
        assert session.scalar(select(func.count(Step.id)).where(Step.effect == "")) == 0


def test_planning_a_correction_while_the_answer_is_written_strands_neither(
    either_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = either_desk
    account = desk.website()
    article = desk.article(account)
    [first] = desk.plan(article)
    written, go, errors = threading.Event(), threading.Event(), list[Exception]()
    real = carrying.write_successes

    def write(*args: Any) -> list[None]:
        done = real(*args)
        written.set()
        assert go.wait(10)
        return done

    def correct() -> None:
        try:
            desk.revise(article, [account], "改过的标题")
            desk.plan(article)
        except Exception as error:
            errors.append(error)

    monkeypatch.setattr(carrying, "write_successes", write)
    worker = threading.Thread(target=desk.deliver)
    worker.start()
    assert written.wait(10)
    planner = threading.Thread(target=correct)
    planner.start()
    planner.join(0.5)
    go.set()
    worker.join(20)
    planner.join(20)
    assert errors == []
    assert desk.state(first) == "confirmed"
    desk.deliver()
    with desk.db.read() as session:
        rows = session.execute(select(Delivery.operation, Delivery.state).order_by(Delivery.id)).all()
    assert [tuple(row) for row in rows] == [("publish", "confirmed"), ("correct", "confirmed")]


def test_what_a_worker_claimed_ahead_is_anybodys_again_when_it_ends(desk: Desk) -> None:
    """Two threads are busy, a third row waits for them: the end of the worker waits for the two only."""
    answered, numbers = threading.Event(), count(5000000001)

    def answer(_request: Request) -> Any:
        assert answered.wait(20)
        return {"idstr": str(next(numbers))}

    desk.door.on["statuses/share"] = answer
    account = desk.weibo()
    rows = [desk.planned(account) for _ in range(4)]
    settings = desk.house.settings.model_copy(update={"deliver_threads": 2})
    worker = Worker(replace(desk.house, settings=settings), "ahead")
    assert worker.tick() == 3
    assert [desk.state(row) for row in rows] == ["intended"] * 3 + ["planned"]
    ending = threading.Thread(target=worker.close)
    ending.start()
    until = time.monotonic() + 20
    while len(worker._running) > 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    answered.set()
    ending.join(20)
    assert [desk.state(row) for row in rows] == ["confirmed", "confirmed", "intended", "planned"]
    desk.look(1)
    assert [desk.state(row) for row in rows[2:]] == ["planned", "planned"]
    assert desk.door.count("statuses/share") == 2
