"""Where only the newest posts are listed, so few are sent that the oldest undecided one stays in sight."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.claims import Holder, register
from core.clock import FixedClock
from core.db import Database
from publisher.delivery.claiming import claim_due
from tests.rooms.publisher.ledger.rows import START, add_account, add_delivery

SHOWN = 5
NOW = START + timedelta(minutes=1)


@pytest.fixture
def holder(db: Database) -> Holder:
    return register(db, "w", clock=FixedClock(NOW), beating=False)


@pytest.fixture
def account_id(db: Database) -> int:
    account_id = add_account(db, "weibo")
    for _ in range(SHOWN):
        add_delivery(db, account_id=account_id)
    return account_id


def add_open(db: Database, account_id: int) -> None:
    add_delivery(db, account_id=account_id, state="unknown", intended_at=START)


def test_no_more_are_begun_than_the_list_shows(db: Database, holder: Holder, account_id: int) -> None:
    add_delivery(db, account_id=account_id)
    assert len(claim_due(db, holder, NOW, 10)) == SHOWN


def test_an_undecided_post_and_what_was_begun_after_it_take_places(
    db: Database, holder: Holder, account_id: int
) -> None:
    add_open(db, account_id)
    add_delivery(db, account_id=account_id, state="confirmed", intended_at=NOW, ended_at=NOW)
    assert len(claim_due(db, holder, NOW, 10)) == SHOWN - 2


def test_what_was_begun_before_an_undecided_post_and_ended_after_it_takes_a_place(
    db: Database, holder: Holder, account_id: int
) -> None:
    add_open(db, account_id)
    before = START - timedelta(seconds=1)
    add_delivery(db, account_id=account_id, state="confirmed", intended_at=before, ended_at=NOW)
    assert len(claim_due(db, holder, NOW, 10)) == SHOWN - 2


def test_what_ended_before_an_undecided_post_began_takes_none(db: Database, holder: Holder, account_id: int) -> None:
    add_open(db, account_id)
    before = START - timedelta(seconds=1)
    add_delivery(db, account_id=account_id, state="confirmed", intended_at=before, ended_at=before)
    assert len(claim_due(db, holder, NOW, 10)) == SHOWN - 1
