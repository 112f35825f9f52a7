"""What is re-read, under locks, before anything public: freeze, send window, waiting withdrawal, approval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Select, bindparam, exists, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from core.db import insert_for
from core.models import Article, Copy, Delivery, Freeze, Release
from core.models.words import CopyState, Operation
from publisher.review import approval_facts, approved, is_approved
from publisher.workflow import IN_FLIGHT, UNSENT

ALL = "all"
WITHDRAWN = "稿件已撤回，不再发出"
VOIDED = "审核已失效（稿件被修改或审核被撤销），请重新送审"

# Statements of every public call, built once: building them costs more than running them.
FREEZES = (
    select(Freeze.scope, Freeze.frozen, Freeze.reason)
    .where(Freeze.scope.in_(bindparam("scopes", expanding=True)))
    .order_by(Freeze.scope)
    .with_for_update(read=True)
)
SCOPES = select(Freeze.scope, Freeze.frozen).order_by(Freeze.scope).with_for_update(read=True)
FACTS: CompoundSelect[Any] = union_all(
    select(literal("withdrawal"), Delivery.copy_id, literal(0), literal(0), literal("")).where(
        Delivery.copy_id.in_(bindparam("copy_ids", expanding=True)),
        Delivery.operation == Operation.WITHDRAW.value,
        Delivery.state.in_([state.value for state in UNSENT | IN_FLIGHT]),
    ),
    *approval_facts(),
)


def _withdrawn_answers() -> Select[int]:
    """Answers among `row_ids` that were released before their own withdrawal, or whose item is being taken down."""
    taking = aliased(Delivery)
    itself = exists().where(
        Release.article_id == Delivery.article_id, Release.operation == Operation.WITHDRAW.value,
        Release.id > Delivery.release_id,
    )  # fmt: skip
    open_states = [state.value for state in UNSENT | IN_FLIGHT]
    waits = exists().where(
        taking.copy_id == Copy.id, taking.operation == Operation.WITHDRAW.value, taking.state.in_(open_states)
    )
    item = exists().where(
        Copy.id == Article.answers["copy_id"].as_integer(), or_(Copy.state == CopyState.WITHDRAWN.value, waits)
    )
    query = select(Delivery.id).join(Article, Article.id == Delivery.article_id)
    return query.where(Delivery.id.in_(bindparam("row_ids", expanding=True)), or_(itself, item)).limit(1)


WITHDRAWN_ANSWERS = _withdrawn_answers()


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
    return {row.scope for row in session.connection().execute(SCOPES) if row.frozen}


def freeze_of(session: Session, account_id: int) -> str:
    """Why this account may not publish now: empty, or the reason; reads the rows locked."""
    return _freezes(session, {account_id})[account_id]


def check_gate(session: Session, delivery: Any, now: datetime) -> None:
    """`check_gates` for one row."""
    check_gates(session, [delivery], now)


def check_gates(session: Session, deliveries: Sequence[Any], now: datetime) -> None:
    """Raise Stopped for the first row that may not go out now: a withdrawal, a freeze, its window, a lost approval.

    `deliveries` are the rows, or their columns of these names, locked by an earlier statement: what others committed
    before that lock is seen here. Withdrawals pass everything.
    """
    public = [row for row in deliveries if row.operation != Operation.WITHDRAW]
    if not public:
        return
    frozen = _freezes(session, {row.account_id for row in public})
    facts = _facts(session, public)
    withdrawn = {fact[1] for fact in facts if fact[0] == "withdrawal"}
    standing = approved(facts)
    for row in public:
        _let_through(row, frozen[row.account_id], now, withdrawn, standing)


def _let_through(row: Any, frozen: str, now: datetime, withdrawn: set[int], standing: set[int]) -> None:
    if row.copy_id in withdrawn:
        raise Stopped(cancelled=WITHDRAWN)
    if frozen:
        raise Stopped(held=frozen)
    if row.window_ends_at and now > row.window_ends_at:
        raise Stopped(held="已过发布时限，请决定是否仍要发出")
    if row.revision_id not in standing:
        raise Stopped(held=VOIDED)


def check_answers(session: Session, deliveries: Sequence[Any]) -> None:
    """Raise Stopped for the first answer that was withdrawn, or under whose item a withdrawal waits or is done."""
    ids = [row.id for row in deliveries if row.operation == Operation.REPLY]
    if ids and session.scalar(WITHDRAWN_ANSWERS, {"row_ids": ids}) is not None:
        raise Stopped(cancelled="所回复的稿件或这条回复已撤回，不再发出")


def check_approval(session: Session, delivery: Delivery) -> None:
    """Raise Stopped when the revision's approvals do not stand any more."""
    if delivery.operation != Operation.WITHDRAW and not is_approved(session, delivery.revision_id or 0):
        raise Stopped(held=VOIDED)


def _facts(session: Session, rows: Sequence[Any]) -> Sequence[Any]:
    """The copies' waiting withdrawals and all that the approvals depend on, in one SELECT."""
    wanted = {"copy_ids": [row.copy_id for row in rows], "revision_ids": list({row.revision_id or 0 for row in rows})}
    return session.connection().execute(FACTS, wanted).all()


def _freezes(session: Session, account_ids: set[int]) -> dict[int, str]:
    """By account why it may not publish; empty when it may."""
    scopes = {account_id: (ALL, scope_of(account_id)) for account_id in account_ids}
    wanted = [ALL, *(scope_of(account_id) for account_id in sorted(account_ids))]
    rows = {row.scope: row for row in session.connection().execute(FREEZES, {"scopes": wanted})}
    return {account_id: _closed([rows.get(scope) for scope in pair]) for account_id, pair in scopes.items()}


def _closed(rows: Sequence[Any]) -> str:
    if None in rows:
        return "冻结开关缺失，请联系管理员"
    pressed = [row for row in rows if row.frozen]
    return f"发布已冻结：{pressed[0].reason or '未写原因'}" if pressed else ""
