"""One look at one row that is sent or uncertain: poll, verify, or find, and write what was learned under the fence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import callbacks
from core.claims import Claimed
from core.errors import LostClaim
from core.house import House
from core.models import Delivery, Observation
from core.models.words import Operation
from core.ports import Absent, Channel, Gone, Live, Receipt, Reconcile, Undecided
from publisher.delivery.orders import Order, read_order
from publisher.delivery.outcomes import News, learn, learn_absent
from publisher.delivery.pace import Pace
from publisher.delivery.rows import ABSENT, lock, move, observe, possible_calls
from publisher.delivery.schedule import VERIFY_S, may_look, next_look
from publisher.workflow import State


@dataclass(frozen=True)
class Desk:
    """What every look of a round shares: one adapter, so that a list is read once; `now` is before that reading."""

    house: House
    pace: Pace
    channel: Channel
    now: datetime


class Look:
    """One look at one row; ChannelError kinds come through, nothing was learned then."""

    def __init__(self, desk: Desk, claimed: Claimed) -> None:
        self.house, self.pace = desk.house, desk.pace
        self.channel, self.claimed, self.now = desk.channel, claimed, desk.now

    def run(self) -> None:
        """Poll, verify or find, and write what was learned."""
        with self.house.db.read() as session:
            row = session.get_one(Delivery, self.claimed.row_id)
            if row.fence != self.claimed.fence:
                raise LostClaim("已由其他进程接手")
            order = read_order(session, row)
            state, receipt = row.state, Receipt("sent", order.live.remote_id, order.live.url, dict(row.receipt))
            session.expunge_all()
        if order.operation == Operation.WITHDRAW:
            self._verify(receipt)
        elif state == State.SENT or receipt.data.get("publish_id"):
            self._poll(receipt)
        else:
            self._find(order)

    def _poll(self, receipt: Receipt) -> None:
        found = self.channel.poll(receipt)
        with self._row() as (session, row):
            if found.state != "sent":
                learn(session, row, News("poll", found), self.house.clock.now())
                return
            now = self.house.clock.now()
            row.looks, row.looked_at, row.step_at, row.error_text = row.looks + 1, self.now, now, ""
            if row.state == State.SENT and not self.channel.publishes_later and self._is_settled(row):
                move(row, State.UNKNOWN, self.now)  # accepted, but not shown in its time
                row.looks = 0
            row.look_at = next_look(row, now, self.pace)

    def _verify(self, receipt: Receipt) -> None:
        """Whether a withdrawn copy is really gone; where that cannot be read, a person is asked after some looks."""
        seen = self.channel.read_live(receipt)
        now = self.house.clock.now()
        with self._row() as (session, row):
            row.looks, row.looked_at = row.looks + 1, self.now
            row.look_at = next_look(row, now, self.pace)
            if isinstance(seen, Gone):
                gone = Receipt("gone", receipt.remote_id, receipt.url, receipt.data)
                learn(session, row, News("read_live", gone), now)
            elif isinstance(seen, Live) and row.looks > len(VERIFY_S):
                text = "平台接受了撤回，但内容仍在，请到平台手工处理"
                learn(session, row, News("read_live", Receipt("refused", receipt.remote_id, text=text)), now)
            elif isinstance(seen, Undecided):
                _note_undecided(session, row, seen, now, "read_live")

    def _find(self, order: Order) -> None:
        with self._row() as (session, row):
            if possible_calls(session, row.id) == 0 and not _was_accepted(session, row.id):
                # every call of it is known not to have been carried out
                learn_absent(session, row, self.house.clock.now(), "call", {"reason": "no call was carried out"})
                return
        self._found(self.channel.find(order.key, order.payload, order.since))

    def _found(self, found: Receipt | Absent | Undecided) -> None:
        """Write what the look-up gave, and when to look again; never again where that is used up or useless."""
        now = self.house.clock.now()
        with self._row() as (session, row):
            row.looks, row.looked_at = row.looks + 1, self.now
            if isinstance(found, Receipt):
                learn(session, row, News("find", found), now)
            elif isinstance(found, Absent):
                self._absent(session, row, found, now)
            else:
                _note_undecided(session, row, found, now)
            if row.state != State.UNKNOWN:
                return
            lost = isinstance(found, Undecided)
            useless = lost and self.channel.reconcile is Reconcile.KEY  # a key past its day stays so
            again = may_look(row) and not useless
            due = next_look(row, now, self.pace, out_of_reach=lost)
            if isinstance(found, Undecided) and found.again_s and self._is_settled(row):
                due = now + self.pace.scaled(found.again_s)
            row.look_at = due if again else None

    def _absent(self, session: Session, row: Delivery, found: Absent, now: datetime) -> None:
        """Absent is certain only after the settle time, by two look-ups half of it apart, with no callback unread.

        What the platform had accepted is never absent for certain: it may be shown after its own review.
        """
        if _was_accepted(session, row.id):
            text = "平台已受理但一直没有显示，可能还在审核，请到平台核对"
            _note_undecided(session, row, Undecided(text, found.evidence), now)
            return
        settle = self.pace.settle(self.channel.settle_s)
        settled = self._is_settled(row)
        agreed = row.absent_at is not None and self.now >= row.absent_at + settle / 2
        if settled and agreed and not callbacks.waiting(session, row.account_id):
            learn_absent(session, row, now, "find", found.evidence)
            return
        observe(session, row, "find", ABSENT, now, detail=found.evidence)
        row.absent_at = row.absent_at or now

    def _is_settled(self, row: Delivery) -> bool:
        """Whether the settle time has passed since the deadline of the row's call."""
        return self.now >= (row.once_deadline_at or self.now) + self.pace.settle(self.channel.settle_s)

    @contextmanager
    def _row(self) -> Iterator[tuple[Session, Delivery]]:
        with self.house.db.write() as session:
            yield session, lock(session, self.claimed.row_id, self.claimed.fence)


def _was_accepted(session: Session, delivery_id: int) -> bool:
    """Whether the platform ever said that it took a call of this row."""
    query = select(Observation.id).where(Observation.delivery_id == delivery_id, Observation.verdict == "sent")
    return session.scalar(query.limit(1)) is not None


def _note_undecided(session: Session, row: Delivery, seen: Undecided, now: datetime, source: str = "find") -> None:
    observe(session, row, source, "undecided", now, detail={"reason": seen.reason, **seen.evidence})
    row.error_text = seen.reason
