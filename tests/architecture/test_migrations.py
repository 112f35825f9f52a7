"""The models and the migrations make the same tables, judged by the DDL the database itself reports.

Autogenerate does not see the predicate of a partial index, and that predicate is what guards the ledger.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, select, text

from core.db import Database
from core.models import Base, Freeze
from migrations import current, head, upgrade

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, ''), ordinal_position
FROM information_schema.columns WHERE table_schema = 'public'
"""
INDEXES = "SELECT indrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid "
INDEXES += "WHERE relnamespace = 'public'::regnamespace"
CONSTRAINTS = "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint "
CONSTRAINTS += "WHERE connamespace = 'public'::regnamespace"


def described(engine: Engine) -> set[str]:
    """Every table part, index and constraint as the database tells it, without Alembic's own table."""
    lines = _sqlite(engine) if engine.dialect.name == "sqlite" else _postgresql(engine)
    return {line for line in lines if "alembic_version" not in line}


def _sqlite(engine: Engine) -> Iterator[str]:
    with engine.connect() as connection:
        for name, sql in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")):
            flat = " ".join(sql.split())
            if not flat.startswith("CREATE TABLE"):
                yield flat
                continue
            body = flat[flat.index("(") + 1 : flat.rindex(")")]
            columns = [part for part in _parts(body) if not part.startswith("CONSTRAINT")]
            yield f"{name}: {'; '.join(columns)}"  # the order of columns counts, that of constraints does not
            yield from (f"{name}: {part}" for part in _parts(body) if part.startswith("CONSTRAINT"))


def _parts(body: str) -> list[str]:
    """The top-level, comma-separated parts of a table definition."""
    depth, parts, start = 0, [], 0
    for at, character in enumerate(body):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(body[start:at].strip())
            start = at + 1
    return [*parts, body[start:].strip()]


def _postgresql(engine: Engine) -> Iterator[str]:
    with engine.connect() as connection:
        for query in (COLUMNS, INDEXES, CONSTRAINTS):
            yield from (" | ".join(str(value) for value in row) for row in connection.execute(text(query)))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/migrated.sqlite"
    return request.getfixturevalue("empty_postgres")


@pytest.fixture
def other_empty_url(empty_url: str, tmp_path, request: pytest.FixtureRequest) -> str:
    if empty_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/modelled.sqlite"
    name = empty_url.rsplit("/", 1)[1] + "_models"
    engine = create_engine(request.getfixturevalue("postgres_url"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return empty_url.rsplit("/", 1)[0] + "/" + name


@pytest.fixture
def both(empty_url: str, other_empty_url: str) -> Iterator[tuple[Engine, Engine]]:
    """The migrated database and the one made from the models."""
    upgrade(empty_url)
    migrated, modelled = create_engine(empty_url), create_engine(other_empty_url)
    Base.metadata.create_all(modelled)
    yield migrated, modelled
    migrated.dispose()
    modelled.dispose()


def test_models_and_migrations_make_the_same_tables(both):
    migrated, modelled = (described(engine) for engine in both)
    assert migrated ^ modelled == set(), 'after a change of the models: python -m migrations "what changed"'
    assert len(migrated) > 100


def test_the_comparison_sees_a_changed_predicate_of_a_partial_index(both):
    migrated, modelled = both
    with migrated.begin() as connection:
        connection.execute(text("DROP INDEX uq_delivery_lane"))
        connection.execute(
            text(
                "CREATE UNIQUE INDEX uq_delivery_lane ON delivery (article_id, account_id)"
                " WHERE operation <> 'reply' AND state IN ('intended', 'sent')"
            )
        )
    different = described(migrated) ^ described(modelled)
    assert len(different) == 2
    assert all("uq_delivery_lane" in line for line in different)


def test_the_comparison_sees_a_column_that_may_be_empty(both):
    migrated, modelled = both
    with modelled.begin() as connection:
        connection.execute(text("ALTER TABLE media ADD COLUMN more VARCHAR"))
    assert any("more" in line for line in described(migrated) ^ described(modelled))


def test_an_upgraded_database_has_its_freeze_row_and_stands_at_the_head(empty_url):
    db = Database(empty_url)
    assert current(db.engine) is None
    upgrade(empty_url)
    upgrade(empty_url)
    assert current(db.engine) == head()
    with db.read() as session:
        rows = session.scalars(select(Freeze)).all()
        assert [(row.scope, row.frozen) for row in rows] == [("all", False)]
    db.dispose()


def test_two_processes_that_upgrade_at_once_leave_one_good_database(empty_url):
    failures: list[Exception] = []

    def run() -> None:
        try:
            upgrade(empty_url)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db = Database(empty_url)
    assert failures == []
    assert current(db.engine) == head()
    db.dispose()


def test_every_revision_is_numbered_and_follows_the_one_before():
    from migrations import HERE

    files = sorted((HERE / "versions").glob("*.py"))
    before = "None"
    for number, path in enumerate(files, start=1):
        code = path.read_text()
        assert path.name.startswith(f"{number:04}_")
        assert f'revision = "{number:04}"' in code
        assert re.search(rf"^down_revision = [\"']?{before}[\"']?$", code, re.MULTILINE)
        before = f"{number:04}"
