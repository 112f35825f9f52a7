"""What every process and web app is handed: settings, database, clock, vault, door, tokens, budget, index."""

from __future__ import annotations

from dataclasses import dataclass

from core import lexicon
from core.budget import Budget
from core.clock import Clock, SystemClock
from core.config import Settings
from core.db import Database, insert_for
from core.http import Door
from core.models import Base, Freeze
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
    lexicon.keep_cache(settings.home / "cache")
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
