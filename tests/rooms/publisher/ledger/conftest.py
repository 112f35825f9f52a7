"""Databases and desks for the ledger's tests: a test that asks for `db` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db import Database
from tests.rooms.publisher.ledger.scripted import Desk


@pytest.fixture
def db(database: Database) -> Database:
    return database


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A press office on a scripted outbound door and a clock that is moved by hand."""
    opened = Desk(tmp_path / "home")
    yield opened
    opened.close()
