"""Platform callbacks as they came: stored once by the platform's event key, handed out later. Judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import CallbackEvent

MESSAGE = "message"  # the kind of what a citizen wrote; casework's. Every other kind is an event, the publisher's


@dataclass(frozen=True)
class Event:
    """What a platform sent about one account: its own key for it, the text as it came, and what was read out of it."""

    platform: str
    key: str
    kind: str
    account_id: int
    raw: str
    fields: Mapping[str, Any]


def accept(session: Session, event: Event, now: datetime) -> bool:
    """Store the event; True when it is new, False when the same key was known (its count is raised)."""
    insert = insert_for(session, CallbackEvent).values(
        platform=event.platform,
        event_key=event.key,
        kind=event.kind,
        account_id=event.account_id,
        raw=event.raw,
        fields=dict(event.fields),
        received_at=now,
    )
    known = {"times": CallbackEvent.times + 1}
    times = session.execute(
        insert.on_conflict_do_update(index_elements=["platform", "event_key"], set_=known).returning(
            CallbackEvent.times
        )
    ).scalar_one()
    return times == 1


def unread(session: Session, limit: int, messages: bool = False) -> list[CallbackEvent]:
    """Events nobody has finished yet, oldest first: the platforms' own, or the citizens' messages among them."""
    kind = CallbackEvent.kind == MESSAGE if messages else CallbackEvent.kind != MESSAGE
    query = select(CallbackEvent).where(CallbackEvent.handled_at.is_(None), kind)
    return list(session.scalars(query.order_by(CallbackEvent.id).limit(limit)))


def waiting(session: Session, account_id: int) -> int:
    """Unfinished events (not messages) of one account; while there are any, nothing on it is absent for certain."""
    query = select(func.count(CallbackEvent.id)).where(
        CallbackEvent.account_id == account_id, CallbackEvent.handled_at.is_(None), CallbackEvent.kind != MESSAGE
    )
    return session.scalar(query) or 0


def finish(session: Session, event_id: int, result: str, now: datetime) -> bool:
    """Mark the event as handled with its result; False when somebody else already did."""
    done = session.execute(
        update(CallbackEvent)
        .where(CallbackEvent.id == event_id, CallbackEvent.handled_at.is_(None))
        .values(handled_at=now, result=result)
        .returning(CallbackEvent.id)
    )
    return done.first() is not None


def purge(session: Session, before: datetime) -> int:
    """Delete events that were finished before that instant; unread ones stay whatever their age."""
    gone = delete(CallbackEvent).where(CallbackEvent.handled_at < before).returning(CallbackEvent.id)
    return len(session.execute(gone).all())
