"""The delivery ledger's tables. Written by `publisher.delivery` alone. The partial unique index guards the lane."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.models.articles import Account, Article
from core.models.base import Base, utc_now

IN_FLIGHT = "state IN ('intended', 'sent', 'unknown')"


class Copy(Base):
    """What one article has, or may have, live on one account in one round."""

    __tablename__ = "copy"
    __table_args__ = (UniqueConstraint("article_id", "account_id", "round"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    round: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="expected", index=True)
    revision_id: Mapped[int | None]  # the revision that is live
    remote_id: Mapped[str] = mapped_column(default="", index=True)
    url: Mapped[str] = mapped_column(default="")
    receipt: Mapped[dict[str, Any]] = mapped_column(default=dict)
    published_at: Mapped[datetime | None]  # set once, by the server, at the first public step
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    account: Mapped[Account] = relationship()
    article: Mapped[Article] = relationship()


class Delivery(Base):
    """One row, one operation on one copy: the schedule, the claim, the state and the outcome."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index(
            "uq_delivery_publish", "article_id", "account_id", "round", unique=True,
            sqlite_where=text("operation = 'publish' AND state <> 'superseded'"),
            postgresql_where=text("operation = 'publish' AND state <> 'superseded'"),
        ),
        Index(
            "uq_delivery_change", "copy_id", "revision_id", "operation", "attempt", unique=True,
            sqlite_where=text("operation = 'correct'"), postgresql_where=text("operation = 'correct'"),
        ),
        Index(
            "uq_delivery_withdraw", "copy_id", "attempt", unique=True,
            sqlite_where=text("operation = 'withdraw'"), postgresql_where=text("operation = 'withdraw'"),
        ),
        Index(
            "uq_delivery_reply", "account_id", "answers_key", "attempt", unique=True,
            sqlite_where=text("operation = 'reply'"), postgresql_where=text("operation = 'reply'"),
        ),
        Index(
            "uq_delivery_lane", "article_id", "account_id", unique=True,
            sqlite_where=text(f"operation <> 'reply' AND {IN_FLIGHT}"),
            postgresql_where=text(f"operation <> 'reply' AND {IN_FLIGHT}"),
        ),
        Index(
            "uq_delivery_reply_lane", "account_id", "answers_key", unique=True,
            sqlite_where=text(f"operation = 'reply' AND {IN_FLIGHT}"),
            postgresql_where=text(f"operation = 'reply' AND {IN_FLIGHT}"),
        ),
        Index("ix_delivery_due", "state", "due_at"),
        Index("ix_delivery_lane", "article_id", "account_id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("copy.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))
    payload_id: Mapped[int | None] = mapped_column(ForeignKey("payload.id"))
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    operation: Mapped[str]
    round: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=1)
    answers_key: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="planned", index=True)

    due_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    window_s: Mapped[int] = mapped_column(default=3600)  # how late it may still go out
    late_policy: Mapped[str] = mapped_column(default="hold")
    window_ends_at: Mapped[datetime | None]  # due_at + window_s under the policy "hold"; empty: it never closes
    waits_for: Mapped[str] = mapped_column(default="")  # a channel kind whose copy must be live first
    waits_until: Mapped[datetime | None]

    fence: Mapped[int] = mapped_column(default=0)
    worker_id: Mapped[int | None]
    native_key: Mapped[str] = mapped_column(default="")
    job_id: Mapped[str] = mapped_column(default="", index=True)  # the platform's own job, e.g. a publish_id
    memory: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what the adapter must still know after a crash
    intended_at: Mapped[datetime | None]
    once_step: Mapped[str] = mapped_column(default="")  # open once-intent; empty when none is open
    once_at: Mapped[datetime | None]
    once_deadline_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    looks: Mapped[int] = mapped_column(default=0)  # look-ups and polls since the last answer or lost answer
    looked_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]  # next look-up or poll
    absent_at: Mapped[datetime | None]  # first look-up that said absent
    asked_at: Mapped[datetime | None]  # a person was asked
    step_at: Mapped[datetime | None]  # last step or observation written
    ended_at: Mapped[datetime | None]

    receipt: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error_code: Mapped[str] = mapped_column(default="")
    error_text: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    account: Mapped[Account] = relationship()
    article: Mapped[Article] = relationship()
    copy: Mapped[Copy | None] = relationship()


class Step(Base):
    """One remote call of a delivery: intent, deadline, result (ledger §4)."""

    __tablename__ = "step"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    fence: Mapped[int]
    name: Mapped[str]
    once: Mapped[bool]
    intent_at: Mapped[datetime]
    deadline_at: Mapped[datetime | None]
    result_at: Mapped[datetime | None]
    effect: Mapped[str] = mapped_column(default="")
    code: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    answer: Mapped[str] = mapped_column(default="")  # masked and cut


class Observation(Base):
    """What anybody ever learned about a delivery; states are decided from these. Append only."""

    __tablename__ = "observation"
    __table_args__ = (UniqueConstraint("delivery_id", "event_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    source: Mapped[str]  # call, late_call, find, poll, callback, read_live, person
    verdict: Mapped[str]  # confirmed, sent, refused, absent, undecided, gone, live
    event_key: Mapped[str | None]
    remote_id: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)


class CopyEvent(Base):
    """What happened to a copy: live, corrected, withdrawn, deleted by the platform, changed, duplicate."""

    __tablename__ = "copy_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    copy_id: Mapped[int] = mapped_column(ForeignKey("copy.id"), index=True)
    kind: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class FeedEntry(Base):
    """One item in the client app's feed: the client channel's own row. The portal reads it."""

    __tablename__ = "feed_entry"
    __table_args__ = (UniqueConstraint("account_id", "article_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    copy_id: Mapped[int] = mapped_column(ForeignKey("copy.id"))
    content: Mapped[dict[str, Any]]  # title, summary, html, link, cover, source
    digest: Mapped[str]
    published_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class Freeze(Base):
    """The emergency stop. Rows always exist: `all`, and one an account; claims and once-intents read them locked."""

    __tablename__ = "freeze"

    scope: Mapped[str] = mapped_column(primary_key=True)  # all | account:<id>
    frozen: Mapped[bool] = mapped_column(default=False)
    pressed_by: Mapped[int | None]
    pressed_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
