"""People added from the command line and by the demo."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from core.audit import Actor
from core.house import House
from core.models.words import Role
from dashboards.people import NewPerson, create_person

ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else


def random_password(length: int = 14) -> str:
    """Letters and digits that can be read out over a telephone; about 80 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def add_person(house: House, username: str, display_name: str, roles: Iterable[str], must_change: bool = True) -> str:
    """Create a person with a random initial password and return it; the one place where it is shown.

    With `must_change` the first login asks for a new one. Raises CheckFailed when the name is taken or malformed.
    """
    password = random_password()
    with house.db.write() as session:
        actor = Actor.system("command", Role.ADMINISTRATOR)
        new = NewPerson(username, display_name, list(roles), password, must_change)
        create_person(session, actor, new, house.clock.now())
    return password
