"""Beginning public steps: fence, gate, row and step in one short transaction, for many rows at once.

Where one of them may not begin, nothing of the transaction stays and each is tried by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from core.claims import Claimed
from core.db import insert_into
from core.errors import LostClaim
from core.models import Copy, Delivery, Step, Upload
from core.models.base import Base
from core.ports import Effect, Json
from publisher.delivery.gates import check_answers, check_gates

# Statements of every delivery, built once: building them costs more than running them.
COPIES, ROWS, STEPS, UPLOADS = (Base.metadata.tables[each.__tablename__] for each in (Copy, Delivery, Step, Upload))
WANTED: Any = bindparam("row_ids", expanding=True)
FIX_COPIES = (
    update(COPIES)
    .where(COPIES.c.id.in_(select(ROWS.c.copy_id).where(ROWS.c.id.in_(WANTED))))
    .values(published_at=func.coalesce(COPIES.c.published_at, bindparam("now", type_=COPIES.c.published_at.type)))
    .returning(COPIES.c.id, COPIES.c.published_at)
)
LOCK_GATED = (
    select(
        ROWS.c.id, ROWS.c.fence, ROWS.c.operation, ROWS.c.copy_id, ROWS.c.revision_id, ROWS.c.account_id,
        ROWS.c.window_ends_at,
    )
    .where(ROWS.c.id.in_(WANTED))
    .order_by(ROWS.c.id)
    .with_for_update(key_share=True)
)  # fmt: skip
BEGIN_STEPS, ADD_STEPS = insert(STEPS).returning(STEPS.c.delivery_id, STEPS.c.id), insert(STEPS)


@cache
def _change_row(columns: tuple[str, ...]) -> Update:
    """A row by `row_id`, under the fence `mine`: these columns, by their names."""
    return (
        update(ROWS)
        .where(ROWS.c.id == bindparam("row_id"), ROWS.c.fence == bindparam("mine"))
        .values({name: bindparam(name, type_=ROWS.c[name].type) for name in columns})
    )


@cache
def _answer_steps(columns: tuple[str, ...], unsettled: bool) -> Update:
    """Steps' answers; an unsettled one only while nothing else has settled the step meanwhile."""
    change = update(STEPS).where(STEPS.c.id == bindparam("step_id"))
    change = change.where(STEPS.c.effect == "") if unsettled else change
    return change.values({name: bindparam(name, type_=STEPS.c[name].type) for name in columns})


@cache
def _add_uploads(dialect: str) -> Any:
    return insert_into(dialect, UPLOADS).on_conflict_do_nothing()


@dataclass
class Pending:
    """What the next transaction writes of one delivery."""

    account_id: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # step id -> columns
    memory: Json | None = None
    uploads: list[dict[str, Any]] = field(default_factory=list)
    once_closed: bool = False

    def columns(self) -> dict[str, Any]:
        """What waits for the row itself."""
        closed = {"once_step": ""} if self.once_closed else {}
        return closed | ({} if self.memory is None else {"memory": self.memory})


def change_rows(connection: Connection, changes: Iterable[tuple[Claimed, Json]]) -> None:
    """New values of claimed rows, each under its fence; rows with the same columns together."""
    kinds: dict[tuple[str, ...], list[Json]] = defaultdict(list)
    for claimed, values in changes:
        kinds[tuple(values)].append({**values, "row_id": claimed.row_id, "mine": claimed.fence})
    for columns, rows in kinds.items():
        connection.execute(_change_row(columns), rows)


def write_pending(connection: Connection, pendings: Sequence[Pending], now: datetime) -> None:
    """Steps, their answers and what was uploaded; also without the claim, for none of it is ever thrown away."""
    steps = [step for pending in pendings for step in pending.steps]
    if steps:
        connection.execute(ADD_STEPS, steps)
    answers = [(step_id, columns) for pending in pendings for step_id, columns in pending.answers.items()]
    for key, alike in _alike(answers):
        connection.execute(_answer_steps(*key), alike)
    uploads = [
        {**row, "account_id": pending.account_id, "uploaded_at": now} for pending in pendings for row in pending.uploads
    ]
    if uploads:
        connection.execute(_add_uploads(connection.dialect.name), uploads)


@dataclass(frozen=True)
class Intent:
    """A public step that is to begin: the row's new columns, what waits to be written, and the step if it is once."""

    claimed: Claimed
    at: datetime
    columns: dict[str, Any]
    pending: Pending
    step: Json | None


def begin(session: Session, intents: Sequence[Intent]) -> list[tuple[datetime, int]]:
    """(the copy's instant, number of the step begun or 0) of each; LostClaim or Stopped if one of them may not begin.

    The copies first, then the rows by their fence: locks in the one order; then the gate, then what is written.
    """
    connection = session.connection()
    now = max(intent.at for intent in intents)
    published = _fix_copies(connection, intents)
    rows = _lock_mine(connection, intents)
    check_gates(session, rows, now)
    check_answers(session, rows)
    change_rows(connection, [(intent.claimed, _columns(intent)) for intent in intents])
    write_pending(connection, [intent.pending for intent in intents], now)
    begun = _begin_steps(connection, intents)
    return [
        (published.get(row.copy_id) or intent.at, begun.get(row.id, 0))
        for row, intent in zip(rows, intents, strict=True)
    ]


def _fix_copies(connection: Connection, intents: Sequence[Intent]) -> dict[int, datetime]:
    """The copies' instants of publication, set now where they are not."""
    ids = [intent.claimed.row_id for intent in intents]
    rows = connection.execute(FIX_COPIES, {"row_ids": ids, "now": min(intent.at for intent in intents)})
    return {row.id: row.published_at for row in rows}


def _lock_mine(connection: Connection, intents: Sequence[Intent]) -> list[Any]:
    """The intents' rows, locked, in their order; LostClaim when a newer fence holds one."""
    ids = [intent.claimed.row_id for intent in intents]
    rows = {(row.id, row.fence): row for row in connection.execute(LOCK_GATED, {"row_ids": ids})}
    for claimed in (intent.claimed for intent in intents):
        if (claimed.row_id, claimed.fence) not in rows:
            raise LostClaim(f"第 {claimed.row_id} 行已由其他进程接手")
    return [rows[intent.claimed.row_id, intent.claimed.fence] for intent in intents]


def _begin_steps(connection: Connection, intents: Sequence[Intent]) -> dict[int, int]:
    """Numbers of the once-only steps that begin, by their rows."""
    steps = [intent.step for intent in intents if intent.step is not None]
    if not steps:
        return {}
    return {row.delivery_id: row.id for row in connection.execute(BEGIN_STEPS, steps)}


def _columns(intent: Intent) -> Json:
    return {"step_at": intent.at, **intent.pending.columns(), **intent.columns}


def _alike(answers: Iterable[tuple[int, dict[str, Any]]]) -> Iterable[tuple[tuple[Any, bool], list[dict[str, Any]]]]:
    """Answers with the same columns, together."""
    kinds: dict[tuple[tuple[str, ...], bool], list[dict[str, Any]]] = defaultdict(list)
    for step_id, columns in answers:
        kinds[tuple(columns), columns["effect"] == Effect.UNKNOWN].append({**columns, "step_id": step_id})
    return kinds.items()
