"""Scores, terms, issues, alerts and briefs. Written by `monitors` alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.models.base import Base, utc_now


class MentionScore(Base):
    """Sentiment of a mention by one model version."""

    __tablename__ = "mention_score"
    __table_args__ = (UniqueConstraint("mention_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mention_id: Mapped[int] = mapped_column(ForeignKey("mention.id"))
    version: Mapped[str]
    label: Mapped[str]
    value: Mapped[float | None]
    scored_at: Mapped[datetime] = mapped_column(default=utc_now)


class MentionTerm(Base):
    """A term that occurs in a mention."""

    __tablename__ = "mention_term"
    __table_args__ = (Index("ix_mention_term_term", "term"),)

    mention_id: Mapped[int] = mapped_column(ForeignKey("mention.id"), primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)


class TermCount(Base):
    """Mentions and negative mentions of a term in one time bin (by post time)."""

    __tablename__ = "term_count"

    bin_at: Mapped[datetime] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(default=0)
    negative: Mapped[int] = mapped_column(default=0)


class TermState(Base):
    """Checkpoint of the detector: mean and variance of a term's series up to `bin_at`."""

    __tablename__ = "term_state"

    detector: Mapped[str] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(primary_key=True)
    bin_at: Mapped[datetime]
    state: Mapped[dict[str, Any]]


class Issue(Base):
    """An emerging public-opinion issue (舆情议题) with the reasons it was raised."""

    __tablename__ = "issue"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default="found", index=True)
    level: Mapped[str] = mapped_column(default="blue")
    terms: Mapped[list[Any]] = mapped_column(default=list)
    reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)  # expected, observed, z, authors, sources, …
    version: Mapped[str]  # detector version
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    owner_id: Mapped[int | None]
    note: Mapped[str] = mapped_column(default="")
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class Evidence(Base):
    """A mention that belongs to an issue (佐证)."""

    __tablename__ = "evidence"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    mention_id: Mapped[int] = mapped_column(ForeignKey("mention.id"), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(default=utc_now)


class Alert(Base):
    """An alert (预警) about an issue; `explanation` carries every number it rests on."""

    __tablename__ = "alert"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"), index=True)
    reason: Mapped[str]
    level: Mapped[str]
    dedup_key: Mapped[str] = mapped_column(unique=True)
    explanation: Mapped[dict[str, Any]] = mapped_column(default=dict)
    respond_by: Mapped[datetime | None]
    raised_at: Mapped[datetime] = mapped_column(default=utc_now)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[int | None]

    issue: Mapped[Issue] = relationship()


class AlertSend(Base):
    """One message of one alert, or of one critical alarm of the house, to one receiver."""

    __tablename__ = "alert_send"
    __table_args__ = (
        UniqueConstraint("alert_id", "notifier", "target"),
        UniqueConstraint("alarm_id", "notifier", "target"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    alarm_id: Mapped[int | None] = mapped_column(ForeignKey("alarm.id"))
    notifier: Mapped[str]
    target: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class Brief(Base):
    """A frozen daily brief (简报): every figure with the query behind it."""

    __tablename__ = "brief"
    __table_args__ = (UniqueConstraint("period", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str]  # YYYY-MM-DD, Shanghai
    kind: Mapped[str] = mapped_column(default="daily")
    title: Mapped[str]
    figures: Mapped[dict[str, Any]]
    digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
