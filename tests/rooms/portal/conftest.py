"""Fixtures of the portal's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.clock import FixedClock
from core.config import Settings
from core.house import create_tables, open_house
from tests.rooms.portal.square import Square, open_square


def _open(settings: Settings, clock: FixedClock) -> Iterator[Square]:
    house = open_house(settings, create=True, clock=clock)
    create_tables(house.db)
    yield open_square(house, clock)
    house.close()


@pytest.fixture
def square(settings: Settings, clock: FixedClock) -> Iterator[Square]:
    """The portal over SQLite and a clock that stands still."""
    yield from _open(settings, clock)


@pytest.fixture
def either_square(either_settings: Settings, clock: FixedClock) -> Iterator[Square]:
    """The portal, once over each database."""
    yield from _open(either_settings, clock)
