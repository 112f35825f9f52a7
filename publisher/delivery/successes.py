"""The usual end of a delivery, written for many rows at once: a first publication its call answered well.

The rules are those of `outcomes` and `copies`, for rows where nothing else has happened; whatever is unlike that is
left to them, row by row. A test holds both ways to the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from core import alarms
from core.claims import Claimed
from core.models import Account, CopyEvent, Delivery, Observation
from core.models.base import Base, Instant
from core.models.words import CopyEventKind, CopyState, Operation
from core.ports import Effect, Json
from publisher.delivery.copies import kept
from publisher.delivery.intents import COPIES, ROWS, WANTED, Pending, change_rows, write_pending
from publisher.delivery.outcomes import News, ask_key, stuck_key
from publisher.delivery.pace import Pace
from publisher.delivery.rows import close_steps
from publisher.delivery.schedule import first_look
from publisher.workflow import State

SEEN_EVERY_S = 10.0  # an account's last success is noted no finer than this
PLAIN = ("confirmed", "sent")
ACCOUNTS, EVENTS, OBSERVATIONS = (
    Base.metadata.tables[each.__tablename__] for each in (Account, CopyEvent, Observation)
)  # fmt: skip
OTHERS = COPIES.alias()
# Statements of every delivery, built once: building them costs more than running them.
LOCK_COPIES = (
    select(COPIES.c.id)
    .where(COPIES.c.id.in_(select(ROWS.c.copy_id).where(ROWS.c.id.in_(WANTED))))
    .order_by(COPIES.c.id)
    .with_for_update(key_share=True)
)
LOCK_ROWS = (
    select(
        *(column for column in ROWS.c if column.name not in ("memory", "reason")),
        COPIES.c.state.label("copy_state"), COPIES.c.receipt.label("copy_receipt"), COPIES.c.remote_id, COPIES.c.url,
        COPIES.c.published_at, COPIES.c.confirmed_at, ACCOUNTS.c.kind,
        exists().where(
            OTHERS.c.article_id == COPIES.c.article_id, OTHERS.c.account_id == COPIES.c.account_id,
            OTHERS.c.id != COPIES.c.id, OTHERS.c.state == CopyState.LIVE.value,
        ).label("stands_elsewhere"),
    )
    .join(COPIES, COPIES.c.id == ROWS.c.copy_id)
    .join(ACCOUNTS, ACCOUNTS.c.id == ROWS.c.account_id)
    .where(ROWS.c.id.in_(WANTED))
    .order_by(ROWS.c.id)
    .with_for_update(of=ROWS, key_share=True)
)  # fmt: skip
SHOW_COPIES = (
    update(COPIES)
    .where(COPIES.c.id == bindparam("copy_id"))
    .values({name: bindparam(f"new_{name}", type_=COPIES.c[name].type) for name in (
        "state", "ended_at", "remote_id", "url", "receipt", "revision_id", "published_at", "confirmed_at",
    )})
)  # fmt: skip
NOTE_SUCCESS = (
    update(ACCOUNTS)
    .where(
        ACCOUNTS.c.id.in_(bindparam("account_ids", expanding=True)),
        or_(ACCOUNTS.c.last_ok_at.is_(None), ACCOUNTS.c.last_ok_at < bindparam("since", type_=Instant())),
    )
    .values(last_ok_at=bindparam("now", type_=Instant()))
)


@dataclass(frozen=True)
class Success:
    """What one call told, with the steps that wait to be written; `ordinary` writes it alone, by all the rules."""

    claimed: Claimed
    news: News
    pending: Pending
    pace: Pace
    now: Callable[[], datetime]
    ordinary: Callable[[Session], None]


def write_successes(session: Session, successes: Sequence[Success]) -> list[None]:
    """Write them: the plain ones together, the others one after another. Errors: those of the ordinary way."""
    plain = _write_plain(session.connection(), session, successes)
    for success in successes:
        if success.claimed not in plain:
            success.ordinary(session)
            session.flush()
            session.expunge_all()  # the next one reads its rows anew
    return [None] * len(successes)


def note_success(session: Session, account_ids: Sequence[int], now: datetime) -> None:
    """The accounts worked."""
    values = {"account_ids": list(set(account_ids)), "since": now - timedelta(seconds=SEEN_EVERY_S), "now": now}
    session.connection().execute(NOTE_SUCCESS, values)


def _write_plain(connection: Connection, session: Session, successes: Sequence[Success]) -> set[Claimed]:
    """The claims it wrote for."""
    found = _plain(connection, [success for success in successes if _is_plain_news(success.news)])
    if found:
        now = max(success.now() for success, _row in found)
        write_pending(connection, [success.pending for success, _row in found], now)
        _observe(connection, found, now)
        _move_rows(connection, found, now)
        _show(session, [(success, row) for success, row in found if success.news.receipt.state == "confirmed"], now)
        note_success(session, [row.account_id for _success, row in found], now)
    return {success.claimed for success, _row in found}


def _plain(connection: Connection, successes: Sequence[Success]) -> list[tuple[Success, Any]]:
    """Those whose claim holds a plain row, with the row; copies and rows are locked from now on."""
    if not successes:
        return []
    wanted = {"row_ids": [success.claimed.row_id for success in successes]}
    connection.execute(LOCK_COPIES, wanted)
    rows = {(row.id, row.fence): row for row in connection.execute(LOCK_ROWS, wanted) if _is_plain_row(row)}
    pairs = [(success, rows.get((success.claimed.row_id, success.claimed.fence))) for success in successes]
    return [(success, row) for success, row in pairs if row is not None]


def _is_plain_news(news: News) -> bool:
    return news.source == "call" and news.receipt.state in PLAIN and not news.receipt.data.get("gone")


def _is_plain_row(row: Any) -> bool:
    """A first publication on its way, of which nothing was heard before, and no other copy is live."""
    return (
        row.state == State.INTENDED
        and row.operation == Operation.PUBLISH
        and row.copy_state == CopyState.EXPECTED
        and not row.stands_elsewhere
    )


def _observe(connection: Connection, found: Sequence[tuple[Success, Any]], now: datetime) -> None:
    rows = [
        {"delivery_id": row.id, "source": success.news.source, "verdict": success.news.receipt.state,
         "event_key": None, "remote_id": success.news.receipt.remote_id, "detail": success.news.told(), "seen_at": now}
        for success, row in found
    ]  # fmt: skip
    connection.execute(insert(OBSERVATIONS), rows)


def _move_rows(connection: Connection, found: Sequence[tuple[Success, Any]], now: datetime) -> None:
    changes = []
    for success, row in found:
        change = _confirmed if success.news.receipt.state == "confirmed" else _sent
        changes.append((success.claimed, {**success.pending.columns(), **change(success, row, now)}))
    change_rows(connection, changes)


def _confirmed(success: Success, row: Any, now: datetime) -> Json:
    return {
        "state": State.CONFIRMED.value, "step_at": now, "ended_at": now, "worker_id": None, "look_at": None,
        "once_step": "", "receipt": kept(success.news.receipt, row.receipt), "error_code": "", "error_text": "",
    }  # fmt: skip


def _sent(success: Success, row: Any, now: datetime) -> Json:
    """Accepted and shown later: looked at when its channel's time has come."""
    receipt = success.news.receipt
    waiting = Delivery(
        state=State.SENT.value, operation=row.operation, looks=0, asked_at=None, absent_at=row.absent_at,
        once_deadline_at=row.once_deadline_at, account=Account(kind=row.kind),
    )  # fmt: skip
    return {
        "state": State.SENT.value, "step_at": now, "ended_at": None, "worker_id": None, "looks": 0, "error_text": "",
        "receipt": kept(receipt, row.receipt), "job_id": str(receipt.data.get("publish_id") or row.job_id),
        "asked_at": None, "look_at": first_look(waiting, now, success.pace),
    }  # fmt: skip


