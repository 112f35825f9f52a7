"""The ledger's pen for one delivery: intents before calls, results after them, under the fence of the claim.

Results of finished steps wait in memory for the next transaction: after a crash in between, the open intent speaks.
What it writes may be written again: a transaction that failed is tried anew, alone or with others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from core.claims import Claimed, Holder
from core.db import insert_for
from core.errors import ChannelError, LostClaim, Refused, Transient
from core.house import House
from core.models import Copy, Delivery, Media, Step, Upload
from core.models.base import Base
from core.ports import Effect, Json
from publisher.delivery.gates import check_gate
from publisher.delivery.pace import Pace
from publisher.wire import total_deadline

KEPT = 600
SURE = frozenset({Effect.NOT_SENT, Effect.REFUSED, Effect.THROTTLED, Effect.CREDENTIAL, Effect.DISABLED})
GATED = (
    Delivery.operation, Delivery.copy_id, Delivery.revision_id, Delivery.account_id, Delivery.window_ends_at,
)  # fmt: skip

# Statements of every delivery, built once: building them costs more than running them.
COPIES, ROWS, STEPS = (Base.metadata.tables[model.__tablename__] for model in (Copy, Delivery, Step))
FIX_COPY = (
    update(COPIES)
    .where(COPIES.c.id == select(ROWS.c.copy_id).where(ROWS.c.id == bindparam("row_id")).scalar_subquery())
    .values(published_at=func.coalesce(COPIES.c.published_at, bindparam("now", type_=COPIES.c.published_at.type)))
    .returning(COPIES.c.published_at)
)
BEGIN_STEP, ADD_STEPS = insert(STEPS).returning(STEPS.c.id), insert(STEPS)


@cache
def _change_row(columns: tuple[str, ...]) -> Update:
    """The claimed row under its fence; gives what the gate reads."""
    return (
        update(ROWS)
        .where(ROWS.c.id == bindparam("row_id"), ROWS.c.fence == bindparam("mine"))
        .values({name: bindparam(name, type_=ROWS.c[name].type) for name in columns})
        .returning(*(ROWS.c[column.key] for column in GATED))
    )


@cache
def _answer_step(columns: tuple[str, ...], unsettled: bool) -> Update:
    """A step's answer; an unsettled one only while nothing else has settled the step meanwhile."""
    change = update(STEPS).where(STEPS.c.id == bindparam("step_id"))
    change = change.where(STEPS.c.effect == "") if unsettled else change
    return change.values({name: bindparam(name, type_=STEPS.c[name].type) for name in columns})


