"""Fixtures shared by all tests: a clean environment, a house on SQLite, a real PostgreSQL, people with roles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.audit import Actor
from core.clock import FixedClock
from core.config import Settings
from core.db import Database
from core.house import House, create_tables, open_house
from core.models import Person, RoleGrant
from tests.services import ServiceMissing, postgres_server

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")
_numbers = count(1)


def _scrub() -> None:
    for name in list(os.environ):
        if name.startswith("WENZHENG_") or name.lower() in PROXIES:
            del os.environ[name]


_scrub()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or proxies of the machine, or those another test left behind."""
    for name in list(os.environ):
        if name.startswith("WENZHENG_") or name.lower() in PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon in Shanghai, 24 November 2026."""
    return FixedClock(datetime(2026, 11, 24, 4, 0, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of their own; no file of the machine is read."""
    return Settings(_env_file=None, home=tmp_path / "home")


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """An open house on SQLite with all tables and the freeze row `all`."""
    opened = open_house(settings, create=True)
    create_tables(opened.db)
    yield opened
    opened.close()


# --- PostgreSQL -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server of this test run (database `postgres`); it is stopped and removed at the end."""
    try:
        with postgres_server() as url:
            yield url
    except ServiceMissing as missing:
        pytest.fail(str(missing), pytrace=False)


def _create_database(server: str, name: str, template: str = "template1") -> str:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    engine.dispose()
    return server.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """Name of a PostgreSQL database with all tables, to be copied."""
    db = Database(_create_database(postgres_url, "wenzheng_template"))
    create_tables(db)
    db.dispose()
    return "wenzheng_template"


@pytest.fixture
def empty_postgres(postgres_url: str) -> str:
    """URL of a fresh PostgreSQL database without any table."""
    return _create_database(postgres_url, f"empty_{next(_numbers)}")


@pytest.fixture
def postgres_database_url(postgres_url: str, postgres_template: str) -> str:
    """URL of a fresh PostgreSQL database with all tables and the freeze row `all`."""
    return _create_database(postgres_url, f"test_{next(_numbers)}", postgres_template)


# --- both databases ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def either_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings whose database exists with all tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        settings.home.mkdir(parents=True)
        return settings
    return settings.model_copy(update={"database_url": request.getfixturevalue("postgres_database_url")})


@pytest.fixture
def either_house(either_settings: Settings) -> Iterator[House]:
    """An open house, once on SQLite and once on PostgreSQL."""
    opened = open_house(either_settings, create=True)
    create_tables(opened.db)
    yield opened
    opened.close()


@pytest.fixture
def database(either_settings: Settings) -> Iterator[Database]:
    """A database with all tables, once on SQLite and once on PostgreSQL."""
    opened = Database(either_settings.database)
    create_tables(opened)
    yield opened
    opened.dispose()


# --- people -----------------------------------------------------------------------------------------------------


@pytest.fixture
def add_person() -> Callable[..., Actor]:
    """`add_person(db, username, *roles)` stores a person and gives the actor they are."""

    def add(db: Database, username: str, *roles: str) -> Actor:
        with db.write() as session:
            person = Person(username=username, display_name=username, password_hash="!")  # nobody can log in with it
            person.grants = [RoleGrant(role=str(role)) for role in roles]
            session.add(person)
            session.flush()
            return Actor(person.id, person.display_name, person.roles, "127.0.0.1")

    return add


@pytest.fixture
def people(house: House, add_person: Callable[..., Actor]) -> Callable[..., Actor]:
    """`people(username, *roles)` stores a person in the house and gives the actor they are."""

    def add(username: str, *roles: str) -> Actor:
        return add_person(house.db, username, *roles)

    return add
