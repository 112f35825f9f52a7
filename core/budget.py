"""Requests a day on each account's API. Reconciling and withdrawing have a reserved share; collecting stops first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from core.clock import Clock, shanghai
from core.db import Database, insert_into
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


@dataclass(frozen=True)
class Request:
    """One request that is asked for: by whom, and at which count of all purposes it may not be had any more."""

    account_id: int
    api: str
    day: date
    purpose: str
    limit: int
    most: int


class Budget:
    """Counts in the database, so every process shares one budget. Never call it inside an open write transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def take(self, account_id: int, api: str, purpose: str, limit: int) -> bool:
        """Take one request of today's (Shanghai) budget; False when `purpose` may have no more. Atomic."""
        most = ceiling(purpose, limit)
        if most < 1:
            return False
        day = shanghai(self._clock.now()).date()
        return self._db.gathered(_take, Request(account_id, api, day, purpose, limit, most))

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


def _take(session: Session, requests: Sequence[Request]) -> list[bool]:
    """Count what there is room for. The counting statement itself holds the limit, so two processes cannot both take
    the last one; who lost that race is told no, which is always safe.
    """
    connection = session.connection()
    keys = {"account_ids": list({each.account_id for each in requests}), "days": list({each.day for each in requests})}
    used = Counter({(row.account_id, row.api, row.day): row.used for row in connection.execute(TOTALS, keys)})
    answers = [_has_room(used, request) for request in requests]
    granted = [request for request, answer in zip(requests, answers, strict=True) if answer]
    if not granted:
        return answers
    counting = _counting(connection.dialect.name)
    done = connection.execute(counting, [_row(request, TOTAL, request.most) for request in granted])
    if done.rowcount < len(granted):
        return [False] * len(requests)
    connection.execute(counting, [_row(request, request.purpose, request.limit) for request in granted])
    return answers


def _has_room(used: Counter[Any], request: Request) -> bool:
    key = (request.account_id, request.api, request.day)
    if used[key] >= request.most:
        return False
    used[key] += 1
    return True


def _row(request: Request, purpose: str, most: int) -> dict[str, Any]:
    return {
        "account_id": request.account_id, "api": request.api, "day": request.day, "purpose": purpose,
        "used": 1, "most": most,
    }  # fmt: skip


# Built once: building them costs more than running them.
TOTALS = select(BudgetUse.account_id, BudgetUse.api, BudgetUse.day, BudgetUse.used).where(
    BudgetUse.account_id.in_(bindparam("account_ids", expanding=True)),
    BudgetUse.day.in_(bindparam("days", expanding=True)),
    BudgetUse.purpose == TOTAL,
)


@cache
def _counting(dialect: str) -> Any:
    """One more on the row unless it stands at `most`."""
    return (
        insert_into(dialect, BudgetUse.__table__)
        .on_conflict_do_update(
            index_elements=["account_id", "api", "day", "purpose"],
            set_={"used": BudgetUse.used + 1},
            where=BudgetUse.used < bindparam("most"),
        )
        .execution_options(preserve_rowcount=True)
    )
