"""Drafts of ours that nothing needs any more: made twice by a lost answer, or left behind by a cancelled item."""

from __future__ import annotations

import re

from sqlalchemy import select

from core.errors import Refused
from core.house import House
from core.models import Account, Article, Delivery
from core.models.words import DeliveryState
from publisher.channels.wechat.api import PAGE, WechatApi, item_mark

MARK = re.compile(r"^(.*)\?c=(\d{1,18})$")
PAGES = 5
OPEN = [DeliveryState.PLANNED, DeliveryState.HELD, DeliveryState.INTENDED, DeliveryState.SENT, DeliveryState.UNKNOWN]
NO_DRAFT = "40007"


def delete_orphans(house: House, account: Account, api: WechatApi) -> int:
    """Delete the drafts whose mark names a copy of this account with no open delivery; others are never touched."""
    deleted = 0
    for page in range(PAGES):
        body = api.post("draft/batchget", {"offset": page * PAGE, "count": PAGE, "no_content": 1}, "reconcile")
        items = body.get("item") or []
        orphans = [str(item["media_id"]) for item in items if _is_orphan(house, account.id, item_mark(item))]
        for media_id in orphans:
            deleted += _delete(api, media_id)
        if len(items) < PAGE:
            break
    return deleted


def _is_orphan(house: House, account_id: int, mark: str) -> bool:
    found = MARK.search(mark)
    if not found:
        return False
    query = (
        select(Delivery.state)
        .join(Article, Article.id == Delivery.article_id)
        .where(Delivery.copy_id == int(found[2]), Delivery.account_id == account_id, Article.canonical_link == found[1])
    )
    with house.db.read() as session:
        states = list(session.scalars(query))
    return bool(states) and not set(states) & {state.value for state in OPEN}


def _delete(api: WechatApi, media_id: str) -> int:
    try:
        api.post("draft/delete", {"media_id": media_id}, "reconcile")
    except Refused as error:
        if error.code != NO_DRAFT:
            raise
        return 0
    return 1
