"""Processes that claim and intend as workers do, but call nobody: for the races of claims and of the freeze."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import func, insert, select

from core.claims import guard, register
from core.config import Settings
from core.db import Database
from core.house import House, open_house
from core.models import Account, Article, Copy, Delivery, Payload, Person, ReviewStep, Revision
from core.ports import Receipt
from publisher.delivery.claiming import claim_due
from publisher.delivery.gates import Stopped, ensure_scopes
from publisher.delivery.journal import LedgerJournal
from publisher.delivery.outcomes import News, learn
from publisher.delivery.pace import pace_of
from publisher.delivery.rows import put_back

context = get_context("forkserver")
context.set_forkserver_preload(["tests.rooms.publisher.ledger.racers"])
DUE_AT = datetime.now(UTC) - timedelta(minutes=1)
BATCH = 20
PEOPLE = ("editor", "first", "second", "third")


def add_due_rows(db: Database, count: int) -> None:
    """`count` approved articles, each with one due publish row on its own lane of one website account."""
    digest = hashlib.sha256(b"x").hexdigest()
    with db.write() as session:
        people = [Person(username=name, display_name=name, password_hash="!") for name in PEOPLE]
        account = Account(kind="website", name="site")
        session.add_all([*people, account])
        session.flush()
        ensure_scopes(session, [account.id])
        numbers = range(1, count + 1)
        package = hashlib.sha256(json.dumps([[account.id, digest]]).encode()).hexdigest()
        session.execute(
            insert(Article),
            [{"id": n, "author_id": people[0].id, "head_id": n, "state": "released", "title": str(n)} for n in numbers],
        )
        session.execute(
            insert(Revision),
            [
                {"id": n, "article_id": n, "number": 1, "title": "t", "body_html": "b", "digest": "d",
                 "editor_id": people[0].id} for n in numbers
            ],
        )  # fmt: skip
        session.execute(
            insert(Payload),
            [{"id": n, "revision_id": n, "account_id": account.id, "template": {}, "digest": digest} for n in numbers],
        )
        session.execute(
            insert(ReviewStep),
            [
                {"article_id": n, "revision_id": n, "step": step, "decision": "approve", "person_id": people[step].id,
                 "digest": package} for n in numbers for step in (1, 2, 3)
            ],
        )  # fmt: skip
        session.execute(insert(Copy), [{"id": n, "article_id": n, "account_id": account.id} for n in numbers])
        session.execute(
            insert(Delivery),
            [
                {"article_id": n, "account_id": account.id, "copy_id": n, "revision_id": n, "payload_id": n,
                 "operation": "publish", "due_at": DUE_AT, "state": "planned"} for n in numbers
            ],
        )  # fmt: skip


def race(url: str, home: str) -> None:
    """Claim, intend and confirm until nothing is planned any more."""
    house = open_house(Settings.model_validate({"home": Path(home), "database_url": url}))
    holder = register(house.db, "racer")
    pace = pace_of(house.settings)
    with holder:
        while _planned(house.db):
            for claimed in claim_due(house.db, holder, house.clock.now(), BATCH):
                journal = LedgerJournal(house, holder, claimed, 1, {}, pace)
                try:
                    journal.once("share", lambda: None)
                except Stopped as stop:
                    _stopped(house, claimed.row_id, claimed.fence, stop)
                    continue
                _confirm(house, journal, claimed.row_id, claimed.fence)
    house.close()


def _planned(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count(Delivery.id)).where(Delivery.state == "planned")) or 0


def _stopped(house: House, row_id: int, fence: int, stop: Stopped) -> None:
    with house.db.write() as session:
        put_back(guard(session, Delivery, row_id, fence), house.clock.now(), held=stop.held)


def _confirm(house: House, journal: LedgerJournal, row_id: int, fence: int) -> None:
    with house.db.write() as session:
        row = guard(session, Delivery, row_id, fence)
        journal.flush(session, row)
        learn(session, row, News("call", Receipt("confirmed", str(row_id))), house.clock.now())
