"""Databases for the ledger's tests: each test that asks for `db` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from core.db import Database


@pytest.fixture
def db(database: Database) -> Database:
    return database
