"""Carrying out one claimed row: through the gate to the adapter, and from its answer to the row's next state."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from core import alarms
from core.claims import Claimed, Holder, give_up
from core.db import Database
from core.errors import (
    AccountDisabled,
    ChannelError,
    CredentialExpired,
    LostClaim,
    NotConfigured,
    OutcomeUnknown,
    Refused,
    Throttled,
    Transient,
)
from core.house import House
from core.models import Account, Delivery
from core.models.words import AlarmLevel, CopyEventKind, CopyState, Operation
from core.ports import Channel, Gone, Receipt, Reconcile
from publisher.channels import open_channel
from publisher.delivery.gates import WITHDRAWN, Stopped, check_approval
from publisher.delivery.holding import ROOM
from publisher.delivery.intents import Pending
from publisher.delivery.journal import LedgerJournal
from publisher.delivery.orders import Order, read_order
from publisher.delivery.outcomes import News, learn
from publisher.delivery.pace import Pace
from publisher.delivery.rows import lock, move, note_event, observe, put_back, rest_account, waiting_withdrawal
from publisher.delivery.schedule import first_look
from publisher.delivery.successes import Success, note_success, write_successes
from publisher.retry import wait_s
from publisher.workflow import State

CREDENTIAL_WAIT_S = 60.0
DATABASE_WAIT_S, MOST_DATABASE_TRIES = 5.0, 8
STALE_S = 1.0  # what was read with the claim is read again after that
REST_GAP_S = 20.0  # between the first tries after a rest, so that one call tells whether it is over
NO_NUMBER = "这一条没有平台编号，系统无法撤回；请到平台手工删除，然后在分发页判定"
Outcome = Callable[[Database], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setback:
    """Why a row that certainly is not live goes back: the platform's error, or the reason to hold or cancel it."""

    error: ChannelError | None = None
    held: str = ""
    cancelled: str = ""
    wait_s: float = 0.0
    why: str = ""  # of ours: tried a few times, then held
    pause: str = ""  # why the whole account rests


class Unreachable(Exception):
    """What is live cannot be reached by its platform's number: only a person can take it down."""


