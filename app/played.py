"""Finds the published status that a recorded stream is played under."""

from __future__ import annotations

from sqlalchemy import select

from core.errors import NotConfigured
from core.house import House
from core.models import Account, Copy
from core.models.words import ChannelKind, CopyState


def newest_status(house: House, article_id: int | None) -> int:
    """Weibo id of the newest live copy, of one article or of any. NotConfigured when there is none."""
    query = (
        select(Copy.remote_id)
        .join(Account, Account.id == Copy.account_id)
        .where(Account.kind == ChannelKind.WEIBO, Copy.state == CopyState.LIVE)
        .order_by(Copy.id.desc())
        .limit(1)
    )
    if article_id is not None:
        query = query.where(Copy.article_id == article_id)
    with house.db.read() as session:
        found = session.scalar(query)
    if found is None:
        raise NotConfigured("微博上还没有已发布的稿件，请先发布一篇再重放")
    return int(found)
