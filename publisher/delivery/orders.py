"""What a claimed row asks for, read once: payload, key, and the copy that is live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import NotConfigured
from core.models import Account, Article, Copy, Delivery, Payload
from core.models.words import Operation
from core.ports import Key, Receipt
from core.ports import Payload as Template
from publisher.delivery.rows import calls_made, waiting_withdrawal
from publisher.wire import mark_of

KNOWN = 20


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


def read_order(session: Session, delivery: Delivery) -> Order:
    """Everything an adapter is handed for this row; nothing is rendered here."""
    copy = session.get(Copy, delivery.copy_id) if delivery.copy_id else None
    article = session.get_one(Article, delivery.article_id)
    stored = session.get(Payload, delivery.payload_id) if delivery.payload_id else None
    if stored is None and delivery.operation != Operation.WITHDRAW:
        raise NotConfigured("没有审定的内容，请重新送审")
    since = delivery.once_at or delivery.intended_at or delivery.created_at
    link = article.canonical_link
    key = Key(
        delivery_id=delivery.id, copy_id=delivery.copy_id or 0, attempt=calls_made(session, delivery.id),
        mark=mark_of(link, delivery.copy_id), link=link, article_id=article.id, native=delivery.native_key,
        memory=dict(delivery.memory), **_earlier(session, delivery, since),
        withdrawing=waiting_withdrawal(session, delivery.copy_id) is not None,
    )  # fmt: skip
    live = Receipt("confirmed", copy.remote_id, copy.url, dict(copy.receipt)) if copy else Receipt("confirmed")
    return Order(
        operation=delivery.operation,
        account=session.get_one(Account, delivery.account_id),
        payload=Template(stored.template, stored.digest) if stored else Template({}, ""),
        key=key, live=live, memory=dict(delivery.memory), since=since, copy_state=copy.state if copy else "",
    )  # fmt: skip


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
