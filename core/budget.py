"""Requests a day on each account's API. Reconciling and withdrawing have a reserved share; collecting stops first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from core.clock import Clock, shanghai
from core.db import Database, insert_for
from core.models import BudgetUse

TOTAL = "all"  # the row that counts every purpose and guards the limit
KEPT_FOR = {  # fifths of the limit a purpose leaves to the more urgent ones
    "reconcile": 0,
    "withdraw": 0,
    "publish": 1,
    "collect": 2,
    "test": 2,
}
SHARES = 5


def ceiling(purpose: str, limit: int) -> int:
    """How many requests of the day's `limit` may be used, by anybody, before `purpose` has to stop."""
    return max(0, limit - KEPT_FOR[purpose] * (limit // SHARES))


class Budget:
    """Counts in the database, so every process shares one budget. Never call it inside an open write transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._counting: Any = None

    def take(self, account_id: int, api: str, purpose: str, limit: int) -> bool:
        """Take one request of today's (Shanghai) budget; False when `purpose` may have no more. Atomic."""
        most = ceiling(purpose, limit)
        if most < 1:
            return False

        def count(session: Session) -> bool:
            if not self._count(session, (account_id, api, TOTAL), most):
                return False
            self._count(session, (account_id, api, purpose), limit)
            return True

        return self._db.together(count)

    def used(self, account_id: int, api: str, purpose: str = TOTAL) -> int:
        """Requests of today, of all purposes or of one."""
        with self._db.read() as session:
            query = select(func.coalesce(func.sum(BudgetUse.used), 0)).where(
                BudgetUse.account_id == account_id,
                BudgetUse.api == api,
                BudgetUse.purpose == purpose,
                BudgetUse.day == shanghai(self._clock.now()).date(),
            )
            return int(session.execute(query).scalar_one())

    def _count(self, session: Session, row: tuple[int, str, str], most: int) -> bool:
        """One more on the row unless it stands at `most`; one statement, so two processes cannot both take the last."""
        account_id, api, purpose = row
        day = shanghai(self._clock.now()).date()
        values = {"account_id": account_id, "api": api, "purpose": purpose, "day": day, "used": 1, "most": most}
        if self._counting is None:  # built once: building it costs more than running it
            self._counting = (
                insert_for(session, BudgetUse)
                .on_conflict_do_update(
                    index_elements=["account_id", "api", "day", "purpose"],
                    set_={"used": BudgetUse.used + 1},
                    where=BudgetUse.used < bindparam("most"),
                )
                .returning(BudgetUse.used)
            )
        return session.connection().execute(self._counting, values).first() is not None
