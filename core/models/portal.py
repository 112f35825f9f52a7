"""Comments and likes left on the portal and in the client. Written by `portal` alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, utc_now


class SiteComment(Base):
    """A comment under a published item, from the site or the client app; shown only after a person accepts it."""

    __tablename__ = "site_comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    channel: Mapped[str]  # website | client
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("site_comment.id"))
    author_name: Mapped[str]
    author_hash: Mapped[str]
    text: Mapped[str]
    writer_token_hash: Mapped[str] = mapped_column(default="")  # lets the writer see 待审核
    posted_at: Mapped[datetime] = mapped_column(default=utc_now)


class ItemLike(Base):
    """One visitor's like of one item; counted once."""

    __tablename__ = "item_like"
    __table_args__ = (UniqueConstraint("article_id", "channel", "visitor_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    channel: Mapped[str]
    visitor_hash: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=utc_now)
