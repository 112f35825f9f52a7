"""Rows of workers that died: uncertain with an open once-intent, planned again without one."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.claims import Holder, Watch, end_process, end_worker
from core.errors import LostClaim
from core.house import House
from core.models import Delivery, Worker
from core.models.words import Operation
from publisher.delivery.delivering import make_unknown
from publisher.delivery.pace import Pace
from publisher.delivery.rows import lock, observe, put_back, waiting_withdrawal
from publisher.workflow import State

log = logging.getLogger(__name__)


class Takeover:
    """One taker's view of the other workers; keep it for the life of the process."""

    def __init__(self, house: House, pace: Pace) -> None:
        self.house, self.pace = house, pace
        self.watch = Watch(house.clock, pace.lease_s)

    def run(self, holder: Holder) -> int:
        """Take over every claimed row whose worker ended, or showed no sign of life for a whole lease."""
        with self.house.db.read() as session:
            pairs = session.execute(
                select(Delivery, Worker)
                .outerjoin(Worker, Worker.id == Delivery.worker_id)
                .where(Delivery.state == State.INTENDED.value)
                .where((Delivery.worker_id != holder.id) | Delivery.worker_id.is_(None))
            )
            found = [(row.id, row.fence, worker) for row, worker in pairs]
            session.expunge_all()
        self.watch.keep(row_id for row_id, _fence, _worker in found)
        return sum(
            self._take(row_id, fence, worker) for row_id, fence, worker in found if self._dead(row_id, fence, worker)
        )

    def _dead(self, row_id: int, fence: int, worker: Worker | None) -> bool:
        if worker is None or worker.ended_at is not None:
            return True
        if not self.watch.expired(row_id, (fence, worker.id, worker.counter)):
            return False
        if end_process(worker.host, worker.pid, worker.pid_started):
            log.warning("ended silent worker %s (process %s)", worker.id, worker.pid)
        return True

    def _take(self, row_id: int, fence: int, worker: Worker | None) -> int:
        now = self.house.clock.now()
        with self.house.db.write() as session:
            try:
                row = lock(session, row_id, fence)
            except LostClaim:
                return 0
            if row.state != State.INTENDED or (worker is not None and not self._still_silent(session, worker, now)):
                return 0
            row.fence += 1
            detail = {"worker": worker.id if worker else None, "open": row.once_step}
            observe(session, row, "takeover", "lost", now, detail=detail)
            if row.once_step:
                make_unknown(row, now, self.pace)
                return 1
            gone = row.operation != Operation.WITHDRAW and waiting_withdrawal(session, row.copy_id)
            put_back(row, now, cancelled="稿件已撤回，不再发出" if gone else "")
        return 1

    def _still_silent(self, session: Session, worker: Worker, now: datetime) -> bool:
        """End the worker for good, unless it has beaten since it was read."""
        current = session.get_one(Worker, worker.id, with_for_update={"key_share": True}, populate_existing=True)
        if current.ended_at is None:
            if current.counter != worker.counter:
                return False
            end_worker(session, worker.id, now)
        return True
