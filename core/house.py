"""What every process and web app is handed: settings, database, clock, vault, door, tokens, budget, index.

Also the settings staff may change at run time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.budget import Budget
from core.clock import Clock, SystemClock
from core.config import Settings
from core.db import Database, insert_for
from core.http import Door
from core.models import Base, Freeze, Setting
from core.ports import SearchIndex
from core.search import open_index
from core.tokens import Broker
from core.vault import Vault


@dataclass(frozen=True)
class House:
    """The services of one process. Frozen: nothing is swapped after the start."""

    settings: Settings
    db: Database
    clock: Clock
    vault: Vault
    door: Door
    tokens: Broker
    budget: Budget
    index: SearchIndex

    def close(self) -> None:
        """Give connections back."""
        self.door.close()
        self.db.dispose()


def open_house(settings: Settings, create: bool = False, clock: Clock | None = None) -> House:
    """Open every service of `settings`; NotConfigured without a master key, unless `create` may write one."""
    if create:
        settings.home.mkdir(parents=True, exist_ok=True)
    vault = Vault.open(settings.key_path, create)
    clock = clock or SystemClock()
    db = Database(settings.database)
    return House(
        settings=settings,
        db=db,
        clock=clock,
        vault=vault,
        door=Door(settings.private_allowed),
        tokens=Broker(db, vault, clock, settings.lease_s / settings.time_factor),
        budget=Budget(db, clock),
        index=open_index(settings),
    )


def create_tables(db: Database) -> None:
    """Every table and the freeze row `all`, without migrations: for tests and benchmarks."""
    Base.metadata.create_all(db.engine)
    with db.write() as session:
        session.execute(
            insert_for(session, Freeze).values(scope="all", frozen=False, reason="").on_conflict_do_nothing()
        )


def get_setting(session: Session, key: str, default: dict[str, Any]) -> dict[str, Any]:
    """The stored value of a run-time setting, or `default`."""
    setting = session.get(Setting, key)
    return default if setting is None else setting.value


def set_setting(session: Session, actor: Actor, key: str, value: dict[str, Any], now: datetime) -> None:
    """Store a run-time setting and its audit row; the caller has asked for the permission it needs."""
    before = get_setting(session, key, {})
    changed = {"value": value, "changed_at": now, "changed_by": actor.name}
    insert = insert_for(session, Setting).values(key=key, **changed)
    session.execute(insert.on_conflict_do_update(index_elements=["key"], set_=changed))
    session.expire_all()
    record(session, actor, "setting.change", "setting", key, before=before, after=value)
