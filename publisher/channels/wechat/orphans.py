"""Drafts of ours that nothing needs any more: made twice by a lost answer, or left behind by a cancelled item."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from core.house import House
from core.models import Account, Delivery
from core.models.words import DeliveryState
from publisher.channels.wechat.api import NO_DRAFT, PAGE, WechatApi
from publisher.channels.wechat.receipts import item_mark
from publisher.wire import marked_copy, tolerate

PAGES = 5
OPEN = frozenset({  # a refused row may be tried again by a person, with the same draft
    DeliveryState.PLANNED, DeliveryState.HELD, DeliveryState.INTENDED, DeliveryState.SENT, DeliveryState.UNKNOWN,
    DeliveryState.REFUSED,
})  # fmt: skip


def delete_orphans(house: House, account: Account, api: WechatApi) -> int:
    """Delete the drafts whose mark names a copy of this account with no open delivery; others are never touched."""
    deleted = 0
    for page in range(PAGES):
        body = api.post("draft/batchget", {"offset": page * PAGE, "count": PAGE, "no_content": 1}, "reconcile")
        items = body.get("item") or []
        orphans = [str(item["media_id"]) for item in items if _is_orphan(house, account.id, item_mark(item))]
        for media_id in orphans:
            deleted += tolerate(NO_DRAFT, partial(api.post, "draft/delete", {"media_id": media_id}, "reconcile"))
        if len(items) < PAGE:
            break
    return deleted


def _is_orphan(house: House, account_id: int, mark: str) -> bool:
    with house.db.read() as session:
        copy_id = marked_copy(session, account_id, mark)
        if copy_id is None:
            return False
        states = set(session.scalars(select(Delivery.state).where(Delivery.copy_id == copy_id)))
    return bool(states) and not states & OPEN
