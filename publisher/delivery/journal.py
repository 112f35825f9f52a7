"""The ledger's pen for one delivery: intents before calls, results after them, under the fence of the claim.

Results of finished steps wait in memory for the next transaction: after a crash in between, the open intent speaks.
What it writes may be written again: a transaction that failed is tried anew, alone or with others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.claims import Claimed, Holder
from core.errors import ChannelError, Refused, Transient
from core.house import House
from core.models import Delivery, Media, Upload
from core.ports import Effect, Json
from publisher.delivery.intents import Intent, Pending, begin, write_pending
from publisher.delivery.pace import Pace
from publisher.wire import total_deadline

KEPT = 600
SURE = frozenset({Effect.NOT_SENT, Effect.REFUSED, Effect.THROTTLED, Effect.CREDENTIAL, Effect.DISABLED})

# Built once: building them costs more than running them.
PICTURE = select(Media.content, Media.mime).where(Media.sha256 == bindparam("sha256"))
UPLOADED = select(Upload.remote).where(
    Upload.account_id == bindparam("account_id"), Upload.kind == bindparam("kind"),
    Upload.sha256 == bindparam("sha256"),
)  # fmt: skip


class LedgerJournal:
    """See core.ports.Journal. `uncertain` tells that a once-only call ended without an answer to trust.

    `called`: one may have begun.
    """

    def __init__(
        self, house: House, holder: Holder, claimed: Claimed, account_id: int, memory: Json, pace: Pace
    ) -> None:
        self.house, self.holder, self.claimed, self.pace = house, holder, claimed, pace
        self.account_id = account_id
        self.uncertain = self.called = False
        self._memory = dict(memory)
        self._pictures: dict[str, tuple[bytes | None, str]] = {}
        self.pending = Pending(account_id)

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
        self.called = True
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
        content, _mime = self._picture(sha256)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(Effect.REFUSED, "media", "图片与审定的不一致或已丢失，请重新上传后送审")
        return content

    def media_type(self, sha256: str) -> str:
        """Its MIME type."""
        _content, mime = self._picture(sha256)
        return mime

    def uploaded(self, kind: str, sha256: str, upload: Callable[[], Json]) -> Json:
        """The platform's answer for this picture; asked for once per account, kind and digest."""
        with self.house.db.read() as session:
            wanted = {"account_id": self.account_id, "kind": kind, "sha256": sha256}
            known = session.connection().execute(UPLOADED, wanted).scalar()
        if known is not None:
            return known
        remote: Json = self.repeatable("picture", upload)
        self.pending.uploads.append({"kind": kind, "sha256": sha256, "remote": remote})
        return remote

    def remember(self, name: str, value: Json) -> None:
        """Kept with the next transaction, at the latest with the next intent."""
        self._memory[name] = value
        self.pending.memory = dict(self._memory)

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
        write_pending(session.connection(), [self.pending], self.house.clock.now())
        if delivery.fence != self.claimed.fence:
            return
        for column, value in self.pending.columns().items():
            setattr(delivery, column, value)

    def settle(self) -> None:
        """What waited was committed."""
        self.pending = Pending(self.account_id)

    def _picture(self, sha256: str) -> tuple[bytes | None, str]:
        """Bytes and MIME type as they are stored; read once in a delivery."""
        if sha256 not in self._pictures:
            with self.house.db.read() as session:
                found = session.connection().execute(PICTURE, {"sha256": sha256}).first()
            self._pictures[sha256] = (found.content, found.mime) if found else (None, "")
        return self._pictures[sha256]

    def _commit(self, columns: dict[str, Any]) -> tuple[datetime, int]:
        """One short transaction under fence and gate; (the copy's instant, number of the step begun or 0)."""
        now = self.house.clock.now()
        name, deadline_at = str(columns.get("once_step", "")), columns.get("once_deadline_at")
        step = _step_of(self.claimed, name, now, once=True, deadline_at=deadline_at) if columns else None
        done = self.house.db.gathered(begin, Intent(self.claimed, now, columns, self.pending, step))
        self.settle()
        return done

    def _answer(self, step_id: int, effect: str, error: ChannelError | None = None) -> None:
        columns = {"effect": Effect(effect).value, "result_at": self.house.clock.now()}
        if error:
            columns |= {"code": error.code, "message": error.platform_message[:KEPT], "answer": error.raw[:KEPT]}
        self.pending.answers[step_id] = columns
        if effect == Effect.DONE or effect in SURE:
            self.pending.once_closed = True
        else:
            self.uncertain = True

    def _note(self, name: str, began: datetime, effect: str, error: ChannelError | None = None) -> None:
        step = _step_of(self.claimed, name, began, once=False)
        step |= {"result_at": self.house.clock.now(), "effect": Effect(effect).value}
        if error:
            step |= {"code": error.code, "message": error.platform_message[:KEPT], "answer": error.raw[:KEPT]}
        self.pending.steps.append(step)


def _step_of(claimed: Claimed, name: str, at: datetime, *, once: bool, deadline_at: datetime | None = None) -> Json:
    return {
        "delivery_id": claimed.row_id, "fence": claimed.fence, "name": name, "once": once, "intent_at": at,
        "deadline_at": deadline_at, "result_at": None, "effect": "", "code": "", "message": "", "answer": "",
    }  # fmt: skip