class Delivering:
    """One claimed row on its way. `run` never raises: whatever happens ends in the row, or in `outcome` to be written.

    `order` saves reading the row's work again when the claim has read it.
    """

    def __init__(self, house: House, holder: Holder, claimed: Claimed, pace: Pace, order: Order | None = None) -> None:
        self.house, self.holder, self.claimed, self.pace, self.order = house, holder, claimed, pace, order
        self.journal: LedgerJournal | None = None
        self.outcome: Outcome | None = None  # learned, and not written yet
        self._stale_at = house.clock.monotonic() + STALE_S

    def run(self) -> bool:
        """Deliver and write the outcome; False when it could not be written and the row was given up."""
        self.outcome = self._find_out()
        return self.write()

    def write(self) -> bool:
        """Write what was learned, also when somebody else has taken the row over meanwhile. False: try again later."""
        if self.outcome is None:
            return True
        try:
            self.outcome(self.house.db)
        except Exception:  # whatever it is, the row must not stay with a worker that cannot write it
            log.exception("outcome of delivery %s", self.claimed.row_id)
            self._give_up()
            return False
        self.outcome = None
        if self.journal:
            self.journal.settle()
        return True

    def _give_up(self) -> None:
        """Nobody holds the row any more: it is taken over at once, and uncertain if a call may be out."""
        try:
            give_up(self.house.db, Delivery, self.claimed, Delivery.state == State.INTENDED.value)
        except SQLAlchemyError:
            log.exception("delivery %s stays with its worker until it can be given up", self.claimed.row_id)

    def _find_out(self) -> Outcome | None:
        """The remote work; what has to be written of it."""
        try:
            receipt = self._carry_out()
        except LostClaim as error:
            log.info("delivery %s: %s", self.claimed.row_id, error.text)
            return _together(self._keep_steps) if self.journal else None
        except Stopped as stop:
            return self._back(Setback(held=stop.held, cancelled=stop.cancelled))
        except Unreachable:
            return _together(partial(self._write_unknown, "no_number", NO_NUMBER))
        except ChannelError as error:
            return self._failed(error)
        except NotConfigured as error:
            return self._back(Setback(held=error.text))
        except Exception as error:  # noqa: BLE001  a fault of ours
            return self._broken(error)
        return self._told(News("call", receipt))

    def _carry_out(self) -> Receipt:
        fresh = self.order if self.house.clock.monotonic() < self._stale_at else None
        order = fresh or _read_order(self.house, self.claimed)
        channel = open_channel(self.house, order.account)
        self.journal = LedgerJournal(
            self.house, self.holder, self.claimed, order.account.id, order.key.memory, self.pace
        )
        return _act(channel, order, self.journal)

    def _broken(self, error: Exception) -> Outcome:
        """Uncertain if a call may be out; else tried again when it was the database, or held."""
        log.error("delivery %s", self.claimed.row_id, exc_info=error)
        text = f"系统内部错误：{type(error).__name__}"
        if self.journal and self.journal.uncertain:
            return _together(partial(self._write_unknown, "internal", text))
        if isinstance(error, OperationalError | InterfaceError) and not (self.journal and self.journal.called):
            return self._back(Setback(wait_s=DATABASE_WAIT_S, why=f"{text}，尚未发出"))
        return self._back(Setback(held=f"{text}，请联系管理员"))

    def _failed(self, error: ChannelError) -> Outcome:
        if isinstance(error, Refused):
            return self._told(News("call", Receipt("refused", text=error.text), code=error.code))
        if isinstance(error, OutcomeUnknown) and self.journal and self.journal.uncertain:
            return _together(partial(self._write_unknown, error.code, error.text))
        if isinstance(error, AccountDisabled):
            return self._back(Setback(error, wait_s=CREDENTIAL_WAIT_S, pause=error.text))
        if isinstance(error, CredentialExpired):
            return self._back(Setback(error, wait_s=CREDENTIAL_WAIT_S))
        return self._back(Setback(error))

    def _back(self, setback: Setback) -> Outcome:
        return _together(partial(self._write_back, setback))

    def _told(self, news: News) -> Outcome:
        """The call's answer, written with those of other rows."""
        ordinary, clock = partial(self._write_news, news), self.house.clock
        pending = self.journal.pending if self.journal else Pending(0)
        success = Success(self.claimed, news, pending, self.pace, clock.now, ordinary)
        return lambda db: db.gathered(write_successes, success)

    def _write_news(self, news: News, session: Session) -> None:
        """The outcome under the fence; without it the news is stored all the same."""
        now = self.house.clock.now()
        try:
            delivery = lock(session, self.claimed.row_id, self.claimed.fence)
        except LostClaim:
            delivery = lock(session, self.claimed.row_id)
            news = News("late_call", news.receipt, code=news.code)
        if self.journal:
            self.journal.flush(session, delivery)
        learn(session, delivery, news, now)
        if delivery.state == State.SENT:
            delivery.look_at = first_look(delivery, now, self.pace)
        if delivery.state in (State.SENT, State.CONFIRMED):
            note_success(session, [delivery.account_id], now)

    def _write_unknown(self, code: str, text: str, session: Session) -> None:
        """The open intent decides: the row is uncertain from now on and is looked for, or a person is asked."""
        now = self.house.clock.now()
        delivery = self._mine(session)
        if delivery is None:  # whoever took it over has made it unknown already
            return
        observe(session, delivery, "call", "unknown", now, detail={"code": code, "text": text})
        make_unknown(delivery, now, self.pace)
        delivery.error_code, delivery.error_text = code, text
        if code == "no_number" and delivery.copy:
            delivery.look_at = None  # nothing to look with: a person is asked at once
            note_event(session, delivery.copy, CopyEventKind.RESIDUAL, now, text=text)

    def _write_back(self, setback: Setback, session: Session) -> None:
        """Certainly not live: planned again, or on to held or cancelled."""
        now = self.house.clock.now()
        delivery = self._mine(session)
        if delivery is None:
            return
        error, held, cancelled = setback.error, _held_for(delivery, setback), setback.cancelled
        if delivery.operation != Operation.WITHDRAW and waiting_withdrawal(session, delivery.copy_id):
            cancelled = cancelled or WITHDRAWN
        at_least_s = max(setback.wait_s, error.retry_after_s if isinstance(error, Transient) else 0)
        retry_at = now + self.pace.scaled(wait_s(delivery.tries, delivery.id, at_least_s=at_least_s))
        delivery.tries += 1
        if error:
            delivery.error_code, delivery.error_text = error.code, error.text
        put_back(delivery, now, retry_at=retry_at, held=held, cancelled=cancelled)
        if isinstance(error, Throttled) and delivery.operation != Operation.WITHDRAW:
            session.flush()
            rest_account(session, delivery.account_id, retry_at, self.pace.scaled(REST_GAP_S))
        if error:
            _blame(session, delivery.account, error, setback.pause, now)

    def _mine(self, session: Session) -> Delivery | None:
        """The row under the fence, with what waited of its steps; they are kept without the fence as well."""
        try:
            delivery = lock(session, self.claimed.row_id, self.claimed.fence)
        except LostClaim:
            self._keep_steps(session)
            return None
        if self.journal:
            self.journal.flush(session, delivery)
        if delivery.state != State.INTENDED:  # written already: the answer to that commit was lost
            return None
        return delivery

    def _keep_steps(self, session: Session) -> None:
        """What a stale worker learned of its own steps is never thrown away."""
        if self.journal:
            self.journal.flush(session, lock(session, self.claimed.row_id))


