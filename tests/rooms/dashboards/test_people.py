"""Staff, passwords and locking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.audit import Actor
from core.errors import CheckFailed, NotPermitted
from core.house import House
from core.models import Audit, Person
from core.models.words import Role
from dashboards import people as staff

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
GOOD = "liang-yi-feng-7"
ADMIN = Actor.system("init", Role.ADMINISTRATOR)


def create(
    house: House, username: str = "wang", roles: tuple[str, ...] = (Role.EDITOR,), actor: Actor = ADMIN
) -> Person:
    with house.db.write() as session:
        return staff.create_person(session, actor, username, "王编辑", roles, GOOD, NOW)


def test_the_right_password_lets_in_and_is_written_down(house: House) -> None:
    create(house)
    person = staff.sign_in(house.db, "WANG ", GOOD, "127.0.0.1", NOW)
    assert person is not None
    assert person.last_login_at == NOW
    with house.db.read() as session:
        assert "person.signed_in" in set(session.scalars(select(Audit.action)))


def test_the_password_is_stored_only_as_an_argon2_hash(house: House) -> None:
    person = create(house)
    assert person.password_hash.startswith("$argon2id$")
    assert GOOD not in person.password_hash


def test_five_failures_lock_for_a_quarter_of_an_hour_even_for_the_right_password(house: House) -> None:
    create(house)
    for _ in range(5):
        assert staff.sign_in(house.db, "wang", "wrong-wrong-1", "", NOW) is None
    assert staff.sign_in(house.db, "wang", GOOD, "", NOW + timedelta(minutes=14)) is None
    assert staff.sign_in(house.db, "wang", GOOD, "", NOW + timedelta(minutes=16)) is not None


def test_a_success_forgets_earlier_failures(house: House) -> None:
    create(house)
    for _ in range(2):
        for _ in range(4):
            staff.sign_in(house.db, "wang", "wrong-wrong-1", "", NOW)
        assert staff.sign_in(house.db, "wang", GOOD, "", NOW) is not None


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = staff.verify
    monkeypatch.setattr(staff, "verify", lambda stored, given: checked.append(stored) or real(stored, given))
    assert staff.sign_in(house.db, "nobody", "x" * 12, "", NOW) is None
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$")


@pytest.mark.parametrize("password", ["short-1", "wang-is-my-name", "aaaaaaaaaaaa"])
def test_weak_passwords_are_refused_with_the_field(house: House, password: str) -> None:
    with house.db.write() as session, pytest.raises(CheckFailed) as refused:
        staff.create_person(session, ADMIN, "wang", "王", [Role.EDITOR], password, NOW)
    assert {problem.field for problem in refused.value.problems} == {"password"}


def test_names_and_roles_are_checked(house: House) -> None:
    create(house)
    with house.db.write() as session, pytest.raises(CheckFailed) as refused:
        staff.create_person(session, ADMIN, "wang", "", [], GOOD, NOW)
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
    assert staff.sign_in(house.db, "wang", GOOD, "", NOW) is None
    assert staff.sign_in(house.db, "wang", "another-good-1", "", NOW) is not None


def test_a_reset_gives_a_password_that_must_be_changed(house: House) -> None:
    person = create(house)
    with house.db.write() as session:
        password = staff.reset_password(session, ADMIN, person.id, NOW)
    again = staff.sign_in(house.db, "wang", password, "", NOW)
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
    assert staff.sign_in(house.db, "boss", GOOD, "", NOW) is None
