"""What is re-read, under locks, before anything public: freeze, send window, waiting withdrawal, approval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import Delivery, Freeze
from core.models.words import Operation
from publisher.review import approval_facts, approved, is_approved
from publisher.workflow import IN_FLIGHT, UNSENT

ALL = "all"
WITHDRAWN = "稿件已撤回，不再发出"
VOIDED = "审核已失效（稿件被修改或审核被撤销），请重新送审"

# Statements of every public call, built once: building them costs more than running them.
FREEZES = (
    select(Freeze.frozen, Freeze.reason)
    .where(Freeze.scope.in_(bindparam("scopes", expanding=True)))
    .order_by(Freeze.scope)
    .with_for_update(read=True)
)
FACTS: CompoundSelect[Any] = union_all(
    select(literal("withdrawal"), Delivery.id, literal(0), literal(0), literal("")).where(
        Delivery.copy_id == bindparam("copy_id"),
        Delivery.operation == Operation.WITHDRAW.value,
        Delivery.state.in_([state.value for state in UNSENT | IN_FLIGHT]),
    ),
    *approval_facts(),
)


class Stopped(Exception):
    """The gate is closed for this row: it goes to `held` or `cancelled`, with the reason in Chinese."""

    def __init__(self, *, held: str = "", cancelled: str = "") -> None:
        super().__init__(held or cancelled)
        self.held, self.cancelled = held, cancelled


def scope_of(account_id: int) -> str:
    """Name of an account's freeze row."""
    return f"account:{account_id}"


def ensure_scopes(session: Session, account_ids: Iterable[int]) -> None:
    """The freeze rows of `all` and of these accounts exist from now on."""
    for scope in [ALL, *(scope_of(account_id) for account_id in account_ids)]:
        row = {"scope": scope, "frozen": False, "reason": ""}
        session.execute(insert_for(session, Freeze).values(**row).on_conflict_do_nothing())


def frozen_scopes(session: Session) -> set[str]:
    """Every frozen scope. The rows stay locked in share mode, so the press waits for this transaction."""
    rows = session.scalars(select(Freeze).with_for_update(read=True).execution_options(populate_existing=True)).all()
    return {row.scope for row in rows if row.frozen}


def freeze_of(session: Session, account_id: int) -> str:
    """Why this account may not publish now: empty, or the reason; reads the rows locked."""
    scopes = [ALL, scope_of(account_id)]
    rows = session.connection().execute(FREEZES, {"scopes": scopes}).all()
    if len(rows) < len(scopes):
        return "冻结开关缺失，请联系管理员"
    pressed = [row for row in rows if row.frozen]
    return f"发布已冻结：{pressed[0].reason or '未写原因'}" if pressed else ""


def check_gate(session: Session, delivery: Any, now: datetime) -> None:
    """Raise Stopped unless the row may go out now: no withdrawal waits, no freeze, in its window, still approved.

    `delivery` is the row, or its columns of these names, locked by an earlier statement: what others committed before
    that lock is seen here. Withdrawals pass everything.
    """
    if delivery.operation == Operation.WITHDRAW:
        return
    frozen = freeze_of(session, delivery.account_id)
    facts = _facts(session, delivery.copy_id, delivery.revision_id)
    if any(fact[0] == "withdrawal" for fact in facts):
        raise Stopped(cancelled=WITHDRAWN)
    if frozen:
        raise Stopped(held=frozen)
    if delivery.window_ends_at and now > delivery.window_ends_at:
        raise Stopped(held="已过发布时限，请决定是否仍要发出")
    if delivery.revision_id not in approved(facts):
        raise Stopped(held=VOIDED)


def check_approval(session: Session, delivery: Delivery) -> None:
    """Raise Stopped when the revision's approvals do not stand any more."""
    if delivery.operation != Operation.WITHDRAW and not is_approved(session, delivery.revision_id or 0):
        raise Stopped(held=VOIDED)


def _facts(session: Session, copy_id: int | None, revision_id: int | None) -> Sequence[Any]:
    """The copy's waiting withdrawal and all that the approval depends on, in one SELECT."""
    return session.connection().execute(FACTS, {"copy_id": copy_id, "revision_ids": [revision_id or 0]}).all()