def _read_order(house: House, claimed: Claimed) -> Order:
    with house.db.read() as session:
        delivery = session.get_one(Delivery, claimed.row_id)
        if delivery.fence != claimed.fence:
            raise LostClaim("已由其他进程接手")
        check_approval(session, delivery)
        order = read_order(session, delivery)
        session.expunge_all()
    return order


def _held_for(delivery: Delivery, setback: Setback) -> str:
    """The reason to hold the row; a fault of ours is noted at it, and one once it was tried often enough."""
    if not setback.why:
        return setback.held
    delivery.error_code, delivery.error_text = "internal", setback.why
    return f"{setback.why}，请联系管理员" if delivery.tries >= MOST_DATABASE_TRIES else ""


def _together(work: Callable[[Session], None]) -> Outcome:
    return lambda db: db.together(work)


def make_unknown(delivery: Delivery, now: datetime, pace: Pace) -> None:
    """intended -> unknown with its first look-up; the call's deadline is never earlier than what is known now."""
    move(delivery, State.UNKNOWN, now)
    delivery.once_deadline_at = max(delivery.once_deadline_at or now, now)
    delivery.looks, delivery.absent_at, delivery.worker_id = 0, None, None
    delivery.look_at = first_look(delivery, now, pace)


def _blame(session: Session, account: Account, error: ChannelError, pause: str, now: datetime) -> None:
    """What went wrong stands at the account; where a person must act, an alarm says so."""
    account.last_error, account.last_error_at = error.text, now
    if pause:
        account.paused_reason = pause
    if pause or isinstance(error, CredentialExpired):
        text = f"账号“{account.name}”不能发布：{error.text}"
        alarms.raise_(session, f"account:{account.id}", AlarmLevel.CRITICAL, ROOM, text, now, account_id=account.id)


def _act(channel: Channel, order: Order, journal: LedgerJournal) -> Receipt:
    if order.operation == Operation.PUBLISH:
        return channel.publish(order.payload, order.key, journal)
    if order.operation == Operation.CORRECT:
        return channel.correct(order.payload, order.key, order.live, journal)
    if order.operation == Operation.REPLY:
        return channel.reply(order.payload, order.key, journal)
    return _withdraw(channel, order, journal)


def _withdraw(channel: Channel, order: Order, journal: LedgerJournal) -> Receipt:
    """Take the copy down and read it live. What was never live is gone; what is live without a number is not.

    One that was tried before is read first: it may be done, and of deletions there are few (WeChat: ten a day).
    """
    own = channel.reconcile in (Reconcile.OWN, Reconcile.KEY)
    if not own and not order.live.remote_id:
        if order.copy_state == CopyState.LIVE:
            raise Unreachable
        return Receipt("gone", data={"note": "nothing was live"})
    if order.again and not own and _is_gone(channel, order.live):
        return Receipt("sent", order.live.remote_id, order.live.url)  # a later look must say so too
    receipt = channel.withdraw(order.live, order.key, journal)
    if _is_gone(channel, receipt):
        return Receipt("gone", order.live.remote_id, receipt.url, receipt.data)
    return receipt


def _is_gone(channel: Channel, receipt: Receipt) -> bool:
    """Whether it reads as gone; what cannot be read is verified by a later look."""
    try:
        return isinstance(channel.read_live(receipt), Gone)
    except ChannelError:
        return False
