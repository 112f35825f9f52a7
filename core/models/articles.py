"""Accounts, articles, revisions, payloads and reviews. Written by `publisher` (accounts by `publisher.accounts`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.models.base import Base, utc_now


class Account(Base):
    """One account of the press office on one channel. `secret` is encrypted JSON, see core.tokens."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    enabled: Mapped[bool] = mapped_column(default=True)
    paused_reason: Mapped[str] = mapped_column(default="")
    last_ok_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")
    last_error_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Media(Base):
    """A picture, stored once by the SHA-256 of its bytes."""

    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    mime: Mapped[str]
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Upload(Base):
    """A picture already on a platform: one per account, kind of upload and digest."""

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("account_id", "kind", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
    sha256: Mapped[str]
    remote: Mapped[dict[str, Any]]
    uploaded_at: Mapped[datetime] = mapped_column(default=utc_now)


class Article(Base):
    """One item (稿件), or a reply. `canonical_link` is fixed at creation, before any review."""

    __tablename__ = "article"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="article")
    state: Mapped[str] = mapped_column(default="draft", index=True)
    canonical_link: Mapped[str] = mapped_column(default="")
    title: Mapped[str] = mapped_column(default="")  # of the newest revision, for lists
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    head_id: Mapped[int | None]  # newest revision
    version: Mapped[int] = mapped_column(default=1)  # optimistic lock of the editor form
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)  # reply: account_id, key, platform ids
    answers_key: Mapped[str] = mapped_column(default="", index=True)  # what a reply answers; empty for an article
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    revisions: Mapped[list[Revision]] = relationship(order_by="Revision.number", back_populates="article")


class Revision(Base):
    """An immutable version (版本) of an article; an edit makes a new one."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("article_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    number: Mapped[int]
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    body_html: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    author: Mapped[str] = mapped_column(default="")
    keywords: Mapped[str] = mapped_column(default="")
    column: Mapped[str] = mapped_column("column_name", default="")
    cover_sha256: Mapped[str] = mapped_column(default="")
    digest: Mapped[str]
    problems: Mapped[list[Any]] = mapped_column(default=list)
    confirm_reason: Mapped[str] = mapped_column(default="")  # why problems of severity confirm may stand
    editor_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    submitted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    article: Mapped[Article] = relationship(back_populates="revisions")


class Variant(Base):
    """An editor's own words for one account, in place of those made from the article."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("revision_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    text: Mapped[str]


class Payload(Base):
    """What will go out to one account, rendered once at submission and never again. Immutable."""

    __tablename__ = "payload"
    __table_args__ = (UniqueConstraint("revision_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    template: Mapped[dict[str, Any]]
    digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ReviewStep(Base):
    """One decision (审核) of one person, bound to the digest of all payloads. An edit voids it."""

    __tablename__ = "review_step"
    __table_args__ = (
        CheckConstraint("step between 1 and 3", name="step"),
        Index(
            "uq_review_step_standing", "revision_id", "step", unique=True,
            sqlite_where=text("voided_at IS NULL AND decision = 'approve'"),
            postgresql_where=text("voided_at IS NULL AND decision = 'approve'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    step: Mapped[int]
    decision: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    digest: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")


class Release(Base):
    """A person's act that let an approved revision go out, be corrected or be withdrawn."""

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))
    operation: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
