"""An answer (回复) to one collected mention: an article of kind reply, reviewed in one step by another person."""

from __future__ import annotations

from datetime import datetime
from html import escape

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.errors import CheckFailed, NotPermitted, TransitionNotAllowed
from core.models import Account, Article, Copy, Mention, Source
from core.models.words import ArticleKind, ArticleState, MentionKind, Role
from core.ports import Json, Problem
from publisher.authoring.drafts import Draft, add_revision
from publisher.channels import channel_class

TITLE_WORDS = 20
ANSWER = "answer"  # the once-step of a channel that can reply


def draft_reply(session: Session, actor: Actor, mention_id: int, text: str, now: datetime) -> Article:
    """Draft the answer to a comment; one open answer a comment, on the account the comment stands on.

    `answers` carries account_id, key (unique per thing answered) and the platform's ids for the channel.
    """
    actor.need(Role.EDITOR, Role.ANALYST, Role.PUBLISHER)
    if actor.person_id is None:
        raise NotPermitted("回复必须由本人起草。")
    if not text.strip():
        raise CheckFailed([Problem("text", "回复是空的，请填写回复内容。", code="body_missing")])
    mention = session.get_one(Mention, mention_id, with_for_update=True)
    answers = _answers(session, mention)
    if _open_reply(session, str(answers["key"])):
        raise TransitionNotAllowed("这条评论已有回复在办理或已经发出，请勿重复起草。")
    article = Article(
        kind=ArticleKind.REPLY.value, author_id=actor.person_id, answers=answers, answers_key=answers["key"],
        demo=mention.demo, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(article)
    session.flush()
    shown = " ".join(mention.text.split())[:TITLE_WORDS] or "无文字评论"
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.strip().splitlines() if line.strip())
    revision = add_revision(session, article, actor.person_id, Draft(title=f"回复：{shown}", body_html=paragraphs), now)
    record(session, actor, "reply.draft", "article", article.id, mention_id=mention_id, revision_id=revision.id)
    return article


def _answers(session: Session, mention: Mention) -> Json:
    """The platform ids of the thing answered; the copy's receipt travels along (WeChat's msg_data_id is in it)."""
    if mention.deleted_at is not None:
        raise TransitionNotAllowed("这条评论已被删除，不能回复。")
    if mention.kind not in {MentionKind.COMMENT, MentionKind.REPLY}:
        raise TransitionNotAllowed("只能回复评论；转发和留言请用其他方式答复。")
    source = session.get_one(Source, mention.source_id)
    copy = session.get(Copy, mention.copy_id) if mention.copy_id else None
    account = session.get(Account, copy.account_id if copy else source.account_id or 0)
    if account is None or copy is None:
        raise TransitionNotAllowed("这条评论不在本单位账号的稿件下，不能直接回复。")
    if ANSWER not in channel_class(account.kind).once_steps:
        raise TransitionNotAllowed("这个渠道的评论不能由账号直接回复，请用其他方式答复。")
    return {
        "account_id": account.id,
        "key": f"{account.id}:{mention.external_id}",
        "mention_id": mention.id,
        "comment_id": mention.external_id,
        "copy_id": copy.id,
        "remote_id": copy.remote_id,
        "receipt": dict(copy.receipt),
    }


def _open_reply(session: Session, key: str) -> bool:
    """Whether an answer to the same thing is on its way or out."""
    query = select(Article.id).where(Article.answers_key == key, Article.state != ArticleState.WITHDRAWN.value)
    return session.scalar(query.limit(1)) is not None
