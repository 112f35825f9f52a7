"""Claiming rows and guarding them with a fence, the same on SQLite and PostgreSQL. Needs `id`, `fence`, `worker_id`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Update, bindparam, select, update
from sqlalchemy.orm import Session

from core.claims.holders import Holder
from core.db import Database
from core.errors import LostClaim
from core.models.base import Base

Model = TypeVar("Model", bound=Base)


@dataclass(frozen=True)
class Claimed:
    """One claimed row and the fence under which its holder may write."""

    row_id: int
    fence: int


def claim(
    session: Session,
    holder: Holder,
    model: Any,
    where: Sequence[ColumnElement[bool]],
    values: Mapping[str, Any],
    *,
    order_by: Sequence[Any] = (),
    limit: int = 1,
) -> list[Claimed]:
    """Give up to `limit` rows that match `where` to `holder`: set `values`, raise `fence`; no row goes to two holders.

    Must run in a writing transaction. PostgreSQL skips rows locked by others; SQLite's BEGIN IMMEDIATE queues writers.
    """
    return run_claim(
        session, holder, claim_statement(model, where, tuple(values), order_by=order_by), values, {}, limit
    )


def claim_statement(
    model: Any, where: Sequence[ColumnElement[bool]], columns: Sequence[str], *, order_by: Sequence[Any] = ()
) -> Update:
    """The statement of a claim that sets these columns, for callers that keep it; `run_claim` carries it out."""
    chosen = (
        select(model.id)
        .where(*where)
        .order_by(*order_by, model.id)
        .limit(bindparam("claim_limit"))
        .with_for_update(skip_locked=True)
        .cte("chosen")  # a locking CTE runs once; as a plain subquery PostgreSQL may run it again past the limit
    )
    given = {name: bindparam(f"claim_{name}", type_=getattr(model, name).type) for name in columns}
    return (
        update(model)
        .where(model.id.in_(select(chosen.c.id)))
        .values(fence=model.fence + 1, worker_id=bindparam("claim_holder"), **given)
        .returning(model.id, model.fence)
        .execution_options(synchronize_session=False)
    )


def run_claim(
    session: Session,
    holder: Holder,
    statement: Update,
    values: Mapping[str, Any],
    params: Mapping[str, Any],
    limit: int,
) -> list[Claimed]:
    """Carry a claim out; `params` are those of its conditions. What it gives is as with `claim`."""
    given = {f"claim_{name}": value for name, value in values.items()}
    own = {"claim_limit": limit, "claim_holder": holder.id}
    session.flush()
    rows = session.connection().execute(statement, {**params, **given, **own}).all()
    return [Claimed(row.id, row.fence) for row in sorted(rows, key=lambda row: row.id)]


def guard(session: Session, model: type[Model], row_id: int, fence: int) -> Model:
    """The row, locked for this transaction, if `fence` still holds it; LostClaim when a newer fence does."""
    row = session.execute(
        select(model)
        .where(model.id == row_id, model.fence == fence)  # type: ignore[attr-defined]
        .with_for_update(of=model)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        raise LostClaim(f"第 {row_id} 行已由其他进程接手")
    return row


def give_up(db: Database, model: Any, claimed: Claimed, *where: ColumnElement[bool]) -> None:
    """The row, while its fence holds and `where` is true, has no holder from now on: anybody may take it over."""
    change = update(model).where(model.id == claimed.row_id, model.fence == claimed.fence, *where)
    db.together(
        lambda session: session.execute(change.values(worker_id=None).execution_options(synchronize_session=False))
    )
