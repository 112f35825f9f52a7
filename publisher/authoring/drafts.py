"""Drafts: every save is a new immutable revision, and an edit voids the approvals in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.clock import shanghai
from core.db import insert_for
from core.errors import NotPermitted, StaleRevision, TransitionNotAllowed
from core.models import Account, Article, Media, Revision, Variant
from core.models.words import ArticleKind, ArticleState, Role
from publisher.authoring.contents import contents_of, revision_digest, used_media, variants_of
from publisher.checks import check_content, examine, sanitise
from publisher.review import void_standing

EDITED = "稿件被修改，原有审核作废"
RECALLED = "作者撤回送审"


@dataclass(frozen=True)
class Draft:
    """What the editor's form holds. `body_html` may be anything; what is stored is sanitised."""

    title: str
    summary: str = ""
    body_html: str = ""
    source: str = ""
    author: str = ""
    keywords: str = ""
    column: str = ""
    cover_sha256: str = ""
    variants: Mapping[int, str] = field(default_factory=dict)  # account id -> own words


def create_article(
    session: Session, actor: Actor, draft: Draft, site_url: str, now: datetime, demo: bool = False
) -> Article:
    """A new article with its first revision; the canonical link is fixed here, from the article's id."""
    author_id = need_editor(actor)
    article = Article(author_id=author_id, demo=demo, created_at=now, updated_at=now)
    session.add(article)
    session.flush()
    article.canonical_link = f"{site_url.rstrip('/')}/articles/{article.id}.html"
    revision = add_revision(session, article, author_id, draft, now)
    record(session, actor, "article.create", "article", article.id, revision_id=revision.id, digest=revision.digest)
    return article


def save_revision(
    session: Session, actor: Actor, article_id: int, expected_version: int, draft: Draft, now: datetime
) -> Revision:
    """Save as the next revision; approvals given so far are void. StaleRevision when somebody saved meanwhile.

    An unchanged save writes nothing and voids nothing: the head revision is given back.
    """
    article = session.get_one(Article, article_id, with_for_update={"key_share": True})
    editor_id = need_author(actor, article)
    if article.version != expected_version:
        raise StaleRevision("稿件已被他人保存过新版本。请先复制您的修改，刷新后再保存。")
    if article.kind == ArticleKind.REPLY and article.state == ArticleState.RELEASED:
        raise TransitionNotAllowed("回复已经发出，不能再修改。")
    head = session.get_one(Revision, article.head_id)
    fresh, variants = _build(article, editor_id, draft, now), _variants(session, draft)
    if revision_digest(fresh, variants) == head.digest:
        return head
    voided = void_standing(session, article, EDITED, now)
    revision = _store(session, article, fresh, variants, now)
    article.version += 1
    article.state = ArticleState.DRAFT.value
    record(
        session, actor, "article.save", "article", article_id,
        revision_id=revision.id, number=revision.number, digest=revision.digest, voided=voided,
    )  # fmt: skip
    return revision


def recall(session: Session, actor: Actor, article_id: int, now: datetime) -> None:
    """Take an article back from review, or a returned one, to draft; approvals given so far are void."""
    article = session.get_one(Article, article_id, with_for_update={"key_share": True})
    need_author(actor, article)
    if article.state not in {ArticleState.IN_REVIEW, ArticleState.RETURNED, ArticleState.APPROVED}:
        raise TransitionNotAllowed("只有审核中、被退回或已通过未发布的稿件可以撤回到草稿。")
    voided = void_standing(session, article, RECALLED, now)
    article.state = ArticleState.DRAFT.value
    article.version += 1
    article.updated_at = now
    record(session, actor, "article.recall", "article", article_id, voided=voided)


def add_media(session: Session, actor: Actor, content: bytes, now: datetime) -> Media:
    """Store a picture once by the digest of its cleaned bytes; CheckFailed names what to do."""
    need_editor(actor)
    picture = examine(content)
    insert = insert_for(session, Media).values(
        sha256=picture.sha256, mime=picture.mime, size=len(picture.content),
        width=picture.width, height=picture.height, content=picture.content, created_at=now,
    )  # fmt: skip
    new = session.execute(insert.on_conflict_do_nothing().returning(Media.sha256)).first()
    if new:
        record(session, actor, "media.add", "media", picture.sha256, mime=picture.mime, size=len(picture.content))
    return session.get_one(Media, picture.sha256)


def need_editor(actor: Actor) -> int:
    """The person id of an editor; a job, or another role, may not write."""
    actor.need(Role.EDITOR)
    if actor.person_id is None:
        raise NotPermitted("稿件必须由本人编写。")
    return actor.person_id


def need_author(actor: Actor, article: Article) -> int:
    """The person id of an editor, or of the one who drafted this reply."""
    if article.kind == ArticleKind.REPLY and actor.person_id is not None and actor.person_id == article.author_id:
        return actor.person_id
    return need_editor(actor)


def add_revision(session: Session, article: Article, editor_id: int, draft: Draft, now: datetime) -> Revision:
    """The draft as the article's next revision; who may do so is decided by the caller."""
    return _store(session, article, _build(article, editor_id, draft, now), _variants(session, draft), now)


def repeat_revision(session: Session, article: Article, editor_id: int, now: datetime) -> Revision:
    """The head's words as a new revision, for a second submission: stored payloads are never changed."""
    head = session.get_one(Revision, article.head_id)
    variants = variants_of(session, head.id)
    fields = {
        "title": head.title, "body_html": head.body_html, "summary": head.summary, "source": head.source,
        "author": head.author, "keywords": head.keywords, "column": head.column, "cover_sha256": head.cover_sha256,
    }  # fmt: skip
    revision = Revision(article_id=article.id, editor_id=editor_id, created_at=now, **fields)
    return _store(session, article, revision, variants, now)


def problem_rows(problems: list[Any]) -> list[Any]:
    """Problems as JSON, stored with the revision they were found in."""
    return [{**asdict(problem), "severity": problem.severity.value} for problem in problems]


def _variants(session: Session, draft: Draft) -> dict[int, str]:
    known = set(session.scalars(select(Account.id).where(Account.id.in_(draft.variants))))
    return {each: text.strip() for each, text in sorted(draft.variants.items()) if each in known and text.strip()}


def _build(article: Article, editor_id: int, draft: Draft, now: datetime) -> Revision:
    return Revision(
        article_id=article.id,
        title=" ".join(draft.title.split()),
        summary=draft.summary.strip(),
        body_html=sanitise(draft.body_html),
        source=draft.source.strip(),
        author=draft.author.strip(),
        keywords=draft.keywords.strip(),
        column=draft.column.strip(),
        cover_sha256=draft.cover_sha256.strip(),
        editor_id=editor_id,
        created_at=now,
    )


def _store(
    session: Session, article: Article, revision: Revision, variants: Mapping[int, str], now: datetime
) -> Revision:
    last = session.scalar(select(func.max(Revision.number)).where(Revision.article_id == article.id)) or 0
    revision.number = last + 1
    revision.digest = revision_digest(revision, variants)
    session.add(revision)
    session.flush()
    for account_id, text in variants.items():
        session.add(Variant(revision_id=revision.id, account_id=account_id, text=text))
    article.head_id, article.title, article.updated_at = revision.id, revision.title, now
    session.flush()
    content = contents_of(session, article, revision, [0])[0]
    media = frozenset(row.sha256 for row in used_media(session, revision))
    revision.problems = problem_rows(check_content(content, shanghai(now).date(), media))
    return revision
