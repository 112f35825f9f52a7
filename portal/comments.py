"""Comments and likes under published items: what each viewer may see, and what is written. No Flask in here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from core import runtime
from core.db import insert_for
from core.errors import CheckFailed
from core.models import Account, Article, CommentDecision, Copy, FeedEntry, ItemLike, SiteComment
from core.models.words import ChannelKind, CommentState, CopyState
from core.ports import Problem

TEXT_LIMIT, AUTHOR_LIMIT = 500, 20
ANONYMOUS = "匿名网友"
OFFICIAL = re.compile(r"官方|管理员|新闻办|政府|问政|系统")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")  # also hides direction
SEEN = or_(CommentDecision.state.is_(None), CommentDecision.state == CommentState.PENDING.value)


@dataclass(frozen=True)
class Viewer:
    """Who looks: the collector sees what is pending, a writer what is pending of their own, others neither."""

    collector: bool = False
    visitor: str = ""


@dataclass(frozen=True)
class Shown:
    """One comment as a viewer gets it."""

    id: int
    parent: int | None
    author: str
    text: str
    posted_at: datetime
    state: str
    likes: int = 0


@dataclass(frozen=True)
class Slice:
    """Which part of a list: ids above `after`, `skip` of them passed over, at most `limit`."""

    limit: int
    after: int = 0
    skip: int = 0


@dataclass(frozen=True)
class Posted:
    """A comment as it came in, before it is checked."""

    author: str
    text: str
    parent: str = ""


def comments_on(session: Session) -> bool:
    """Whether the administrator switched comments on (setting `portal.comments`)."""
    return bool(runtime.value_of(session, runtime.COMMENTS)["on"])


def item_state(session: Session, article_id: int, channel: str) -> str:
    """live, gone (withdrawn, or removed) or missing: what the item is on the site or in the client's feed."""
    if channel == ChannelKind.CLIENT:
        removed = (
            session.execute(select(FeedEntry.removed_at).where(FeedEntry.article_id == article_id)).scalars().all()
        )
        return _state([at is None for at in removed], [at is not None for at in removed])
    rows = session.execute(
        select(Copy.account_id, Copy.state)
        .join(Account, Account.id == Copy.account_id)
        .where(Copy.article_id == article_id, Account.kind == channel)
        .order_by(Copy.round)
    )
    newest = dict(iter(rows)).values()  # the last round wins
    ended = {CopyState.WITHDRAWN.value, CopyState.GONE.value}
    return _state([state == CopyState.LIVE for state in newest], [state in ended for state in newest])


def list_comments(session: Session, article_id: int, channel: str, viewer: Viewer, part: Slice) -> list[Shown]:
    """The part of the comments the viewer may see, oldest first."""
    query = (
        select(SiteComment, CommentDecision.state)
        .outerjoin(CommentDecision, CommentDecision.comment_id == SiteComment.id)
        .where(*_visible(article_id, channel, viewer), SiteComment.id > part.after)
        .order_by(SiteComment.id)
        .offset(part.skip)
        .limit(part.limit)
    )
    return [
        Shown(row.id, row.parent_id, row.author_name, row.text, row.posted_at, state or CommentState.PENDING.value)
        for row, state in session.execute(query)
    ]


def counts(session: Session, article_id: int, channel: str, viewer: Viewer) -> dict[str, int]:
    """{"likes", "comments"} of the item on that channel; comments are those the viewer may see."""
    comments = session.scalar(
        select(func.count(SiteComment.id))
        .outerjoin(CommentDecision, CommentDecision.comment_id == SiteComment.id)
        .where(*_visible(article_id, channel, viewer))
    )
    likes = session.scalar(
        select(func.count(ItemLike.id)).where(ItemLike.article_id == article_id, ItemLike.channel == channel)
    )
    return {"likes": likes or 0, "comments": comments or 0}


def write_comment(
    session: Session, article_id: int, channel: str, posted: Posted, visitor: str, now: datetime
) -> SiteComment:
    """Store a comment; it waits for a person. CheckFailed names field and fix."""
    author = " ".join(CONTROL.sub("", posted.author).split()) or ANONYMOUS
    text = CONTROL.sub("", posted.text.replace("\r\n", "\n")).strip()
    problems = [problem for problem in (_check_author(author), _check_text(text)) if problem]
    parent_id = _parent(session, article_id, channel, posted.parent, visitor)
    if posted.parent and parent_id is None:
        problems.append(Problem("parent", "要回复的评论不存在或尚未公开。", code="parent_missing"))
    if problems:
        raise CheckFailed(problems)
    row = SiteComment(
        article_id=article_id,
        channel=channel,
        parent_id=parent_id,
        author_name=author,
        author_hash=visitor,
        text=text,
        writer_token_hash=visitor,
        posted_at=now,
    )
    session.add(row)
    session.flush()
    return row


def like(session: Session, article_id: int, channel: str, visitor: str, now: datetime) -> bool:
    """Count one like; False when this visitor liked the item before."""
    insert = insert_for(session, ItemLike).values(article_id=article_id, channel=channel, visitor_hash=visitor, at=now)
    return session.execute(insert.on_conflict_do_nothing().returning(ItemLike.id)).first() is not None


def title_of(session: Session, article_id: int) -> str:
    """The article's title, for headings."""
    return session.scalar(select(Article.title).where(Article.id == article_id)) or ""


def _state(live: list[bool], ended: list[bool]) -> str:
    if any(live):
        return "live"
    return "gone" if any(ended) else "missing"


def _visible(article_id: int, channel: str, viewer: Viewer) -> list[ColumnElement[bool]]:
    accepted = CommentDecision.state == CommentState.ACCEPTED.value
    place = [SiteComment.article_id == article_id, SiteComment.channel == channel]
    if viewer.collector:
        return [*place, or_(accepted, SEEN)]
    if viewer.visitor:
        return [*place, or_(accepted, SEEN & (SiteComment.writer_token_hash == viewer.visitor))]
    return [*place, accepted]


def _parent(session: Session, article_id: int, channel: str, given: str, visitor: str) -> int | None:
    """The parent's id if the writer can see it under the same item."""
    if not re.fullmatch(r"[0-9]{1,15}", given):
        return None
    found = list_comments(session, article_id, channel, Viewer(visitor=visitor), Slice(1, int(given) - 1))
    return found[0].id if found and found[0].id == int(given) else None


def _check_author(author: str) -> Problem | None:
    if len(author) > AUTHOR_LIMIT:
        return Problem("author", f"昵称不能超过 {AUTHOR_LIMIT} 个字，请缩短。", code="author_long")
    if OFFICIAL.search(author):
        return Problem("author", "昵称不能像单位或管理人员，请换一个。", code="author_official")
    return None


def _check_text(text: str) -> Problem | None:
    if not text:
        return Problem("text", "请填写评论内容。", code="text_missing")
    if len(text) > TEXT_LIMIT:
        return Problem("text", f"评论有 {len(text)} 个字，超过 {TEXT_LIMIT} 个字的上限，请缩短。", code="text_long")
    return None
