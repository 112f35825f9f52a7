"""Carrying out one claimed row: through the gate to the adapter, and from its answer to the row's next state."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from core import alarms
from core.claims import Claimed, Holder, guard
from core.errors import (
    AccountDisabled,
    AppError,
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
from core.models.words import AlarmLevel, Operation
from core.ports import Channel, Gone, Receipt, Reconcile
from publisher.channels import open_channel
from publisher.delivery.gates import Stopped, check_approval
from publisher.delivery.journal import LedgerJournal
from publisher.delivery.orders import Order, read_order
from publisher.delivery.outcomes import ROOM, News, learn
from publisher.delivery.pace import Pace
from publisher.delivery.rows import move, observe, put_back, rest_account, waiting_withdrawal
from publisher.delivery.schedule import first_look
from publisher.retry import wait_s
from publisher.workflow import State

CREDENTIAL_WAIT_S = 60.0
REST_GAP_S = 20.0  # between the first tries after a rest, so that one call tells whether it is over
log = logging.getLogger(__name__)


class Delivering:
    """One claimed row on its way. `run` never raises: whatever happens ends in the row."""

    def __init__(self, house: House, holder: Holder, claimed: Claimed, pace: Pace) -> None:
        self.house, self.holder, self.claimed, self.pace = house, holder, claimed, pace
        self.journal: LedgerJournal | None = None

    def run(self) -> None:
        """Deliver and write the outcome."""
        try:
            receipt = self._carry_out()
        except LostClaim as error:
            log.info("delivery %s: %s", self.claimed.row_id, error.text)
        except Stopped as stop:
            self._back(None, held=stop.held, cancelled=stop.cancelled)
        except ChannelError as error:
            self._failed(error)
        except NotConfigured as error:
            self._back(None, held=error.text)
        except Exception as error:
            log.exception("delivery %s", self.claimed.row_id)
            self._broken(error)
        else:
            self._learn(News("call", receipt))

    def _carry_out(self) -> Receipt:
        with self.house.db.read() as session:
            delivery = session.get_one(Delivery, self.claimed.row_id)
            if delivery.fence != self.claimed.fence:
                raise LostClaim("已由其他进程接手")
            check_approval(session, delivery)
            order = read_order(session, delivery)
            session.expunge_all()
        channel = open_channel(self.house, order.account)
        self.journal = LedgerJournal(
            self.house, self.holder, self.claimed, order.account.id, order.key.memory, self.pace
        )
        return _act(channel, order, self.journal)

    def _learn(self, news: News) -> None:
        """Write the outcome under the fence; without it the news is stored all the same."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            try:
                delivery = guard(session, Delivery, self.claimed.row_id, self.claimed.fence)
            except LostClaim:
                delivery = session.get_one(Delivery, self.claimed.row_id, with_for_update=True)
                news = News("late_call", news.receipt, code=news.code)
            if self.journal:
                self.journal.flush(session, delivery)
            learn(session, delivery, news, now)
            if delivery.state == State.SENT:
                delivery.look_at = first_look(delivery, now, self.pace)
            if delivery.state in (State.SENT, State.CONFIRMED):
                account = session.get_one(Account, delivery.account_id)
                account.last_ok_at = now

    def _failed(self, error: ChannelError) -> None:
        if isinstance(error, Refused):
            self._learn(News("call", Receipt("refused", text=error.text), code=error.code))
        elif isinstance(error, OutcomeUnknown) and self.journal and self.journal.uncertain:
            self._unknown(error.code, error.text)
        elif isinstance(error, AccountDisabled):
            self._back(error, wait=CREDENTIAL_WAIT_S, pause=error.text)
        elif isinstance(error, CredentialExpired):
            self._back(error, wait=CREDENTIAL_WAIT_S)
        else:
            self._back(error)

    def _broken(self, error: Exception) -> None:
        """A fault of ours: uncertain if a call may be out, otherwise held for a person. Never tried again by itself."""
        text = f"系统内部错误：{type(error).__name__}"
        try:
            if self.journal and self.journal.uncertain:
                self._unknown("internal", text)
            else:
                self._back(None, held=f"{text}，请联系管理员")
        except Exception:
            log.exception("delivery %s stays claimed until it is taken over", self.claimed.row_id)

    def _unknown(self, code: str, text: str) -> None:
        """The open intent decides: the row is uncertain from now on and will be looked for."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            try:
                delivery = guard(session, Delivery, self.claimed.row_id, self.claimed.fence)
            except LostClaim:  # whoever took it over has made it unknown already
                self._flush_late(session)
                return
            if self.journal:
                self.journal.flush(session, delivery)
            observe(session, delivery, "call", "unknown", now, detail={"code": code, "text": text})
            make_unknown(delivery, now, self.pace)
            delivery.error_code, delivery.error_text = code, text

    def _back(
        self, error: ChannelError | None, *, held: str = "", cancelled: str = "", wait: float = 0, pause: str = ""
    ) -> None:
        """Certainly not live: planned again, or on to held or cancelled."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            try:
                delivery = guard(session, Delivery, self.claimed.row_id, self.claimed.fence)
            except LostClaim:
                self._flush_late(session)
                return
            if self.journal:
                self.journal.flush(session, delivery)
            if not cancelled and delivery.operation != Operation.WITHDRAW:
                cancelled = "稿件已撤回，不再发出" if waiting_withdrawal(session, delivery.copy_id) else ""
            at_least_s = max(wait, error.retry_after_s) if isinstance(error, Transient) else wait
            retry_s = wait_s(delivery.tries, delivery.id, at_least_s=at_least_s)
            put_back(delivery, now, retry_at=now + self.pace.scaled(retry_s), held=held, cancelled=cancelled)
            delivery.tries += 1
            if isinstance(error, Throttled) and delivery.operation != Operation.WITHDRAW:
                session.flush()
                rest_account(session, delivery.account_id, delivery.retry_at or now, self.pace.scaled(REST_GAP_S))
            if error:
                delivery.error_code, delivery.error_text = error.code, error.text
                _blame(session.get_one(Account, delivery.account_id), error, pause, now)
            if pause or isinstance(error, CredentialExpired):
                text = f"账号“{delivery.account.name}”不能发布：{error.text if error else pause}"
                key = f"account:{delivery.account_id}"
                alarms.raise_(session, key, AlarmLevel.CRITICAL, ROOM, text, now, account_id=delivery.account_id)

    def _flush_late(self, session: Session) -> None:
        """What a stale worker learned of its own steps is never thrown away."""
        if self.journal:
            delivery = session.get_one(Delivery, self.claimed.row_id, with_for_update=True)
            self.journal.flush(session, delivery)


