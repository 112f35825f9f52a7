"""Comments under our Weibo posts: `comments/show` a post, or `comments/to_me` in one go when requests are few."""

from __future__ import annotations

from datetime import datetime

from core.inbox import Found
from core.models.words import MentionKind
from spiders.weibo import Json, WeiboList, author_of, read_time


class WeiboComments(WeiboList):
    """An answer names its parent by `reply_comment`; ordinary apps see only the thread it belongs to (`rootid`)."""

    name = "weibo_comments"
    what = "微博评论"
    counted = "comments"
    path = "/2/comments/show.json"
    account_path = "/2/comments/to_me.json"
    rows_key = "comments"
    not_told = "普通权限下微博不说明回复的是哪一条评论，只能归到所在的楼"

    def take(self, row: Json, now: datetime) -> Found | None:
        """None for the account's own words: an official answer is not public opinion."""
        found = parse_comment(row, now)
        own = str(self.visit.account.settings.get("uid", ""))
        return None if own and found.author_key == own else found


def parse_comment(row: Json, now: datetime) -> Found:
    """A comment as Weibo gives it."""
    name, key, place = author_of(row)
    parent = parent_of(row)
    return Found(
        kind=MentionKind.REPLY if parent else MentionKind.COMMENT,
        external_id=str(row.get("idstr") or row["id"]),
        parent_external_id=parent,
        author_name=name,
        author_key=key,
        text=str(row.get("text", "")),
        url="",
        posted_at=read_time(row, now),
        likes=int(row.get("like_count") or 0),
        place=place,
    )


def parent_of(row: Json) -> str:
    """The comment answered: named outright, else the thread's first comment; empty for a comment on the post."""
    answered = row.get("reply_comment") or {}
    if answered:
        return str(answered.get("idstr") or answered.get("id") or "")
    root = str(row.get("rootidstr") or row.get("rootid") or "")
    return "" if root in ("", "0", str(row.get("idstr") or row["id"])) else root
