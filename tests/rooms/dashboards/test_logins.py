"""How often somebody may try to log in, and that a stranger's guesses keep nobody out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from core.audit import Actor
from core.house import House
from core.models import Audit, LoginFailure
from core.models.words import Role
from dashboards import logins, people
from dashboards.logins import ADDRESS_MOST, NAME_MOST, PAIR_MOST, Answer, Attempt, sign_in
from dashboards.people import NewPerson
from dashboards.web import create_app
from tests.rooms.dashboards.conftest import PASSWORD, Staff, log_in

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADMIN = Actor.system("init", Role.ADMINISTRATOR)
OFFICE, HOME = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def wang(house: House) -> int:
    return add(house, "wang")


def add(house: House, username: str) -> int:
    with house.db.write() as session:
        return people.create_person(session, ADMIN, NewPerson(username, username, [Role.EDITOR], PASSWORD), NOW).id


def right(house: House, address: str, now: datetime = NOW, name: str = "wang") -> Answer:
    return sign_in(house, Attempt(name, PASSWORD, address), now)


def wrong(house: House, address: str, now: datetime = NOW, name: str = "wang", times: int = 1) -> Answer:
    return [sign_in(house, Attempt(name, "wrong-wrong-1", address), now) for _ in range(times)][-1]


def trail(house: House) -> list[tuple[str, str]]:
    with house.db.read() as session:
        return [(row.action, row.address) for row in session.scalars(select(Audit).order_by(Audit.id))]


def test_five_failures_from_one_address_stop_it_for_a_quarter_of_an_hour(house: House, wang: int) -> None:
    assert wrong(house, HOME, times=PAIR_MOST - 1).wait_s == 0
    assert wrong(house, HOME).wait_s == 900
    assert right(house, HOME, NOW + 14 * MINUTE) == Answer(None, 60)
    assert right(house, HOME, NOW + 15 * MINUTE).person is not None
    assert trail(house).count(("person.locked", HOME)) == 1


def test_the_same_person_comes_in_from_another_address_meanwhile(house: House, wang: int) -> None:
    wrong(house, HOME, times=PAIR_MOST)
    assert right(house, OFFICE).person is not None


def test_waiting_attempts_do_not_lengthen_the_wait(house: House, wang: int) -> None:
    wrong(house, HOME, times=PAIR_MOST)
    wrong(house, HOME, NOW + 10 * MINUTE, times=50)
    assert right(house, HOME, NOW + 15 * MINUTE).person is not None


def test_a_success_forgets_this_address_failures(house: House, wang: int) -> None:
    for _ in range(3):
        wrong(house, HOME, times=PAIR_MOST - 1)
        assert right(house, HOME).person is not None


def test_one_address_that_tries_many_names_is_stopped_for_all_of_them(house: House, wang: int) -> None:
    for number in range(ADDRESS_MOST):
        wrong(house, HOME, name=f"name{number}")
    assert right(house, HOME).wait_s == 900
    assert right(house, OFFICE).person is not None


def test_addresses_of_one_household_count_as_one(house: House, wang: int) -> None:
    for number in range(PAIR_MOST):
        wrong(house, f"2001:db8:0:1::{number + 1:x}")
    assert right(house, "2001:db8:0:1::ffff").wait_s == 900
    assert right(house, "2001:db8:0:2::1").person is not None


def test_a_guess_from_many_machines_stops_strange_addresses_and_never_the_persons_own(house: House, wang: int) -> None:
    assert right(house, OFFICE, NOW - 30 * 24 * 60 * MINUTE).person is not None
    for minute in range(120):
        wrong(house, f"192.0.2.{minute}", NOW + minute * MINUTE)
    later = NOW + 120 * MINUTE
    for number in range(NAME_MOST):
        wrong(house, f"192.0.3.{number}", later)
    assert right(house, HOME, later).wait_s > 0
    assert right(house, OFFICE, later).person is not None


def test_an_unknown_name_is_told_the_same_as_a_known_one(house: House, wang: int) -> None:
    known = [wrong(house, HOME).wait_s for _ in range(PAIR_MOST + 1)]
    unknown = [wrong(house, OFFICE, name="nobody").wait_s for _ in range(PAIR_MOST + 1)]
    assert known == unknown
    assert trail(house).count(("person.sign_in_failed", OFFICE)) == PAIR_MOST


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = logins.verify
    monkeypatch.setattr(logins, "verify", lambda stored, given: checked.append(stored) or real(stored, given))
    assert wrong(house, HOME, name="nobody").person is None
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$")


def test_a_new_password_from_an_administrator_lets_in_at_once(house: House, wang: int) -> None:
    wrong(house, HOME, times=PAIR_MOST)
    with house.db.read() as session:
        assert logins.troubled(session, NOW) == {wang}
    with house.db.write() as session:
        password = people.reset_password(session, ADMIN, wang, NOW)
    assert sign_in(house, Attempt("wang", password, HOME), NOW).person is not None


def test_what_was_typed_as_a_name_is_stored_nowhere(house: House) -> None:
    wrong(house, HOME, name="my-secret-password")
    with house.db.read() as session:
        rows = [*session.scalars(select(LoginFailure)), *session.scalars(select(Audit))]
        assert rows
        assert all("my-secret" not in str(vars(row)) for row in rows)


def test_old_failures_are_deleted(house: House, wang: int) -> None:
    wrong(house, HOME, times=3)
    wrong(house, HOME, NOW + timedelta(days=2))
    with house.db.read() as session:
        assert session.scalar(select(func.count(LoginFailure.id))) == 1


def test_the_page_says_how_many_minutes_are_left(app: Flask, staff: Callable[..., Staff]) -> None:
    staff("li", Role.EDITOR)
    client = app.test_client()
    for _ in range(PAIR_MOST - 1):
        assert log_in(client, "li", "wrong-wrong-1").status_code == 401
    answer = log_in(client, "li", "wrong-wrong-1")
    assert answer.status_code == 429
    assert "请 15 分钟后再试" in answer.get_data(as_text=True)
    assert "登录受限" in staff("guanli", Role.ADMINISTRATOR).text("/people")


def test_behind_a_proxy_the_address_is_the_visitors(house: House) -> None:
    settings = house.settings.model_copy(update={"trusted_proxies": 1})
    client = create_app(replace(house, settings=settings)).test_client()
    page = client.get("/login", headers={"X-Forwarded-For": HOME}).get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "username": "wang", "password": "wrong-wrong-1"}
    client.post("/login", data=form, headers={"X-Forwarded-For": HOME})
    assert trail(house) == [("person.sign_in_failed", HOME)]
