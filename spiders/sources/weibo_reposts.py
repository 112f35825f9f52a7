"""Reposts of our Weibo posts by `statuses/repost_timeline`, with the repost each was made from where Weibo tells."""

from __future__ import annotations

import re
from datetime import datetime

from core.inbox import Found
from core.models.words import MentionKind
from spiders.weibo import Json, WeiboList, author_of, read_time

NO_WORDS = frozenset({"转发微博", "轉發微博", "Repost", "转发", "转发微博。"})  # what Weibo itself writes
CHAIN = re.compile(r"\s*//\s*@")  # from here on the words are somebody else's


class WeiboReposts(WeiboList):
    """A direct repost has no parent; `pid` names the repost in between (commercial apps only)."""

    name = "weibo_reposts"
    what = "微博转发"
    counted = "reposts"
    path = "/2/statuses/repost_timeline.json"
    rows_key = "reposts"
    not_told = "普通权限下微博不说明转发自哪一条转发，传播路径读不到"

    def take(self, row: Json, now: datetime) -> Found | None:
        """None for the stub of a deleted repost, and for the account's own."""
        own = str(self.visit.account.settings.get("uid", ""))
        found = parse_repost(row, now)
        return None if found is None or (own and found.author_key == own) else found


def parse_repost(row: Json, now: datetime) -> Found | None:
    """A status that reposts another; None for the stub a deleted one leaves."""
    if row.get("deleted"):
        return None
    name, key, place = author_of(row)
    identity = str(row.get("idstr") or row["id"])
    return Found(
        kind=MentionKind.REPOST,
        external_id=identity,
        parent_external_id=parent_of(row),
        author_name=name,
        author_key=key,
        text=own_words(str(row.get("text", ""))),
        url=f"https://m.weibo.cn/status/{identity}",
        posted_at=read_time(row, now),
        likes=int(row.get("attitudes_count") or 0),
        place=place,
    )


def parent_of(row: Json) -> str:
    """The repost this one was made from; empty when it was made from the post itself or Weibo does not say."""
    parent = str(row.get("pid") or "")
    root = row.get("retweeted_status") or {}
    return "" if parent in ("", "0", str(root.get("idstr") or root.get("id") or "")) else parent


def own_words(text: str) -> str:
    """What this person wrote, without the chain of earlier reposts; empty when there is nothing of their own."""
    words = CHAIN.split(text, maxsplit=1)[0].strip()
    return "" if words in NO_WORDS else words