def _show(session: Session, found: Sequence[tuple[Success, Any]], now: datetime) -> None:
    """The copies of confirmed rows are live; nothing is open or asked about them any more."""
    if not found:
        return
    connection = session.connection()
    copies = [_live(success, row, now) for success, row in found]
    connection.execute(SHOW_COPIES, copies)
    events = [
        {"copy_id": row.copy_id, "kind": CopyEventKind.LIVE.value, "at": now,
         "detail": {"delivery_id": row.id, "remote_id": copy["new_remote_id"], "url": copy["new_url"]}}
        for copy, (_success, row) in zip(copies, found, strict=True)
    ]  # fmt: skip
    connection.execute(insert(EVENTS), events)
    ids = [row.id for _success, row in found]
    close_steps(session, ids, Effect.DONE.value, now)
    alarms.clear_all(session, [key(row_id) for row_id in ids for key in (ask_key, stuck_key)], "ledger", now)


def _live(success: Success, row: Any, now: datetime) -> Json:
    receipt = success.news.receipt
    return {
        "copy_id": row.copy_id, "new_state": CopyState.LIVE.value, "new_ended_at": None,
        "new_remote_id": receipt.remote_id or row.remote_id, "new_url": receipt.url or row.url,
        "new_receipt": kept(receipt, row.copy_receipt), "new_revision_id": row.revision_id,
        "new_published_at": row.published_at or now, "new_confirmed_at": row.confirmed_at or now,
    }  # fmt: skip
