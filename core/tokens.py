"""Access tokens shared by all processes: one writer at a time, compare-and-set, encrypted at rest.

Never called inside an open write transaction: fetching is a network call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Database, insert_for
from core.errors import CredentialExpired, Transient
from core.models import Token
from core.ports import Effect
from core.vault import Vault

REFRESH_LEASE_S = 30.0  # a refresher that died is succeeded after this
EARLY_S = 300.0  # renewed this long before it ends, or a tenth of its life if that is shorter
WAIT_TURN_S = 0.05
WAIT_TURNS = 300  # others wait 15 s for the one who refreshes
BELIEVED_S = 1.0  # a token is not read again for so long: what another process changed is noticed that much later


@dataclass(frozen=True)
class Fetched:
    """What a platform's token call gave."""

    value: str = field(repr=False)
    expires_in_s: float


def forget(session: Session, account_id: int) -> None:
    """Drop an account's token and its flag in the caller's transaction, e.g. because its credentials were changed."""
    session.execute(
        update(Token)
        .where(Token.account_id == account_id)
        .values(value=None, version=Token.version + 1, refreshing_until=None, flagged=False, error="")
    )


class Broker:
    """Hands out an account's token and has it fetched by one caller when it is missing, old or dead."""

    def __init__(self, db: Database, vault: Vault, clock: Clock, refresh_lease_s: float = REFRESH_LEASE_S) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock
        self._refresh_lease_s = refresh_lease_s
        self._believed: dict[int, tuple[str, datetime, float]] = {}  # account -> value, its end, until when (monotonic)
        self._dead: dict[int, str] = {}  # account -> the value refused last, never believed again

    def get(self, account_id: int, fetch: Callable[[], Fetched]) -> str:
        """The current token. One process calls `fetch`, the others wait for its result.

        CredentialExpired when the account is flagged; Transient when nothing came in time or the platform gave an
        empty token. What `fetch` raises comes through, and the next caller may try.
        """
        believed = self._remembered(account_id)
        if believed:
            return believed
        for _turn in range(WAIT_TURNS):
            token = self._read(account_id)
            value = self._living(token)
            if value:
                return value
            if token.flagged:
                raise CredentialExpired(Effect.CREDENTIAL, "flagged", token.error)
            if self._claim(account_id, token.version):
                return self._refresh(account_id, token.version, fetch)
            time.sleep(WAIT_TURN_S)
        raise Transient(Effect.NOT_SENT, "token_wait", "等待令牌刷新超时")

    def expired(self, account_id: int, seen_value: str) -> bool:
        """The platform refused `seen_value`: drop it if it is still current. False when it was replaced already."""
        self._dead[account_id] = seen_value
        token = self._read(account_id)
        if token.value is None or self._vault.decrypt(token.value).decode() != seen_value:
            return False
        current = (Token.account_id == account_id, Token.version == token.version, Token.value == token.value)
        return self._change(*current, value=None)

    def flag(self, account_id: int, reason: str) -> None:
        """No more refreshes for this account until a person renews the credentials; `reason` is Chinese."""
        self._believed.pop(account_id, None)
        self._ensure(account_id)
        self._change(Token.account_id == account_id, flagged=True, error=reason)

    def flagged(self, account_id: int) -> str:
        """Why the account is flagged; empty when it is not."""
        token = self._read(account_id)
        return (token.error or "凭据失效") if token.flagged else ""

    def renew(self, account_id: int) -> None:
        """The credentials were changed, or a person wants another try: forget the token and the flag."""
        with self._db.write() as session:
            forget(session, account_id)
        self._believed.pop(account_id, None)

    def _living(self, token: Token) -> str:
        if token.value is None or token.expires_at is None or token.expires_at <= self._clock.now():
            return ""
        value = self._vault.decrypt(token.value).decode()
        self._believed[token.account_id] = value, token.expires_at, self._clock.monotonic() + BELIEVED_S
        return value

    def _remembered(self, account_id: int) -> str:
        value, ends_at, until = self._believed.get(account_id, ("", None, 0.0))
        dead = value == self._dead.get(account_id) or self._clock.monotonic() >= until
        return value if ends_at and ends_at > self._clock.now() and not dead else ""

    def _claim(self, account_id: int, version: int) -> bool:
        now = self._clock.now()
        return self._change(
            Token.account_id == account_id,
            Token.version == version,
            or_(Token.refreshing_until.is_(None), Token.refreshing_until <= now),
            refreshing_until=now + timedelta(seconds=self._refresh_lease_s),
        )

    def _refresh(self, account_id: int, version: int, fetch: Callable[[], Fetched]) -> str:
        mine = (Token.account_id == account_id, Token.version == version)
        try:
            fetched = fetch()
            if not fetched.value:
                raise Transient(Effect.NOT_SENT, "token_empty", "平台返回了空令牌")
        except BaseException:
            self._change(*mine, refreshing_until=None)
            raise
        now = self._clock.now()
        stored = self._change(
            *mine,
            value=self._vault.encrypt(fetched.value.encode()),
            version=version + 1,
            expires_at=now + timedelta(seconds=_usable_s(fetched.expires_in_s)),
            refreshed_at=now,
            refreshing_until=None,
            error="",
        )
        return fetched.value if stored else self.get(account_id, fetch)

    def _read(self, account_id: int) -> Token:
        with self._db.read() as session:
            token = session.get(Token, account_id)
        if token is None:
            self._ensure(account_id)
            return self._read(account_id)
        return token

    def _ensure(self, account_id: int) -> None:
        with self._db.write() as session:
            row = {"account_id": account_id, "version": 0, "flagged": False, "error": ""}
            session.execute(insert_for(session, Token).values(**row).on_conflict_do_nothing())

    def _change(self, *where: ColumnElement[bool], **values: object) -> bool:
        with self._db.write() as session:
            done = session.execute(update(Token).where(*where).values(**values).returning(Token.account_id))
            return done.first() is not None


def _usable_s(expires_in_s: float) -> float:
    return expires_in_s - min(EARLY_S, expires_in_s / 10)
