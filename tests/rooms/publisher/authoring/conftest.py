"""Fixtures of the authoring tests."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from core.audit import Actor
from core.house import House
from tests.rooms.publisher.authoring.desk import Desk, open_desk


@pytest.fixture
def either_desk(either_house: House, add_person: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with two accounts whose channels render on paper, once on each database."""
    return open_desk(either_house, lambda name, *roles: add_person(either_house.db, name, *roles), monkeypatch)


@pytest.fixture
def desk(house: House, people: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with two accounts whose channels render on paper."""
    return open_desk(house, people, monkeypatch)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """`picture(format, size)` gives the bytes of a small picture."""

    def draw(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, (29, 78, 216)).save(out, kind, **options)
        return out.getvalue()

    return draw
