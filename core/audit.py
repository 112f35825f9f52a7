"""Who acts, and the audit trail (留痕). Append only: no row is changed, and none deleted before its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.errors import NotPermitted
from core.models import Audit
from core.models.words import Role

LEAST_DAYS = 365  # the least a government internet application may keep
HIDDEN = "***"
SECRET_WORDS = ("password", "secret", "token", "aes_key", "authorization")


@dataclass(frozen=True)
class Actor:
    """A person, or a job of the house. A job has only the roles it was given by name."""

    person_id: int | None
    name: str
    roles: frozenset[str] = field(default_factory=frozenset)
    address: str = ""

    @classmethod
    def system(cls, name: str, *roles: Role) -> Actor:
        """A job or the command line; without roles it passes no `need`."""
        return cls(None, name, frozenset(str(role) for role in roles))

    def has(self, *roles: str) -> bool:
        """Whether the actor holds one of the roles."""
        return not self.roles.isdisjoint(str(role) for role in roles)

    def need(self, *roles: str) -> None:
        """Raise NotPermitted unless the actor holds one of the roles."""
        if not self.has(*roles):
            raise NotPermitted("您的角色不能进行此操作，请联系管理员")


def record(
    session: Session, actor: Actor, action: str, subject_type: str = "", subject_id: object = "", **detail: Any
) -> None:
    """Write one audit row in the caller's transaction; `detail` must be JSON, secrets in it are hidden."""
    session.add(
        Audit(
            person_id=actor.person_id,
            actor=actor.name,
            action=action,
            subject_type=subject_type,
            subject_id=str(subject_id),
            detail=_hide(detail),
            address=actor.address,
        )
    )


def purge(session: Session, kept_days: int, now: datetime) -> int:
    """Delete rows older than `kept_days`, never younger than LEAST_DAYS; how many. The deletion is audited itself."""
    before = now - timedelta(days=max(kept_days, LEAST_DAYS))
    gone = len(session.execute(delete(Audit).where(Audit.at < before).returning(Audit.id)).all())
    if gone:
        record(session, Actor.system("purge"), "audit.purge", "audit", rows=gone, before=before.isoformat())
    return gone


def _hide(value: Any, name: str = "") -> Any:
    if any(word in name.lower() for word in SECRET_WORDS) and isinstance(value, str | bytes):
        return HIDDEN
    if isinstance(value, dict):
        return {key: _hide(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(each, name) for each in value]
    return value
