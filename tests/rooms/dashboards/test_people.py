"""Staff and their passwords."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from core.audit import Actor
from core.errors import CheckFailed, NotPermitted
from core.house import House
from core.models import Audit, Person
from core.models.words import Role
from dashboards import people as staff
from dashboards.logins import Attempt, sign_in
from dashboards.people import NewPerson

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
GOOD = "liang-yi-feng-7"
ADMIN = Actor.system("init", Role.ADMINISTRATOR)


def create(
    house: House, username: str = "wang", roles: tuple[str, ...] = (Role.EDITOR,), actor: Actor = ADMIN
) -> Person:
    with house.db.write() as session:
        return staff.create_person(session, actor, NewPerson(username, "王编辑", roles, GOOD), NOW)


def enter(house: House, username: str, password: str, address: str, now: datetime = NOW) -> Person | None:
    return sign_in(house, Attempt(username, password, address), now).person


def test_the_right_password_lets_in_and_is_written_down(house: House) -> None:
    create(house)
    person = enter(house, "WANG ", GOOD, "127.0.0.1", NOW)
    assert person is not None
    assert person.last_login_at == NOW
    with house.db.read() as session:
        assert "person.signed_in" in set(session.scalars(select(Audit.action)))


def test_the_password_is_stored_only_as_an_argon2_hash(house: House) -> None:
    person = create(house)
    assert person.password_hash.startswith("$argon2id$")
    assert GOOD not in person.password_hash


@pytest.mark.parametrize("password", ["short-1", "wang-is-my-name", "aaaaaaaaaaaa"])
def test_weak_passwords_are_refused_with_the_field(house: House, password: str) -> None:
    with house.db.write() as session, pytest.raises(CheckFailed) as refused:
        staff.create_person(session, ADMIN, NewPerson("wang", "王", [Role.EDITOR], password), NOW)
    assert {problem.field for problem in refused.value.problems} == {"password"}


def test_names_and_roles_are_checked(house: House) -> None:
    create(house)
    with house.db.write() as session, pytest.raises(CheckFailed) as refused:
        staff.create_person(session, ADMIN, NewPerson("wang", "", [], GOOD), NOW)
    assert {problem.field for problem in refused.value.problems} >= {"username", "display_name", "roles"}


def test_only_an_administrator_creates_people(house: House, people: Callable[..., Actor]) -> None:
    with pytest.raises(NotPermitted):
        create(house, actor=people("li", Role.LEADER))


def test_changing_the_own_password_needs_the_old_one_and_ends_other_sessions(house: House) -> None:
    person = create(house)
    actor = Actor(person.id, person.display_name, person.roles)
    with house.db.write() as session, pytest.raises(CheckFailed):
        staff.change_password(session, actor, "wrong-old-one", "another-good-1", NOW)
    with house.db.write() as session:
        changed = staff.change_password(session, actor, GOOD, "another-good-1", NOW)
    assert changed.session_version == person.session_version + 1
    assert enter(house, "wang", GOOD, "", NOW) is None
    assert enter(house, "wang", "another-good-1", "", NOW) is not None


def test_a_reset_gives_a_password_that_must_be_changed(house: House) -> None:
    person = create(house)
    with house.db.write() as session:
        password = staff.reset_password(session, ADMIN, person.id, NOW)
    again = enter(house, "wang", password, "", NOW)
    assert again is not None
    assert again.must_change
    with house.db.read() as session:
        assert all(password not in str(detail) for detail in session.scalars(select(Audit.detail)))


def test_new_roles_end_open_sessions(house: House) -> None:
    person = create(house)
    with house.db.write() as session:
        changed = staff.set_roles(session, ADMIN, person.id, [Role.EDITOR, Role.ANALYST], NOW)
    assert changed.roles == {"editor", "analyst"}
    assert changed.session_version == person.session_version + 1


def test_the_last_administrator_stays(house: House) -> None:
    boss = create(house, "boss", (Role.ADMINISTRATOR,))
    with house.db.write() as session, pytest.raises(NotPermitted):
        staff.set_roles(session, ADMIN, boss.id, [Role.EDITOR], NOW)
    with house.db.write() as session, pytest.raises(NotPermitted):
        staff.set_active(session, ADMIN, boss.id, False, NOW)
    create(house, "second", (Role.ADMINISTRATOR,))
    with house.db.write() as session:
        assert not staff.set_active(session, ADMIN, boss.id, False, NOW).active
    assert enter(house, "boss", GOOD, "", NOW) is None
