"""Citizens' messages and decisions on site comments. Written by `casework` alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, utc_now


class CaseCounter(Base):
    """The last case number given out on one Shanghai day; its row is the queue of concurrent intakes."""

    __tablename__ = "case_counter"

    day: Mapped[str] = mapped_column(primary_key=True)  # YYYYMMDD
    last: Mapped[int] = mapped_column("last_number", default=0)


class Case(Base):
    """A citizen's message (诉求) with its number and tracking code."""

    __tablename__ = "case_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)  # WZ20261124-000001
    channel: Mapped[str] = mapped_column(default="portal")
    external_id: Mapped[str | None] = mapped_column(unique=True)  # dedupe key of the channel
    title: Mapped[str]
    text: Mapped[str]
    citizen: Mapped[str] = mapped_column(default="")  # masked name for lists
    contact: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted name and contact
    tracking_hash: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="received", index=True)
    public: Mapped[bool] = mapped_column(default=False)
    demo: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    due_at: Mapped[datetime | None]


class CaseEvent(Base):
    """One thing that happened to a case; shown on the tracking page when `public`."""

    __tablename__ = "case_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    public: Mapped[bool] = mapped_column(default=True)
    person_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(default=utc_now)


class CommentDecision(Base):
    """A person's decision to show a site comment or not; the portal reads it (先审后发)."""

    __tablename__ = "comment_decision"

    comment_id: Mapped[int] = mapped_column(ForeignKey("site_comment.id"), primary_key=True)
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
