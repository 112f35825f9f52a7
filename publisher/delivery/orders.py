"""What a claimed row asks for, read once: payload, key, and the copy that is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.claims import Claimed
from core.errors import NotConfigured
from core.models import Account, Article, Copy, Delivery, Observation, Payload, Step
from core.models.words import Operation
from core.ports import Effect, Key, Receipt
from core.ports import Payload as Template
from publisher.delivery.rows import calls_made
from publisher.review import APPROVAL, approved
from publisher.wire import mark_of
from publisher.workflow import State

KNOWN = 20
# Statements of every claim, built once: building them costs more than running them.
WANTED: Any = bindparam("row_ids", expanding=True)
CLAIMED = select(Delivery.id, Delivery.fence, Delivery.operation, Delivery.revision_id).where(Delivery.id.in_(WANTED))
ORDERS = (
    select(Delivery, Article.canonical_link, Account, Copy, Payload)
    .join(Article, Article.id == Delivery.article_id)
    .join(Account, Account.id == Delivery.account_id)
    .outerjoin(Copy, Copy.id == Delivery.copy_id)
    .outerjoin(Payload, Payload.id == Delivery.payload_id)
    .where(Delivery.id.in_(WANTED))
)


@dataclass(frozen=True)
class Order:
    """One row's work. `since` is the open once-intent's instant, or the claim's."""

    operation: str
    account: Account
    payload: Template
    key: Key
    live: Receipt
    memory: dict[str, object]
    since: datetime
    copy_state: str
    again: bool  # a withdrawal that may be done already: its call got no answer, or its worker died


def read_order(session: Session, delivery: Delivery) -> Order:
    """Everything an adapter is handed for this row; nothing is rendered here. NotConfigured without a payload."""
    found = read_orders(session, [delivery.id])
    if not found:
        raise NotConfigured("没有审定的内容，请重新送审")
    return found[delivery.id]


def read_orders(session: Session, delivery_ids: Sequence[int]) -> dict[int, Order]:
    """The same for many rows at once, by their numbers; rows without an approved payload are left out."""
    rows = session.execute(ORDERS, {"row_ids": delivery_ids}).all()
    calls = calls_made(session, [row.id for row, *_rest in rows])
    return {
        row.id: _order(session, calls.get(row.id, 0), each)
        for each in rows
        if (row := each[0]).payload_id is not None or row.operation == Operation.WITHDRAW
    }


def read_approved(session: Session, claimed: Sequence[Claimed]) -> dict[int, Order]:
    """The work of freshly claimed rows whose claim and approval stand, in few statements; others are left out."""
    fences = {row.row_id: row.fence for row in claimed}
    connection = session.connection()
    mine = [row for row in connection.execute(CLAIMED, {"row_ids": list(fences)}) if fences[row.id] == row.fence]
    standing = approved(connection.execute(APPROVAL, {"revision_ids": [row.revision_id or 0 for row in mine]}))
    ready = [row.id for row in mine if row.operation == Operation.WITHDRAW or row.revision_id in standing]
    return read_orders(session, ready)


def _order(session: Session, calls: int, found: Any) -> Order:
    delivery, link, account, copy, stored = found  # a row of the SELECT above
    since = delivery.once_at or delivery.intended_at or delivery.created_at
    looking = delivery.state != State.INTENDED
    key = Key(
        delivery_id=delivery.id, copy_id=delivery.copy_id or 0, attempt=calls, mark=mark_of(link, delivery.copy_id),
        link=link, article_id=delivery.article_id, native=delivery.native_key, memory=dict(delivery.memory),
        **(_earlier(session, delivery, since) if looking else {}),
    )  # fmt: skip
    return Order(
        operation=delivery.operation, account=account, key=key, memory=dict(delivery.memory), since=since,
        payload=Template(stored.template, stored.digest) if stored else Template({}, ""),
        live=Receipt("confirmed", copy.remote_id, copy.url, dict(copy.receipt)) if copy else Receipt("confirmed"),
        copy_state=copy.state if copy else "",
        again=delivery.operation == Operation.WITHDRAW and _may_be_done(session, delivery.id),
    )  # fmt: skip


def _may_be_done(session: Session, delivery_id: int) -> bool:
    """Whether an earlier try of the row may have carried its call out."""
    answered = Step.effect.in_((Effect.UNKNOWN.value, Effect.DONE.value))
    called = select(Step.id).where(Step.delivery_id == delivery_id, answered)
    lost = select(Observation.id).where(Observation.delivery_id == delivery_id, Observation.source == "takeover")
    return any(session.scalar(query.limit(1)) is not None for query in (called, lost))


def _earlier(session: Session, delivery: Delivery, since: datetime) -> dict[str, tuple[str, ...]]:
    """Platform ids of our copies that were confirmed on this account before the intent, and of those ended by then."""
    rows = session.execute(
        select(Copy.remote_id, Copy.ended_at)
        .where(Copy.account_id == delivery.account_id, Copy.confirmed_at < since, Copy.remote_id != "")
        .order_by(Copy.confirmed_at.desc())
        .limit(KNOWN)
    ).all()
    gone = tuple(remote_id for remote_id, ended_at in rows if ended_at is not None and ended_at < since)
    return {"earlier": tuple(remote_id for remote_id, _ended_at in rows), "gone": gone}
