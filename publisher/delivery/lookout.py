"""Looking after rows that are sent or uncertain: polls, look-ups, verified withdrawals, asking a person, tending."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core import alarms, callbacks
from core.claims import Claimed, Holder, claim, guard, register
from core.db import Database
from core.errors import ChannelError, LostClaim, NotConfigured, Transient
from core.house import House
from core.models import Account, Delivery, Step
from core.models.words import AlarmLevel, Operation
from core.ports import Absent, Channel, Gone, Receipt, Reconcile, Undecided
from publisher.channels import channel_class, channels, open_channel
from publisher.delivery.gates import freeze_of
from publisher.delivery.orders import Order, read_order
from publisher.delivery.outcomes import ROOM, News, ask_key, learn, learn_absent
from publisher.delivery.pace import Pace, pace_of
from publisher.delivery.rows import ABSENT, move, observe, possible_calls
from publisher.delivery.schedule import GRID, next_look
from publisher.delivery.takeover import Takeover
from publisher.retry import wait_s
from publisher.wire import total_deadline
from publisher.workflow import State

AT_ONCE = 50
ACCOUNTS_AT_ONCE = 8
LOOK_LEASE_S = 60.0
FROZEN_WAIT_S = 15.0
AGREEMENT = 0.7  # times the settle time, counted from the first look-up that said absent
log = logging.getLogger(__name__)
_lookouts: WeakKeyDictionary[Database, Lookout] = WeakKeyDictionary()
_making = threading.Lock()


def look(house: House) -> int:
    """One round of the lookout of this process: takeovers, polls, look-ups, questions, tending. Rows handled."""
    with _making:
        lookout = _lookouts.get(house.db)
        if lookout is None:
            lookout = _lookouts[house.db] = Lookout(house)
    return lookout.run()


def end_look(house: House) -> None:
    """Sign off the lookout of this process, so that nobody has to wait for its lease; `look` would begin anew."""
    with _making:
        lookout = _lookouts.pop(house.db, None)
    if lookout is not None:
        lookout.close()


class Lookout:
    """Keeps what a process must remember between rounds: its registration, its view of others, when it tended."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.pace: Pace = pace_of(house.settings)
        self.takeover = Takeover(house, self.pace)
        self._holder: Holder | None = None
        self._tended: dict[int, float] = {}
        self._round = threading.Lock()
        self._pool = ThreadPoolExecutor(ACCOUNTS_AT_ONCE, thread_name_prefix="look")
        self._tending: Future[None] | None = None

    def run(self) -> int:
        """One round; a second caller in the same process waits for the next."""
        if not self._round.acquire(blocking=False):
            return 0
        try:
            holder = self._alive()
            done = self.takeover.run(holder)
            now = self.house.clock.now()
            rows = self._claim(holder, now)
            groups = [(key, [row for _id, row in group]) for key, group in groupby(rows, key=lambda pair: pair[0])]
            looks = [self._pool.submit(self._look_at_account, holder, key, group, now) for key, group in groups]
            done += sum(future.result() for future in looks)
            done += self._ask()
            if self._tending is None or self._tending.done():
                self._tending = self._pool.submit(self._tend)
            return done
        finally:
            self._round.release()

    def close(self) -> None:
        """Sign off."""
        self._pool.shutdown(wait=True)
        if self._holder:
            self._holder.stop()
            self._holder = None

    def _alive(self) -> Holder:
        if self._holder is None or self._holder.lost:
            self._holder = register(self.house.db, "lookout", lease_s=self.pace.lease_s, clock=self.house.clock)
        return self._holder

    def _claim(self, holder: Holder, now: datetime) -> list[tuple[int, Claimed]]:
        """Rows whose look is due, claimed for this round, sorted by account."""
        due = [Delivery.state.in_([State.SENT.value, State.UNKNOWN.value]), Delivery.look_at <= now]
        with self.house.db.read() as session:
            if session.scalar(select(Delivery.id).where(*due).limit(1)) is None:
                return []
        with self.house.db.write() as session:
            values = {"look_at": now + self.pace.scaled(LOOK_LEASE_S)}
            claimed = claim(session, holder, Delivery, due, values, order_by=[Delivery.look_at], limit=AT_ONCE)
            claimed += claim(session, holder, Delivery, self._companions(session, claimed, now), values, limit=AT_ONCE)
            query = select(Delivery.id, Delivery.account_id).where(Delivery.id.in_([row.row_id for row in claimed]))
            accounts = dict(session.execute(query).all())
        return sorted(((accounts[row.row_id], row) for row in claimed), key=lambda pair: (pair[0], pair[1].row_id))

    def _companions(self, session: Session, claimed: list[Claimed], now: datetime) -> list[ColumnElement[bool]]:
        """Rows of these accounts soon due for their first look: where requests are few, one read serves all."""
        kinds = [kind for kind in channels().kinds() if channel_class(kind).list_window]
        query = select(Delivery.account_id).join(Account, Account.id == Delivery.account_id)
        query = query.where(Delivery.id.in_([row.row_id for row in claimed]), Account.kind.in_(kinds))
        soon = (
            now + max((self.pace.settle(channel_class(kind).settle_s) for kind in kinds), default=timedelta(0)) / GRID
        )
        return [
            Delivery.account_id.in_(set(session.scalars(query))), Delivery.state == State.UNKNOWN.value,
            Delivery.looks == 0, Delivery.look_at > now, Delivery.look_at <= soon,
        ]  # fmt: skip

    def _look_at_account(self, holder: Holder, account_id: int, rows: list[Claimed], now: datetime) -> int:
        """One adapter serves the round, so that a list is read once; `now` is before that reading.

        When the platform does not answer, the account's other rows are not looked at in this round.
        """
        with self.house.db.read() as session:
            account = session.get_one(Account, account_id)
            session.expunge_all()
        try:
            channel = open_channel(self.house, account)
        except NotConfigured as error:
            for claimed in rows:
                self._postpone(claimed, error.text, wait_s(3, account_id))
            return 0
        for place, claimed in enumerate(rows):
            failure = self._look_at(Look(self.house, self.pace, holder, channel, claimed, now))
            if failure:
                for other in rows[place:]:
                    self._postpone(other, *failure)
                return place
        return len(rows)

    def _look_at(self, one: Look) -> tuple[str, float] | None:
        """Look once; (why, seconds to wait) when the look itself failed."""
        try:
            one.run()
        except LostClaim:
            return None
        except Transient as error:
            return error.text, error.retry_after_s
        except (ChannelError, NotConfigured) as error:
            return error.text, wait_s(0, one.claimed.row_id)
        except Exception:
            log.exception("look at delivery %s", one.claimed.row_id)
            return "查证时系统内部错误", wait_s(3, one.claimed.row_id)
        return None

    def _postpone(self, claimed: Claimed, text: str, seconds: float) -> None:
        """The look itself failed: nothing was learned, look again later."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            try:
                row = guard(session, Delivery, claimed.row_id, claimed.fence)
            except LostClaim:
                return
            row.look_at, row.error_text = now + self.pace.scaled(seconds), text

    def _ask(self) -> int:
        """Ask a person about rows that stay undecided for `ask_s`, or for which no look-up is left."""
        now = self.house.clock.now()
        late = now - timedelta(seconds=self.pace.ask_s)
        open_rows = [Delivery.state.in_([State.SENT.value, State.UNKNOWN.value]), Delivery.asked_at.is_(None)]
        exhausted = (Delivery.state == State.UNKNOWN.value) & Delivery.look_at.is_(None)
        where = [*open_rows, (Delivery.once_deadline_at < late) | exhausted]
        with self.house.db.read() as session:
            if not any(self._is_time(row, now) for row in session.scalars(select(Delivery).where(*where))):
                return 0
        with self.house.db.write() as session:
            rows = session.scalars(select(Delivery).where(*where).with_for_update(skip_locked=True)).all()
            rows = [row for row in rows if self._is_time(row, now)]
            for row in rows:
                row.asked_at = now
                text = f"《{row.article.title}》在“{row.account.name}”是否发出无法断定，请核对后判定"
                alarms.raise_(session, ask_key(row), AlarmLevel.CRITICAL, ROOM, text, now, delivery_id=row.id)
            return len(rows)

    def _is_time(self, row: Delivery, now: datetime) -> bool:
        """Never before the channel had its settle time and a look-up after it, unless no look-up is left."""
        if row.state == State.UNKNOWN and row.look_at is None:
            return True
        settle = self.pace.settle(channel_class(row.account.kind).settle_s)
        settled_at = (row.once_deadline_at or now) + settle
        if row.absent_at and now < row.absent_at + settle * AGREEMENT:
            return False
        return now >= settled_at + settle / 2 or (row.looked_at is not None and row.looked_at >= settled_at)

    def _tend(self) -> None:
        """Let each channel tidy up in its own time; what goes wrong there waits for the next time."""
        monotonic = self.house.clock.monotonic()
        with self.house.db.read() as session:
            accounts = session.scalars(select(Account).where(Account.enabled.is_(True))).all()
            session.expunge_all()
        for account in accounts:
            try:
                channel = open_channel(self.house, account)
                every_s = channel.tend_s / self.pace.factor
                if not channel.tend_s or monotonic - self._tended.get(account.id, -every_s) < every_s:
                    continue
                self._tended[account.id] = monotonic
                channel.tend()
            except NotConfigured:
                continue
            except (ChannelError, OSError) as error:
                log.warning("tending account %s: %s", account.id, error)


class Look:
    """One look at one row."""

    def __init__(
        self, house: House, pace: Pace, holder: Holder, channel: Channel, claimed: Claimed, now: datetime
    ) -> None:
        self.house, self.pace, self.holder = house, pace, holder
        self.channel, self.claimed, self.now = channel, claimed, now

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
            row.looks, row.looked_at = row.looks + 1, self.now
            settled = self.now >= (row.once_deadline_at or self.now) + self.pace.settle(self.channel.settle_s)
            if row.state == State.SENT and not self.channel.publishes_later and settled:
                move(row, State.UNKNOWN, self.now)  # accepted, but not shown in its time
                row.looks = 0
            row.look_at = next_look(row, self.house.clock.now(), self.pace)

    def _verify(self, receipt: Receipt) -> None:
        """Whether a withdrawn copy is really gone."""
        seen = self.channel.read_live(receipt)
        now = self.house.clock.now()
        with self._row() as (session, row):
            row.looks += 1
            if isinstance(seen, Gone):
                gone = Receipt("gone", receipt.remote_id, receipt.url, receipt.data)
                learn(session, row, News("read_live", gone), now)
            elif row.looks > 4:
                text = "平台接受了撤回，但内容仍在，请到平台手工处理"
                learn(session, row, News("read_live", Receipt("refused", receipt.remote_id, text=text)), now)
            else:
                row.look_at = next_look(row, now, self.pace)

    def _find(self, order: Order) -> None:
        with self._row() as (session, row):
            if possible_calls(session, row.id) == 0:  # every call of it is known not to have been carried out
                learn_absent(session, row, self.house.clock.now(), "call", {"reason": "no call was carried out"})
                return
        found = self._find_by_key(order) if self.channel.reconcile is Reconcile.KEY else self._ask_channel(order)
        if found is None:
            return
        now = self.house.clock.now()
        with self._row() as (session, row):
            row.looks, row.looked_at = row.looks + 1, self.now
            if isinstance(found, Receipt):
                learn(session, row, News("find", found), now)
            elif isinstance(found, Absent):
                self._absent(session, row, found, now)
            else:
                observe(session, row, "find", "undecided", now, detail={"reason": found.reason, **found.evidence})
                row.error_text = found.reason
            if row.state == State.UNKNOWN:
                lost = isinstance(found, Undecided)
                row.look_at = None if self._last(row) else next_look(row, now, self.pace, out_of_reach=lost)

    def _ask_channel(self, order: Order) -> Receipt | Absent | Undecided:
        return self.channel.find(order.key, order.payload, order.since)

    def _find_by_key(self, order: Order) -> Receipt | Absent | Undecided | None:
        """Sending again with the platform's key may publish: an intent of its own, under freeze and heartbeat."""
        with self._row() as (session, row):
            if freeze_of(session, row.account_id):
                row.look_at = self.house.clock.now() + self.pace.scaled(FROZEN_WAIT_S)
                return None
            deadline = self.house.clock.now() + timedelta(seconds=self.pace.call_s)
            session.add(
                Step(
                    delivery_id=row.id, fence=row.fence, name=row.once_step or "key", once=True, intent_at=self.now,
                    deadline_at=deadline,
                )
            )  # fmt: skip
        if not self.holder.fresh():
            raise Transient("not_sent", "stale", "本机心跳没有及时写入，稍后再查证", retry_after_s=1)
        with total_deadline(self.pace.call_s):
            return self._ask_channel(order)

    def _absent(self, session: Session, row: Delivery, found: Absent, now: datetime) -> None:
        """Absent is certain only after the settle time, by two look-ups half of it apart, with no callback unread."""
        settle = self.pace.settle(self.channel.settle_s)
        settled = self.now >= (row.once_deadline_at or self.now) + settle
        agreed = row.absent_at is not None and self.now >= row.absent_at + settle / 2
        if settled and agreed and not callbacks.waiting(session, row.account_id):
            learn_absent(session, row, now, "find", found.evidence)
            return
        observe(session, row, "find", ABSENT, now, detail=found.evidence)
        row.absent_at = row.absent_at or now

    def _last(self, row: Delivery) -> bool:
        return bool(self.channel.list_reads) and row.looks >= self.channel.list_reads

    @contextmanager
    def _row(self) -> Iterator[tuple[Session, Delivery]]:
        with self.house.db.write() as session:
            yield session, guard(session, Delivery, self.claimed.row_id, self.claimed.fence)
