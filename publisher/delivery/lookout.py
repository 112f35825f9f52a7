"""Looking after rows that are sent or uncertain: polls, look-ups, verified withdrawals, asking a person, tending."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.claims import Claimed, Holder, claim, register
from core.db import Database
from core.errors import (
    AccountDisabled,
    ChannelError,
    CredentialExpired,
    LostClaim,
    NotConfigured,
    Throttled,
    Transient,
)
from core.house import House
from core.models import Account, Delivery
from publisher.channels import channel_class, channels, open_channel
from publisher.delivery.asking import alarm_late_accounts, alarm_stuck_withdrawals, ask_people
from publisher.delivery.holding import end_empty_holds
from publisher.delivery.looks import Desk, Look
from publisher.delivery.pace import Pace, pace_of
from publisher.delivery.rows import lock
from publisher.delivery.schedule import GRID, SOONEST_S, may_look, next_look
from publisher.delivery.takeover import Takeover
from publisher.retry import wait_s
from publisher.workflow import State

AT_ONCE = 50
ACCOUNTS_AT_ONCE = 8
LOOK_LEASE_S = 60.0
FAILURES_A_ROUND = 3  # failing rows of one account; each may cost a whole time-out
JUMP_S = 5.0  # of wall against monotonic time between two rounds
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


@dataclass(frozen=True)
class Failure:
    """A look that failed. `of_account`: others would fail alike; `counts`: the platform may have been asked."""

    text: str
    wait_s: float
    of_account: bool = False
    counts: bool = False


class Lookout:
    """Keeps what a process must remember between rounds: its registration, its view of others, when it tended."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.pace: Pace = pace_of(house.settings)
        self.takeover = Takeover(house, self.pace)
        self._holder: Holder | None = None
        self._tended: dict[int, float] = {}
        self._offset = self._clock_offset()
        self._round = threading.Lock()
        self._pool = ThreadPoolExecutor(ACCOUNTS_AT_ONCE, thread_name_prefix="look")
        self._tending: Future[None] | None = None

    def run(self) -> int:
        """One round; a second caller in the same process waits for the next."""
        if not self._round.acquire(blocking=False):
            return 0
        try:
            holder = self._alive()
            now = self.house.clock.now()  # before the clock is watched: a jump from here on makes no row look settled
            self._watch_clock()
            done = self.takeover.run(holder)
            rows = self._claim(holder, now)
            groups = [(key, [row for _id, row in group]) for key, group in groupby(rows, key=lambda pair: pair[0])]
            looks = [self._pool.submit(self._look_at_account, holder, key, group, now) for key, group in groups]
            done += sum(future.result() for future in looks)
            done += ask_people(self.house, self.pace) + alarm_stuck_withdrawals(self.house, self.pace)
            alarm_late_accounts(self.house, self.pace)
            end_empty_holds(self.house)
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
        """Each row for itself: what fails backs off alone, unless the account or its platform is not to be reached."""
        with self.house.db.read() as session:
            account = session.get_one(Account, account_id)
            session.expunge_all()
        try:
            desk = Desk(self.house, self.pace, open_channel(self.house, account), now)
        except Exception as error:  # noqa: BLE001  whatever an adapter does, the other accounts are looked at
            text = error.text if isinstance(error, NotConfigured) else "账号的渠道程序出错，请联系管理员"
            log.warning("opening account %s: %r", account_id, error)
            for claimed in rows:
                self._back_off(claimed, Failure(text, wait_s(3, account_id)))
            return 0
        failed = 0
        for place, claimed in enumerate(rows):
            failure = _look_at(Look(desk, claimed))
            if failure is None:
                continue
            failed += 1
            self._back_off(claimed, failure)
            if failure.of_account or failed == FAILURES_A_ROUND:
                for other in rows[place + 1 :]:  # they come first in the next round: the failed one waits longer
                    self._postpone(other, failure.wait_s if failure.of_account else SOONEST_S)
                return place + 1 - failed
        return len(rows) - failed

    def _back_off(self, claimed: Claimed, failure: Failure) -> None:
        """The look itself failed: nothing was learned. What may have cost a list read counts as one."""
        now = self.house.clock.now()
        with self._row(claimed) as row:
            if row is None:
                return
            row.error_text = failure.text
            due = now + self.pace.scaled(failure.wait_s + SOONEST_S)
            if failure.counts:
                row.looks += 1
                backed_off = now + self.pace.scaled(wait_s(row.looks, row.id, at_least_s=failure.wait_s))
                due = max(due, backed_off, next_look(row, now, self.pace))
            row.look_at = due if may_look(row) else None

    def _postpone(self, claimed: Claimed, seconds: float) -> None:
        """Not looked at in this round."""
        with self._row(claimed) as row:
            if row is not None:
                row.look_at = self.house.clock.now() + self.pace.scaled(seconds)

    @contextmanager
    def _row(self, claimed: Claimed) -> Iterator[Delivery | None]:
        """The claimed row, or nothing when it was settled meanwhile."""
        with self.house.db.write() as session:
            try:
                row = lock(session, claimed.row_id, claimed.fence)
            except LostClaim:
                yield None
                return
            yield row if row.state in (State.SENT, State.UNKNOWN) else None

    def _watch_clock(self) -> None:
        """After a jump of wall against monotonic time, settle times and agreements count anew from now.

        What was measured across the jump proves nothing; a call made by a clock that was ahead is dated back.
        """
        offset = self._clock_offset()
        jump_s, self._offset = offset - self._offset, offset
        if abs(jump_s) <= JUMP_S:
            return
        now = self.house.clock.now()
        open_rows = Delivery.state.in_([State.SENT.value, State.UNKNOWN.value])
        with self.house.db.write() as session:
            for row in session.scalars(
                select(Delivery).where(open_rows).order_by(Delivery.id).with_for_update(key_share=True)
            ):
                if row.once_deadline_at:
                    row.once_deadline_at, row.absent_at = now, None
                if row.once_at and jump_s < 0:
                    row.once_at += timedelta(seconds=jump_s)
                if row.look_at:
                    row.look_at = min(row.look_at, next_look(row, now, self.pace))
        log.warning("the clock jumped by %.0f s: settle times count anew", jump_s)

    def _clock_offset(self) -> float:
        return self.house.clock.now().timestamp() - self.house.clock.monotonic()

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
            except Exception as error:  # noqa: BLE001  the other accounts are tended all the same
                log.warning("tending account %s: %r", account.id, error)


def _look_at(one: Look) -> Failure | None:
    """Look once; what went wrong when the look itself failed."""
    row_id = one.claimed.row_id
    try:
        one.run()
    except LostClaim:
        return None
    except Throttled as error:
        return Failure(error.text, error.retry_after_s, of_account=True, counts=error.code != "budget")
    except Transient as error:
        return Failure(error.text, error.retry_after_s, of_account=True)
    except CredentialExpired as error:
        return Failure(error.text, wait_s(3, row_id), of_account=True)
    except AccountDisabled as error:
        return Failure(error.text, wait_s(3, row_id), of_account=True, counts=True)
    except (ChannelError, NotConfigured) as error:
        return Failure(error.text, wait_s(0, row_id), counts=True)
    except Exception:
        log.exception("look at delivery %s", row_id)
        return Failure("查证时系统内部错误", wait_s(3, row_id), counts=True)
    return None
