"""Processes that claim and intend as workers do, but call nobody: for the races of claims and of the freeze."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from sqlalchemy import func, insert, select, update

from core.claims import Claimed, Holder, guard, register
from core.config import Settings
from core.db import Database
from core.house import House, open_house
from core.models import Account, Article, Copy, Delivery, Payload, Person, ReviewStep, Revision, Step
from publisher.delivery.claiming import claim_due
from publisher.delivery.gates import Stopped, ensure_scopes
from publisher.delivery.journal import LedgerJournal
from publisher.delivery.pace import pace_of
from publisher.delivery.rows import put_back

context = get_context("forkserver")
context.set_forkserver_preload(["tests.rooms.publisher.ledger.racers"])
DUE_AT = datetime.now(UTC) - timedelta(minutes=1)
BATCH = 8  # small, so that the four meet often
CLAIMS_A_LOOK = 20
START_S = 60
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


def race_claims(url: str, home: str, start: Barrier, _stop: Event) -> None:
    """Claim until nothing is planned any more; each claim leaves a step that names the racer, and ends its row."""
    with _racer(url, home) as (house, holder):
        start.wait(START_S)
        while _planned(house.db):
            for _ in range(CLAIMS_A_LOOK):
                _end(house, holder, claim_due(house.db, holder, house.clock.now(), BATCH))


def race_intents(url: str, home: str, start: Barrier, stop: Event) -> None:
    """Until told to stop, claim and write the once-only intent of each row, as a delivery does."""
    with _racer(url, home) as (house, holder):
        start.wait(START_S)
        while not stop.is_set():
            claimed = claim_due(house.db, holder, house.clock.now(), BATCH)
            _end(house, holder, [row for row in claimed if _intend(house, holder, row)])


@contextmanager
def _racer(url: str, home: str) -> Iterator[tuple[House, Holder]]:
    house = open_house(Settings.model_validate({"home": Path(home), "database_url": url}))
    with register(house.db, f"racer {os.getpid()}") as holder:
        yield house, holder
    house.close()


def _planned(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count(Delivery.id)).where(Delivery.state == "planned")) or 0


def _intend(house: House, holder: Holder, claimed: Claimed) -> bool:
    """True when the once-only step passed the gate; otherwise the row is put back or held, as a worker does it."""
    journal = LedgerJournal(house, holder, claimed, 1, {}, pace_of(house.settings))
    try:
        journal.once("share", lambda: None)
    except Stopped as stop:
        with house.db.write() as session:
            put_back(guard(session, Delivery, claimed.row_id, claimed.fence), house.clock.now(), held=stop.held)
        return False
    return True


def _end(house: House, holder: Holder, rows: list[Claimed]) -> None:
    """Note who held which row under which fence, and end the rows under it: one short transaction for all."""
    if not rows:
        return
    with house.db.write() as session:
        session.execute(
            insert(Step),
            [{"delivery_id": row.row_id, "fence": row.fence, "name": holder.name, "once": False,
              "intent_at": house.clock.now()} for row in rows],
        )  # fmt: skip
        for row in rows:
            session.execute(
                update(Delivery)
                .where(Delivery.id == row.row_id, Delivery.fence == row.fence, Delivery.state == "intended")
                .values(state="confirmed")
                .execution_options(synchronize_session=False)
            )
