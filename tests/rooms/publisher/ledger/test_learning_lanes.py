"""The unique indexes behind "once": they hold on both databases, whatever the code above them does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.house import House
from core.models import Copy, Delivery, Observation
from tests.rooms.publisher.ledger.rows import START, add_account, add_delivery

FLYING = ("intended", "sent", "unknown")


@pytest.fixture
def first(either_house: House) -> int:
    """A publish row that is planned."""
    return add_delivery(either_house.db)


def beside(house: House, row_id: int, **columns: Any) -> int:
    """Another row of the same copy as `row_id`, differing in these columns."""
    with house.db.write() as session:
        row = session.get_one(Delivery, row_id)
        same = {name: getattr(row, name) for name in ("article_id", "account_id", "copy_id", "revision_id", "round")}
        other = Delivery(**{**same, "operation": "publish", "due_at": START, **columns})
        session.add(other)
        session.flush()
        return other.id


def set_state(house: House, row_id: int, state: str) -> None:
    with house.db.write() as session:
        session.get_one(Delivery, row_id).state = state


def count(house: House) -> int:
    with house.db.read() as session:
        return len(session.scalars(select(Delivery.id)).all())


def test_one_publish_row_an_article_an_account_and_a_round(either_house: House, first: int) -> None:
    with pytest.raises(IntegrityError):
        beside(either_house, first)
    beside(either_house, first, round=2)
    assert count(either_house) == 2


def test_a_superseded_publish_row_makes_room_for_its_successor(either_house: House, first: int) -> None:
    set_state(either_house, first, "superseded")
    beside(either_house, first, attempt=2)
    assert count(either_house) == 2


@pytest.mark.parametrize("one", FLYING)
@pytest.mark.parametrize("operation", ["correct", "withdraw"])
def test_one_row_in_flight_in_the_lane_of_an_article_on_an_account(
    either_house: House, first: int, one: str, operation: str
) -> None:
    set_state(either_house, first, one)
    other = beside(either_house, first, operation=operation)  # waiting in the lane is allowed
    for state in FLYING:
        with pytest.raises(IntegrityError):
            set_state(either_house, other, state)
    set_state(either_house, first, "confirmed")
    set_state(either_house, other, "intended")


def test_rows_of_other_accounts_and_articles_have_lanes_of_their_own(either_house: House, first: int) -> None:
    set_state(either_house, first, "unknown")
    add_delivery(either_house.db, state="unknown")
    with either_house.db.read() as session:
        article = session.get_one(Delivery, first)
        same = (article.article_id, article.revision_id)
    add_delivery(either_house.db, article=same, account_id=add_account(either_house.db, name="other"), state="sent")
    assert count(either_house) == 3


@pytest.mark.parametrize("operation", ["correct", "withdraw"])
def test_a_change_of_a_copy_is_unique_by_its_attempt(either_house: House, first: int, operation: str) -> None:
    beside(either_house, first, operation=operation)
    with pytest.raises(IntegrityError):
        beside(either_house, first, operation=operation, state="refused")
    beside(either_house, first, operation=operation, attempt=2)


def test_one_answer_in_flight_to_the_same_comment_and_one_row_an_attempt(either_house: House, first: int) -> None:
    reply = {"operation": "reply", "answers_key": "weibo:1:2", "copy_id": None}
    one = beside(either_house, first, state="unknown", **reply)
    with pytest.raises(IntegrityError):
        beside(either_house, first, **reply)
    two = beside(either_house, first, attempt=2, **reply)
    with pytest.raises(IntegrityError):
        set_state(either_house, two, "intended")
    set_state(either_house, one, "refused")
    set_state(either_house, two, "intended")
    set_state(either_house, first, "intended")  # answers do not stand in the article's lane


def test_one_copy_a_round_and_one_observation_an_event(either_house: House, first: int) -> None:
    with either_house.db.read() as session:
        row = session.get_one(Delivery, first)
        place = {"article_id": row.article_id, "account_id": row.account_id}
    with pytest.raises(IntegrityError), either_house.db.write() as session:
        session.add(Copy(**place))
    event = {"delivery_id": first, "source": "callback", "verdict": "confirmed", "event_key": "e1"}
    with either_house.db.write() as session:
        session.add(Observation(**event))
    with pytest.raises(IntegrityError), either_house.db.write() as session:
        session.add(Observation(**event))
