"""The ledger's pen for one delivery: intents before calls, results after them, under the fence of the claim.

Results of finished steps wait in memory for the next transaction: after a crash in between, the open intent speaks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.claims import Claimed, Holder, guard
from core.db import insert_for
from core.errors import ChannelError, Refused, Transient
from core.house import House
from core.models import Copy, Delivery, Media, Step, Upload
from core.ports import Effect, Json
from publisher.delivery.gates import check_approval, check_gate
from publisher.delivery.pace import Pace
from publisher.wire import total_deadline

KEPT = 600
SURE = frozenset({Effect.NOT_SENT, Effect.REFUSED, Effect.THROTTLED, Effect.CREDENTIAL, Effect.DISABLED})


@dataclass
class Pending:
    """What the next transaction writes."""

    steps: list[Step] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # step id -> columns
    memory: Json = field(default_factory=dict)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    once_closed: bool = False


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
        step_id = self._intend(name, native_key)
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
        self._pending.memory[name] = value

    def recall(self, name: str) -> Json | None:
        """What was remembered for this delivery."""
        return self._memory.get(name)

    def published_at(self) -> datetime:
        """Set, once, when the first public step is intended; the same gate as a once-only intent."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            delivery = self._enter(session, now)
            copy = session.get_one(Copy, delivery.copy_id)
            copy.published_at = copy.published_at or now
            at = copy.published_at
        if not self.holder.fresh():
            raise Transient(Effect.NOT_SENT, "stale", "本机心跳没有及时写入，为防覆盖没有发布", retry_after_s=1)
        return at

    def flush(self, session: Session, delivery: Delivery) -> None:
        """Write what waits in memory; part of the caller's transaction, under its guard."""
        pending, self._pending = self._pending, Pending()
        session.add_all(pending.steps)
        for step_id, columns in pending.answers.items():
            step = session.get_one(Step, step_id)
            if step.effect and columns["effect"] == Effect.UNKNOWN:
                continue  # it was settled by other news meanwhile
            for column, value in columns.items():
                setattr(step, column, value)
        if delivery.fence != self.claimed.fence:
            return
        if pending.once_closed:
            delivery.once_step = ""
        if pending.memory:
            delivery.memory = {**delivery.memory, **pending.memory}
        for row in pending.uploads:
            values = {**row, "account_id": self.account_id, "uploaded_at": self.house.clock.now()}
            session.execute(insert_for(session, Upload).values(**values).on_conflict_do_nothing())

    def _enter(self, session: Session, now: datetime) -> Delivery:
        delivery = guard(session, Delivery, self.claimed.row_id, self.claimed.fence)
        check_gate(session, delivery, now)
        check_approval(session, delivery)
        self.flush(session, delivery)
        delivery.step_at = now
        return delivery

    def _intend(self, name: str, native_key: str) -> int:
        now = self.house.clock.now()
        deadline = now + timedelta(seconds=self.pace.call_s)
        with self.house.db.write() as session:
            delivery = self._enter(session, now)
            delivery.once_step, delivery.once_at, delivery.once_deadline_at = name, now, deadline
            delivery.native_key = native_key or delivery.native_key
            if delivery.copy_id:
                copy = session.get_one(Copy, delivery.copy_id)
                copy.published_at = copy.published_at or now
            step = self._step(name, now, once=True, deadline_at=deadline)
            session.add(step)
            session.flush()
            return step.id

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
        step = self._step(name, began, once=False)
        step.result_at, step.effect = self.house.clock.now(), Effect(effect).value
        if error:
            step.code, step.message, step.answer = error.code, error.platform_message[:KEPT], error.raw[:KEPT]
        self._pending.steps.append(step)

    def _step(self, name: str, at: datetime, *, once: bool, deadline_at: datetime | None = None) -> Step:
        return Step(
            delivery_id=self.claimed.row_id, fence=self.claimed.fence, name=name, once=once, intent_at=at,
            deadline_at=deadline_at,
        )  # fmt: skip