@dataclass
class Pending:
    """What the next transaction writes."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # step id -> columns
    memory: bool = False
    uploads: list[dict[str, Any]] = field(default_factory=list)
    once_closed: bool = False

    def columns(self, memory: Json) -> dict[str, Any]:
        """What waits for the row itself."""
        closed = {"once_step": ""} if self.once_closed else {}
        return closed | ({"memory": dict(memory)} if self.memory else {})

    def write(self, session: Session, account_id: int, now: datetime) -> None:
        """Steps, their answers and what was uploaded; also without the claim, for none of it is ever thrown away."""
        connection = session.connection()
        if self.steps:
            connection.execute(ADD_STEPS, self.steps)
        for step_id, columns in self.answers.items():
            unsettled = columns["effect"] == Effect.UNKNOWN
            connection.execute(_answer_step(tuple(columns), unsettled), {**columns, "step_id": step_id})
        for row in self.uploads:
            values = {**row, "account_id": account_id, "uploaded_at": now}
            session.execute(insert_for(session, Upload).values(**values).on_conflict_do_nothing())


class LedgerJournal:
    """See core.ports.Journal. `uncertain` tells that a once-only call ended without an answer to trust."""

    def __init__(
        self, house: House, holder: Holder, claimed: Claimed, account_id: int, memory: Json, pace: Pace
    ) -> None:
        self.house, self.holder, self.claimed, self.pace = house, holder, claimed, pace
        self.account_id = account_id
        self.uncertain = False
        self._memory = dict(memory)
        self._pending = Pending()

    def repeatable(self, name: str, call: Callable[[], Any]) -> Any:
        """Run a step that may be done again and note how it went."""
        began = self.house.clock.now()
        try:
            result = call()
        except ChannelError as error:
            self._note(name, began, error.effect, error)
            raise
        self._note(name, began, Effect.DONE)
        return result

    def once(self, name: str, call: Callable[[], Any], native_key: str = "") -> Any:
        """Intent, freshness, call, result. Raises Stopped or LostClaim before, ChannelError kinds after the call."""
        now = self.house.clock.now()
        deadline_at = now + timedelta(seconds=self.pace.call_s)
        columns: dict[str, Any] = {"once_step": name, "once_at": now, "once_deadline_at": deadline_at}
        _at, step_id = self._commit(columns | ({"native_key": native_key} if native_key else {}))
        if not self.holder.fresh():
            self._answer(step_id, Effect.NOT_SENT)
            raise Transient(Effect.NOT_SENT, "stale", "本机心跳没有及时写入，为防重复没有发出", retry_after_s=1)
        try:
            with total_deadline(self.pace.call_s):
                result = call()
        except ChannelError as error:
            self._answer(step_id, error.effect, error)
            raise
        except BaseException:
            self.uncertain = True
            raise
        self._answer(step_id, Effect.DONE)
        return result

    def media(self, sha256: str) -> bytes:
        """The bytes of a picture; Refused when they are not those of the digest."""
        with self.house.db.read() as session:
            content = session.scalar(select(Media.content).where(Media.sha256 == sha256))
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(Effect.REFUSED, "media", "图片与审定的不一致或已丢失，请重新上传后送审")
        return content

    def media_type(self, sha256: str) -> str:
        """Its MIME type."""
        with self.house.db.read() as session:
            return session.scalar(select(Media.mime).where(Media.sha256 == sha256)) or ""

    def uploaded(self, kind: str, sha256: str, upload: Callable[[], Json]) -> Json:
        """The platform's answer for this picture; asked for once per account, kind and digest."""
        with self.house.db.read() as session:
            known = session.scalar(
                select(Upload.remote).where(
                    Upload.account_id == self.account_id, Upload.kind == kind, Upload.sha256 == sha256
                )
            )
        if known is not None:
            return known
        remote: Json = self.repeatable("picture", upload)
        self._pending.uploads.append({"kind": kind, "sha256": sha256, "remote": remote})
        return remote

    def remember(self, name: str, value: Json) -> None:
        """Kept with the next transaction, at the latest with the next intent."""
        self._memory[name] = value
        self._pending.memory = True

    def recall(self, name: str) -> Json | None:
        """What was remembered for this delivery."""
        return self._memory.get(name)

    def published_at(self) -> datetime:
        """Set, once, when the first public step is intended; the same gate as a once-only intent."""
        at, _step = self._commit({})
        if not self.holder.fresh():
            raise Transient(Effect.NOT_SENT, "stale", "本机心跳没有及时写入，为防覆盖没有发布", retry_after_s=1)
        return at

    def flush(self, session: Session, delivery: Delivery) -> None:
        """Write what waits in memory; part of the caller's transaction, under its guard. `settle` ends it."""
        self._pending.write(session, self.account_id, self.house.clock.now())
        if delivery.fence != self.claimed.fence:
            return
        for column, value in self._pending.columns(self._memory).items():
            setattr(delivery, column, value)

    def settle(self) -> None:
        """What waited was committed."""
        self._pending = Pending()

    def _commit(self, columns: dict[str, Any]) -> tuple[datetime, int]:
        """One short transaction under fence and gate; (the copy's instant, number of the step begun or 0)."""
        now = self.house.clock.now()
        step = _step_of(
            self.claimed, str(columns.get("once_step", "")), now, once=True, deadline_at=columns.get("once_deadline_at")
        )
        done = self.house.db.together(lambda session: self._enter(session, now, columns, step))
        self.settle()
        return done

    def _enter(self, session: Session, now: datetime, columns: dict[str, Any], step: Json) -> tuple[datetime, int]:
        """The copy first, then the row by its fence: locks in the one order; then the gate, then the step."""
        connection = session.connection()
        at = connection.execute(FIX_COPY, {"row_id": self.claimed.row_id, "now": now}).scalar()
        values = {"step_at": now, **self._pending.columns(self._memory), **columns}
        mine = {"row_id": self.claimed.row_id, "mine": self.claimed.fence}
        row = connection.execute(_change_row(tuple(values)), {**values, **mine}).first()
        if row is None:
            raise LostClaim(f"第 {self.claimed.row_id} 行已由其他进程接手")
        check_gate(session, row, now)
        self._pending.write(session, self.account_id, self.house.clock.now())
        step_id = connection.execute(BEGIN_STEP, step).scalar() if columns else 0
        return at or now, step_id or 0

    def _answer(self, step_id: int, effect: str, error: ChannelError | None = None) -> None:
        columns = {"effect": Effect(effect).value, "result_at": self.house.clock.now()}
        if error:
            columns |= {"code": error.code, "message": error.platform_message[:KEPT], "answer": error.raw[:KEPT]}
        self._pending.answers[step_id] = columns
        if effect == Effect.DONE or effect in SURE:
            self._pending.once_closed = True
        else:
            self.uncertain = True

    def _note(self, name: str, began: datetime, effect: str, error: ChannelError | None = None) -> None:
        step = _step_of(self.claimed, name, began, once=False)
        step |= {"result_at": self.house.clock.now(), "effect": Effect(effect).value}
        if error:
            step |= {"code": error.code, "message": error.platform_message[:KEPT], "answer": error.raw[:KEPT]}
        self._pending.steps.append(step)


def _step_of(claimed: Claimed, name: str, at: datetime, *, once: bool, deadline_at: datetime | None = None) -> Json:
    return {
        "delivery_id": claimed.row_id, "fence": claimed.fence, "name": name, "once": once, "intent_at": at,
        "deadline_at": deadline_at, "result_at": None, "effect": "", "code": "", "message": "", "answer": "",
    }  # fmt: skip
