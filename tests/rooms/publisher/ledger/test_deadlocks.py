"""Two writers of one article on PostgreSQL: neither waits for something the other will only give when it is done."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sqlalchemy import func, select, text

from core.models import Delivery
from core.models.words import Operation
from publisher.delivery.rows import add_withdrawal, lock
from tests.rooms.publisher.ledger.scripted import Desk

WAIT_S = 20.0


def test_a_person_and_the_ledger_may_take_an_article_back_in_the_same_instant(
    tmp_path: Path, postgres_database_url: str
) -> None:
    """The ledger holds the copy and adds a row under the article; the person holds the article and wants the copy."""
    desk = Desk(tmp_path / "home", postgres_database_url)
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row = desk.planned(desk.weibo())
    desk.deliver()
    article_id = desk.row(row).article_id
    person = threading.Thread(target=desk.withdraw, args=(article_id,))
    with desk.db.write() as session:
        copy = lock(session, row).copy
        person.start()
        _until_somebody_waits(desk)
        add_withdrawal(session, copy, desk.clock.now(), "又出现在平台上")
    person.join(WAIT_S)
    with desk.db.read() as session:
        is_withdrawal = Delivery.operation == Operation.WITHDRAW.value
        assert session.scalar(select(func.count(Delivery.id)).where(is_withdrawal)) == 1
        assert session.get_one(Delivery, row).article.state == "withdrawn"
    desk.close()


def _until_somebody_waits(desk: Desk) -> None:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        with desk.db.read() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited for the copy")