def make_unknown(delivery: Delivery, now: datetime, pace: Pace) -> None:
    """intended -> unknown with its first look-up; the call's deadline is never earlier than what is known now."""
    move(delivery, State.UNKNOWN, now)
    delivery.once_deadline_at = max(delivery.once_deadline_at or now, now)
    delivery.looks, delivery.absent_at, delivery.worker_id = 0, None, None
    delivery.look_at = first_look(delivery, now, pace)


def _blame(account: Account, error: AppError, pause: str, now: datetime) -> None:
    account.last_error, account.last_error_at = error.text, now
    if pause:
        account.paused_reason = pause


def _act(channel: Channel, order: Order, journal: LedgerJournal) -> Receipt:
    if order.operation == Operation.PUBLISH:
        return channel.publish(order.payload, order.key, journal)
    if order.operation == Operation.CORRECT:
        return channel.correct(order.payload, order.key, order.live, journal)
    if order.operation == Operation.REPLY:
        return channel.reply(order.payload, order.key, journal)
    return _withdraw(channel, order, journal)


def _withdraw(channel: Channel, order: Order, journal: LedgerJournal) -> Receipt:
    """Take the copy down and read it live; nothing to take down is done already."""
    own = channel.reconcile in (Reconcile.OWN, Reconcile.KEY)
    if not own and not order.live.remote_id:
        return Receipt("gone", data={"note": "nothing was live"})
    receipt = channel.withdraw(order.live, order.key, journal)
    try:
        seen = channel.read_live(receipt)
    except ChannelError:  # removed as far as we know: verified by a later look
        return receipt
    if isinstance(seen, Gone):
        return Receipt("gone", receipt.remote_id, receipt.url, receipt.data)
    return receipt
