"""What was collected. Written by `core.inbox` on behalf of `spiders`; sources and runs by `spiders.runner`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, utc_now


class Source(Base):
    """A place (信源) a spider reads: one spider on one account."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("spider", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    spider: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    enabled: Mapped[bool] = mapped_column(default=True)
    interval_s: Mapped[int | None]  # None: the installation's spider_interval_s
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)  # moved only together with the rows it speaks of
    next_run_at: Mapped[datetime | None]
    run_id: Mapped[int | None]  # the crawl run that holds this source; its writes carry this number as their fence
    run_until: Mapped[datetime | None]  # after this instant another run may take the source
    failures: Mapped[int] = mapped_column(default=0)  # failed runs in a row
    last_ok_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")


class Seen(Base):
    """(source, external id) -> mention: the narrow table that makes collecting exactly once."""

    __tablename__ = "seen"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    mention_id: Mapped[int]


class Mention(Base):
    """One comment, answer, repost or message (提及). Authors are hashed; phone and ID numbers are masked at intake."""

    __tablename__ = "mention"
    __table_args__ = (
        Index("ix_mention_posted_at", "posted_at"),
        Index("ix_mention_copy_posted", "copy_id", "posted_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str]  # YYYY-MM of posted_at, Shanghai: the partition key
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("copy.id"))
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"), index=True)
    kind: Mapped[str]
    external_id: Mapped[str]
    parent_external_id: Mapped[str] = mapped_column(default="")  # empty: directly under the item
    author_hash: Mapped[str] = mapped_column(default="")
    author_name: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    likes: Mapped[int] = mapped_column(default=0)
    place: Mapped[str] = mapped_column(default="")
    hidden: Mapped[bool] = mapped_column(default=False)  # not public (pending on the portal)
    demo: Mapped[bool] = mapped_column(default=False)
    posted_at: Mapped[datetime]
    collected_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]
    scored_at: Mapped[datetime | None] = mapped_column(index=True)


class Snapshot(Base):
    """Counts of one copy at one instant; append only, so speed and deletions stay visible."""

    __tablename__ = "snapshot"
    __table_args__ = (Index("ix_snapshot_copy_at", "copy_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str]
    copy_id: Mapped[int] = mapped_column(ForeignKey("copy.id"))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    likes: Mapped[int | None]
    comments: Mapped[int | None]
    reposts: Mapped[int | None]
    reads: Mapped[int | None]
    exists: Mapped[bool] = mapped_column("is_there", default=True)


class Coverage(Base):
    """What one crawl of one source could and could not read (采集覆盖)."""

    __tablename__ = "coverage"
    __table_args__ = (Index("ix_coverage_source_until", "source_id", "until_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("copy.id"))
    since_at: Mapped[datetime]
    until_at: Mapped[datetime]
    state: Mapped[str]
    expected: Mapped[int | None]  # what the platform says there is
    received: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(default="")


class CrawlRun(Base):
    """One run of one spider as a process."""

    __tablename__ = "crawl_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="running")
    pid: Mapped[int | None]
    requests: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(default="")
