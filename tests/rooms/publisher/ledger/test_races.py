"""Four processes and two thousand rows: none is claimed twice, and no once-intent commits after the press commits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, update

from core.audit import Actor
from core.house import House
from core.models import Delivery, Step
from core.models.words import Role
from publisher.delivery import audit, lift_freeze, press_freeze
from tests.rooms.publisher.ledger.racers import add_due_rows, context, race_claims, race_intents

ROWS, RACERS = 2_000, 4
PRESSES, INTENTS_A_PRESS = 6, 60
WAIT_S = 240
PRESS = Actor(1, "press", frozenset({Role.PUBLISHER.value}))
pytestmark = pytest.mark.slow


@contextmanager
def racing(house: House, race: Callable[..., None]) -> Iterator[None]:
    """Four racers that begin together; on leaving they are told to stop, and all have ended well."""
    stop = context.Event()
    arguments = (house.settings.database, str(house.settings.home), context.Barrier(RACERS), stop)
    racers = [context.Process(target=race, args=arguments, daemon=True) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    try:
        yield
    finally:
        stop.set()
        for racer in racers:
            racer.join(WAIT_S)
        for racer in racers:
            if racer.is_alive():
                racer.kill()
                racer.join()
    assert [racer.exitcode for racer in racers] == [0] * RACERS


def intents(house: House) -> int:
    with house.db.read() as session:
        return session.scalar(select(func.count(Step.id)).where(Step.once.is_(True))) or 0


def states(house: House) -> dict[str, int]:
    with house.db.read() as session:
        query = select(Delivery.state, func.count(Delivery.id)).group_by(Delivery.state)
        return dict(session.execute(query).all())


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_no_row_is_claimed_twice_by_four_processes(either_house: House) -> None:
    add_due_rows(either_house.db, ROWS)
    with racing(either_house, race_claims):
        pass
    assert states(either_house) == {"confirmed": ROWS}
    with either_house.db.read() as session:
        held = session.execute(select(Step.name, func.count(Step.id)).group_by(Step.name)).all()
        assert session.scalar(select(func.count(func.distinct(Step.delivery_id)))) == ROWS
        assert session.scalar(select(func.count(Delivery.id)).where(Delivery.fence != 1)) == 0
    assert sum(count for _racer, count in held) == ROWS
    assert len(held) == RACERS, held  # every one of them took part


def test_no_once_intent_commits_after_the_press_commits(either_house: House) -> None:
    """Pressed again and again in the middle of the race, each time seen by all, each time at another instant."""
    add_due_rows(either_house.db, ROWS)
    with racing(either_house, race_intents):
        at_press = 0
        for turn in range(PRESSES):
            wanted = at_press + INTENTS_A_PRESS
            wait_until(lambda wanted=wanted: intents(either_house) >= wanted)  # type: ignore[misc]
            with either_house.db.write() as session:
                press_freeze(session, PRESS, "all", "突发事件", either_house.clock.now())
            at_press = intents(either_house)
            wait_until(lambda: not {"planned", "intended"} & set(states(either_house)))
            assert intents(either_house) == at_press
            assert states(either_house) == {"confirmed": at_press, "held": ROWS - at_press}
            if turn < PRESSES - 1:
                thaw(either_house)
    assert intents(either_house) == at_press
    with either_house.db.read() as session:
        assert [found for found in audit(session) if found.rule == "lane"] == []


def thaw(house: House) -> None:
    """Lift the freeze and plan what was held, all in one transaction."""
    with house.db.write() as session:
        lift_freeze(session, PRESS, "all", "事件已处置", house.clock.now())
        session.execute(update(Delivery).where(Delivery.state == "held").values(state="planned"))
