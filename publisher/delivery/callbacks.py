"""Reading the platforms' events: each is matched to its row and learned once, or kept until it can be."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import alarms, callbacks
from core.db import Database
from core.house import House
from core.models import Account, CallbackEvent, Delivery
from core.models.words import AlarmLevel, Operation
from core.ports import HearsEvents, Live, Receipt
from publisher.channels import open_channel
from publisher.delivery.outcomes import ROOM, News, learn
from publisher.delivery.pace import Pace, pace_of
from publisher.delivery.rows import lock
from publisher.wire import marked_copy
from publisher.workflow import State

AT_ONCE = 100
TRIES = 5
WAIT_S = 10.0
log = logging.getLogger(__name__)
_tries: WeakKeyDictionary[Database, dict[int, tuple[int, float]]] = WeakKeyDictionary()
_reading = threading.Lock()


def handle_callbacks(house: House) -> int:
    """Read what came in; gives the number of events finished. An event that cannot be read yet is tried again later."""
    if not _reading.acquire(blocking=False):
        return 0
    try:
        with house.db.read() as session:
            events = callbacks.unread(session, AT_ONCE)
            session.expunge_all()
        reader = Reader(house)
        return sum(reader.read(event) for event in events)
    finally:
        _reading.release()


class Reader:
    """One round over the unread events."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.pace: Pace = pace_of(house.settings)
        self._tries = _tries.setdefault(house.db, {})

    def read(self, event: CallbackEvent) -> int:
        """Learn from one event; 1 when it is finished."""
        tries, not_before = self._tries.get(event.id, (0, 0.0))
        if self.house.clock.monotonic() < not_before:
            return 0
        try:
            result = self._learn(event)
        except Exception as error:  # noqa: BLE001  whatever a strange event does, the ones behind it are read
            log.warning("callback %s: %r", event.id, error)
            result = self._give_up(event, str(error)) if tries + 1 >= TRIES else ""
        if not result:
            wait_s = WAIT_S * 2**tries / self.pace.factor
            self._tries[event.id] = (tries + 1, self.house.clock.monotonic() + wait_s)
            return 0
        self._tries.pop(event.id, None)
        now = self.house.clock.now()
        with self.house.db.write() as session:
            callbacks.finish(session, event.id, result, now)
        return 1

    def _learn(self, event: CallbackEvent) -> str:
        """What became of the event; empty when it has to wait for a row that is still being sent."""
        with self.house.db.read() as session:
            account = session.get_one(Account, event.account_id)
            session.expunge_all()
        channel = open_channel(self.house, account)
        receipt = channel.read_event(event.kind, event.fields, {}) if isinstance(channel, HearsEvents) else None
        if receipt is None:
            return "ignored"
        with self.house.db.read() as session:
            delivery_id = self._by_job(session, event.account_id, receipt)
        if delivery_id is None and receipt.remote_id:
            seen = channel.read_live(receipt)
            if isinstance(seen, Live):
                delivery_id = self._by_mark(event.account_id, str(seen.data.get("mark") or ""))
        if delivery_id is None:
            return "" if self._may_come(event, self.house.clock.now()) else "no such delivery"
        return self._write(event, delivery_id, receipt)

    def _write(self, event: CallbackEvent, delivery_id: int, receipt: Receipt) -> str:
        now = self.house.clock.now()
        with self.house.db.write() as session:
            if receipt.state == "sent":
                return "in progress"
            row = lock(session, delivery_id)
            new = learn(session, row, News("callback", receipt, event_key=event.event_key), now)
            return f"delivery {delivery_id}" + ("" if new else ", known already")

    def _by_job(self, session: Session, account_id: int, receipt: Receipt) -> int | None:
        job_id = str(receipt.data.get("publish_id") or "")
        if not job_id:
            return None
        query = select(Delivery.id).where(Delivery.account_id == account_id, Delivery.job_id == job_id)
        return session.scalar(query.limit(1))

    def _by_mark(self, account_id: int, mark: str) -> int | None:
        with self.house.db.read() as session:
            copy_id = marked_copy(session, account_id, mark)
            if copy_id is None:
                return None
            published = Delivery.operation == Operation.PUBLISH.value
            query = select(Delivery.id).where(Delivery.copy_id == copy_id, published)
            return session.scalar(query.order_by(Delivery.id.desc()).limit(1))

    def _may_come(self, event: CallbackEvent, now: datetime) -> bool:
        """Whether a row whose submit is still out, and which is not older than the event by much, may own it."""
        if (now - event.received_at).total_seconds() > 2 * self.pace.lease_s:
            return False
        with self.house.db.read() as session:
            query = select(Delivery.id).where(
                Delivery.account_id == event.account_id,
                Delivery.state == State.INTENDED.value,
                Delivery.once_step != "",
            )
            return session.scalar(query.limit(1)) is not None

    def _give_up(self, event: CallbackEvent, text: str) -> str:
        now = self.house.clock.now()
        with self.house.db.write() as session:
            alarms.raise_(
                session, f"callback:{event.id}", AlarmLevel.WARNING, ROOM, "平台回调无法处理，请联系管理员", now,
                event_id=event.id, error=text,
            )  # fmt: skip
        return f"unreadable: {text[:200]}"
