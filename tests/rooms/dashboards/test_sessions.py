"""Logging in, staying in, being thrown out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask

from core.audit import Actor
from core.clock import FixedClock
from core.house import House
from core.models.words import Role
from dashboards import people as staff_rules
from dashboards.web import create_app
from tests.rooms.dashboards.conftest import PASSWORD, Staff, log_in

ADMIN = Actor.system("test", Role.ADMINISTRATOR)


def test_a_stranger_is_sent_to_the_login_page_and_back(app: Flask) -> None:
    answer = app.test_client().get("/articles?state=draft")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/articles?state%3Ddraft"


def test_a_wrong_password_says_the_same_for_known_and_unknown_names(app: Flask, staff: Callable[..., Staff]) -> None:
    staff("wang", Role.EDITOR)
    told = []
    for name in ("wang", "nobody"):
        answer = log_in(app.test_client(), name, "wrong-wrong-1")
        assert answer.status_code == 401
        told.append(answer.get_data(as_text=True).count("用户名或密码不对"))
    assert told == [1, 1]


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(app: Flask, staff: Callable[..., Staff]) -> None:
    staff("wang", Role.EDITOR)
    cookies = log_in(app.test_client(), "wang").headers.getlist("Set-Cookie")
    ours = next(cookie for cookie in cookies if cookie.startswith("wenzheng="))
    assert "HttpOnly" in ours
    assert "SameSite=Lax" in ours
    assert "Path=/" in ours


def test_secure_cookies_follow_the_setting(house: House) -> None:
    secure = replace(house, settings=house.settings.model_copy(update={"secure_cookies": True}))
    assert create_app(secure).config["SESSION_COOKIE_SECURE"] is True


def test_a_first_password_must_be_changed_before_anything_else(app: Flask, house: House) -> None:
    with house.db.write() as session:
        new = staff_rules.NewPerson("li", "李", [Role.EDITOR], PASSWORD, must_change=True)
        staff_rules.create_person(session, ADMIN, new, house.clock.now())
    client = app.test_client()
    log_in(client, "li")
    assert client.get("/articles").headers["Location"] == "/password"


@pytest.fixture
def still(house: House) -> tuple[House, FixedClock]:
    clock = FixedClock(datetime(2026, 11, 24, 4, 0, tzinfo=UTC))
    return replace(house, clock=clock), clock


def test_half_an_hour_without_work_ends_the_session_but_polling_does_not_count_as_work(
    still: tuple[House, FixedClock],
) -> None:
    house, clock = still
    with house.db.write() as session:
        new = staff_rules.NewPerson("li", "李", [Role.EDITOR], PASSWORD)
        staff_rules.create_person(session, ADMIN, new, clock.now())
    client = create_app(house).test_client()
    log_in(client, "li")
    clock.advance(1700)
    assert client.get("/articles").status_code == 200
    clock.advance(1700)
    assert client.get("/overview", headers={"X-Wenzheng-Poll": "1"}).status_code == 200
    clock.advance(200)
    answer = client.get("/overview", headers={"X-Wenzheng-Poll": "1", "HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")
    assert "自动退出" in client.get("/login").get_data(as_text=True)


def test_new_roles_end_the_open_session(house: House, staff: Callable[..., Staff]) -> None:
    editor = staff("wang", Role.EDITOR)
    assert editor.get("/articles").status_code == 200
    with house.db.write() as session:
        staff_rules.set_roles(session, ADMIN, editor.person_id, [Role.ANALYST], house.clock.now())
    assert editor.get("/articles").status_code == 302


def test_changing_the_own_password_keeps_this_session_and_ends_the_others(
    app: Flask, staff: Callable[..., Staff]
) -> None:
    first = staff("wang", Role.EDITOR)
    other = app.test_client()
    log_in(other, "wang")
    form = {"old": PASSWORD, "new": "yi-ge-xin-mi-ma-9", "again": "yi-ge-xin-mi-ma-9"}
    assert first.post("/password", **form).status_code == 302
    assert first.get("/articles").status_code == 200
    assert other.get("/articles").status_code == 302


def test_two_different_new_passwords_are_told_beside_the_field(staff: Callable[..., Staff]) -> None:
    answer = staff("wang", Role.EDITOR).post(
        "/password", old=PASSWORD, new="yi-ge-xin-mi-ma-9", again="bu-yi-yang-de-10"
    )
    assert answer.status_code == 422
    assert "不一样" in answer.get_data(as_text=True)


def test_logging_out_ends_the_session(staff: Callable[..., Staff]) -> None:
    editor = staff("wang", Role.EDITOR)
    editor.post("/logout")
    assert editor.get("/articles").status_code == 302


def test_looks_are_kept_in_a_cookie_and_unknown_ones_ignored(staff: Callable[..., Staff]) -> None:
    editor = staff("wang", Role.EDITOR)
    editor.post("/looks", theme="dark", size="gigantic")
    page = editor.text("/password")
    assert 'data-bs-theme="dark"' in page
    assert 'data-size="normal"' in page
