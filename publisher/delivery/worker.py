"""A worker: claims due rows and delivers them, N at a time. Any number of workers may run, on any machine."""

from __future__ import annotations

import logging
import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core import alarms
from core.claims import Claimed, Holder, give_up, register
from core.house import House
from core.models import Delivery
from core.models.words import AlarmLevel
from publisher.delivery.claiming import claim_due, hold_due
from publisher.delivery.delivering import Delivering
from publisher.delivery.holding import ROOM
from publisher.delivery.orders import read_approved
from publisher.delivery.pace import pace_of
from publisher.delivery.takeover import Takeover
from publisher.workflow import State

POLL_S = 0.2
GATHER_S = 0.08
JUMP_S = 120.0
WRITE_AGAIN_S = 5.0
log = logging.getLogger(__name__)


class Worker:
    """`run(stop)` works until the event is set; `tick()` does one round for a caller with a clock of its own."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.name = house, name
        self.pace = pace_of(house.settings)
        self.takeover = Takeover(house, self.pace)
        self._threads = house.settings.deliver_threads
        self._ahead = self._threads // 2  # rows claimed for threads that are about to be free
        self._pool: ThreadPoolExecutor | None = None
        self._holder: Holder | None = None
        self._running: dict[Future[bool], Delivering] = {}
        self._unwritten: list[Delivering] = []
        self._write_at = 0.0
        self._wake = threading.Event()
        self._offset = self._clock_offset()
        self._took_over_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Claim and deliver until `stop` is set, then finish what is in flight."""
        poll_s = max(POLL_S / self.pace.factor, 0.01)
        try:
            while not stop.is_set():
                try:
                    self.tick()
                except SQLAlchemyError:
                    log.exception("round of worker %s", self.name)
                    stop.wait(1)
                if self._wake.wait(poll_s):
                    stop.wait(GATHER_S / self.pace.factor)  # what ends just now is claimed for together
                self._wake.clear()
        finally:
            self.close()

    def tick(self) -> int:
        """One round: watch the clock, take over, claim; gives the number of rows begun. Returns before they end."""
        holder = self._alive()
        self._watch_clock()
        monotonic = self.house.clock.monotonic()
        if monotonic - self._took_over_at > self.pace.lease_s / 8:
            self._took_over_at = monotonic
            self.takeover.run(holder)
            self._let_go(holder)
        self._gather(monotonic)
        free = self._threads + self._ahead - len(self._running)
        rows = claim_due(self.house.db, holder, self.house.clock.now(), free) if holder.fresh() else []
        if rows:
            with self.house.db.read() as session:
                orders = read_approved(session, rows)
                session.expunge_all()
            for claimed in rows:
                self._start(Delivering(self.house, holder, claimed, self.pace, orders.get(claimed.row_id)))
        return len(rows)

    def _let_go(self, holder: Holder) -> None:
        """Rows of ours nobody works on are anybody's: the answer to the claim, or what came after it, was lost."""
        mine = {one.claimed for one in self._running.values()}
        claimed = (Delivery.state == State.INTENDED.value, Delivery.worker_id == holder.id)
        with self.house.db.read() as session:
            rows = [Claimed(*row) for row in session.execute(select(Delivery.id, Delivery.fence).where(*claimed))]
        for row in rows:
            if row not in mine:
                give_up(self.house.db, Delivery, row, *claimed)

    def wait_idle(self) -> None:
        """Wait for the rows in flight."""
        wait(self._running)

    def close(self) -> None:
        """Finish what is in flight and sign off; what was only claimed is anybody's again."""
        waiting = [self._running.pop(future) for future in [*self._running] if future.cancel()]
        try:
            if self._pool:
                self._pool.shutdown(wait=True)
                self._pool = None
            self._gather(math.inf)
        finally:
            if self._holder:
                self._holder.stop()
                self._holder = None
        log.info("worker %s ends; %d rows it had claimed ahead are anybody's", self.name, len(waiting))

    def _start(self, one: Delivering) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"deliver-{self.name}")
        future = self._pool.submit(one.run)
        future.add_done_callback(lambda _done: self._wake.set())
        self._running[future] = one

    def _gather(self, monotonic: float) -> None:
        """Forget what has ended; an outcome that could not be written is not forgotten: it is tried again and again."""
        for future in [future for future in self._running if future.done()]:
            one = self._running.pop(future)
            if not future.result():
                self._unwritten.append(one)
        if self._unwritten and monotonic >= self._write_at:
            self._write_at = monotonic + WRITE_AGAIN_S / self.pace.factor
            self._unwritten = [one for one in self._unwritten if not one.write()]

    def _alive(self) -> Holder:
        """The registration; a worker that was declared dead lets its rows stop at their fences and signs on anew."""
        if self._holder is not None and self._holder.lost:
            log.warning("worker %s was declared dead and signs on anew", self.name)
            self.wait_idle()
            self._holder = None
        if self._holder is None:
            self._holder = register(self.house.db, self.name, lease_s=self.pace.lease_s, clock=self.house.clock)
        return self._holder

    def _clock_offset(self) -> float:
        return self.house.clock.now().timestamp() - self.house.clock.monotonic()

    def _watch_clock(self) -> None:
        """A jump of wall against monotonic time holds what it made due."""
        offset = self._clock_offset()
        jump_s, self._offset = offset - self._offset, offset
        if abs(jump_s) <= JUMP_S:
            return
        now = self.house.clock.now()
        with self.house.db.write() as session:
            held = hold_due(session, now - timedelta(seconds=jump_s), now, "系统时间跳变，请决定是否发出", now)
            text = f"系统时间跳变 {jump_s:.0f} 秒，{held} 条到期分发已暂缓"
            alarms.raise_(session, "clock_jump", AlarmLevel.CRITICAL, ROOM, text, now, jump_s=jump_s, held=held)
