"""Four processes and two thousand rows: none is claimed twice, and no once-intent commits after the press commits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from core.audit import Actor
from core.house import House
from core.models import Delivery, Step
from core.models.words import Role
from publisher.delivery import audit, press_freeze
from tests.rooms.publisher.ledger.racers import add_due_rows, context, race

ROWS, RACERS = 2_000, 4
WAIT_S = 240
pytestmark = pytest.mark.slow


@contextmanager
def racing(house: House) -> Iterator[None]:
    """Four racers; on leaving, all have ended well."""
    arguments = (house.settings.database, str(house.settings.home))
    racers = [context.Process(target=race, args=arguments, daemon=True) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    try:
        yield
    finally:
        for racer in racers:
            racer.join(WAIT_S)
        left = [racer for racer in racers if racer.is_alive()]
        for racer in left:
            racer.kill()
            racer.join()
    assert [racer.exitcode for racer in racers] == [0] * RACERS


def intents(house: House) -> int:
    with house.db.read() as session:
        return session.scalar(select(func.count(Step.id)).where(Step.once.is_(True))) or 0


def test_no_row_is_claimed_twice_by_four_processes(either_house: House) -> None:
    add_due_rows(either_house.db, ROWS)
    with racing(either_house):
        pass
    with either_house.db.read() as session:
        assert session.scalar(select(func.count(Delivery.id)).where(Delivery.state == "confirmed")) == ROWS
        assert session.scalar(select(func.count(Delivery.id)).where(Delivery.fence != 1)) == 0
        holders = session.scalar(select(func.count(func.distinct(Step.fence))))
        assert holders == 1
        assert audit(session) == []
    assert intents(either_house) == ROWS


def test_no_once_intent_commits_after_the_press_commits(either_house: House) -> None:
    add_due_rows(either_house.db, ROWS)
    press = Actor(1, "press", frozenset({Role.PUBLISHER.value}))
    with racing(either_house):
        while intents(either_house) < ROWS // 5:
            time.sleep(0.01)
        with either_house.db.write() as session:
            press_freeze(session, press, "all", "突发事件", either_house.clock.now())
        at_press = intents(either_house)
    assert intents(either_house) == at_press
    assert at_press < ROWS
    with either_house.db.read() as session:
        rows = session.execute(select(Delivery.state, func.count(Delivery.id)).group_by(Delivery.state))
        states = dict(rows.all())
    assert states == {"confirmed": at_press, "held": ROWS - at_press}
