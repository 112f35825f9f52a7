"""Brings a database to the newest tables (Alembic), from code. Writes rows only where a table must not be empty."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from core.db import READ, Database

HERE = Path(__file__).parent
LOCK = 7_403_251  # any constant: upgrades of one PostgreSQL database queue behind it


def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` in one transaction; of several callers at once, one works and the others wait."""
    db = Database(url, pool_size=1)
    try:
        with db.engine.begin() as connection:
            if not db.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        db.dispose()


def current(engine: Engine) -> str | None:
    """The revision the database stands at; None when it has no tables of ours."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection.execution_options(**READ)).get_current_revision()


def head() -> str:
    """The newest revision of this version of the product."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config
