"""Tables of the plumbing: tokens, leases, workers, audit, alarms, budget, callbacks, runs. Written by `core`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, utc_now


class Token(Base):
    """An access token, encrypted; `version` is the compare-and-set guard, `refreshing_until` the one writer's lease."""

    __tablename__ = "token"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    value: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    refreshing_until: Mapped[datetime | None]
    flagged: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(default="")


class Worker(Base):
    """A process that claims rows. Its counter is the heartbeat; takers watch it on their own monotonic clock."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    pid_started: Mapped[float]
    counter: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


class Lease(Base):
    """A named duty held by one worker at a time (值守), e.g. `scheduler`."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[int | None]
    fence: Mapped[int] = mapped_column(default=0)
    held_at: Mapped[datetime | None]


class Audit(Base):
    """Who did what to what, when (留痕). Append only."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject_type", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    person_id: Mapped[int | None]
    actor: Mapped[str]  # display name, or the name of a job
    action: Mapped[str]
    subject_type: Mapped[str] = mapped_column(default="")
    subject_id: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    address: Mapped[str] = mapped_column(default="")


class Alarm(Base):
    """Something a person must look at. One open row a dedup key."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_open", "dedup_key", unique=True,
            sqlite_where=text("cleared_at IS NULL"), postgresql_where=text("cleared_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    dedup_key: Mapped[str]
    level: Mapped[str]
    room: Mapped[str]
    text: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    times: Mapped[int] = mapped_column(default=1)
    raised_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_at: Mapped[datetime] = mapped_column(default=utc_now)
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None]


class BudgetUse(Base):
    """Requests made of one account's API on one Shanghai day, by purpose."""

    __tablename__ = "budget_use"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    api: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class CallbackEvent(Base):
    """A platform's callback as it came, once by the platform's event key."""

    __tablename__ = "callback_event"
    __table_args__ = (UniqueConstraint("platform", "event_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    event_key: Mapped[str]
    kind: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    raw: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    times: Mapped[int] = mapped_column(default=1)
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    handled_at: Mapped[datetime | None] = mapped_column(index=True)
    result: Mapped[str] = mapped_column(default="")


class JobRun(Base):
    """One run of a scheduled job; the run log."""

    __tablename__ = "job_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(index=True)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="running")
    done: Mapped[int] = mapped_column(default=0)  # things it handled
    note: Mapped[str] = mapped_column(default="")
    worker_id: Mapped[int | None]


class Setting(Base):
    """A setting staff may change at run time, e.g. `portal.comments`."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_by: Mapped[str] = mapped_column(default="")
