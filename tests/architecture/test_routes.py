"""Every staff route is behind a declared permission and real requests obey it; every POST needs its token."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from core.audit import Actor
from core.house import House
from core.models.words import Role
from dashboards import passwords
from dashboards.access import PERMISSIONS, PUBLIC, allows, permission_of
from dashboards.labels.errors import ERRORS
from dashboards.people import NewPerson, create_person
from dashboards.web import create_app

PASSWORD = "kan-kan-shi-jie-8"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
ARGUMENTS = {"sha256": "0" * 64, "kind": "weibo", "name": "mention_count"}
DENIED = ERRORS["http_403"].happened  # another 403, of a use case, has another


@pytest.fixture
def app(house: House, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    return create_app(house)


def rules(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every rule with one method and a path that could exist."""
    for rule in app.url_map.iter_rules():
        values = {name: ARGUMENTS.get(name, 1) for name in rule.arguments}
        with app.test_request_context():
            path = rule.build(values, append_unknown=False)
        assert path is not None
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, path[1]


def enter(app: Flask, house: House, username: str, *roles: str) -> tuple[FlaskClient, str]:
    """A logged-in browser and its token."""
    with house.db.write() as session:
        admin = Actor.system("test", Role.ADMINISTRATOR)
        create_person(session, admin, NewPerson(username, username, roles, PASSWORD), house.clock.now())
    client = app.test_client()
    token = _token(client, "/login")
    client.post("/login", data={"csrf_token": token, "username": username, "password": PASSWORD})
    return client, _token(client, "/password")


def _token(client: FlaskClient, path: str) -> str:
    found = TOKEN.search(client.get(path).get_data(as_text=True))
    assert found is not None
    return found.group(1)


def test_every_route_declares_a_known_permission(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        permission = permission_of(app.view_functions[rule.endpoint])
        assert permission == PUBLIC or permission in PERMISSIONS, f"{rule} declares {permission}"


def test_only_login_assets_and_health_are_public(app: Flask) -> None:
    public = {
        rule.endpoint for rule in app.url_map.iter_rules() if permission_of(app.view_functions[rule.endpoint]) == PUBLIC
    }
    assert public == {"session.login", "session.sign_in", "assets.kit", "assets.own", "home.health"}


def test_every_permission_is_used_by_some_route(app: Flask) -> None:
    used = {permission_of(app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()}
    assert set(PERMISSIONS) <= used


def test_a_route_without_a_permission_is_never_served(app: Flask, house: House) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "open")
    client, _ = enter(app, house, "boss", *Role)
    assert client.get("/forgotten").status_code == 500


def test_a_stranger_reaches_nothing_but_the_public_routes(app: Flask) -> None:
    client = app.test_client()
    token = _token(client, "/login")
    for rule, method, path in rules(app):
        if permission_of(app.view_functions[rule.endpoint]) != PUBLIC:
            answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
            assert answer.status_code == 302, f"{method} {path} gives {answer.status_code}"
            assert answer.headers["Location"].startswith("/login"), f"{method} {path}"


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_exactly_what_its_permissions_say(app: Flask, house: House, role: Role) -> None:
    client, token = enter(app, house, "one", role)
    for rule, method, path in rules(app):
        permission = permission_of(app.view_functions[rule.endpoint])
        if rule.endpoint in {"session.sign_out", "session.sign_in"}:
            continue  # they would end this very session
        answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        denied = answer.status_code == 403 and DENIED in answer.get_data(as_text=True)
        allowed = allows(str(permission), frozenset({str(role)}))
        assert denied is not allowed, f"{role} {method} {path} ({permission}) gives {answer.status_code}"
        assert answer.status_code < 500, f"{role} {method} {path} gives {answer.status_code}"


def test_every_post_without_its_token_is_refused(app: Flask, house: House) -> None:
    client, _ = enter(app, house, "boss", *Role)
    posts = [(method, path) for _, method, path in rules(app) if method == "POST"]
    assert len(posts) > 20
    for method, path in posts:
        answer = client.open(path, method=method)
        assert answer.status_code == 400, f"{path} gives {answer.status_code}"
        assert "csrf" in answer.get_data(as_text=True)
    assert {method for _, method, _ in rules(app)} == {"GET", "POST"}


def test_every_answer_carries_the_security_headers_and_no_inline_script(app: Flask, house: House) -> None:
    client, _ = enter(app, house, "boss", *Role)
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style|javascript:", re.IGNORECASE)
    for rule, method, path in rules(app):
        if method != "GET" or rule.endpoint.startswith("assets."):
            continue
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.mimetype == "text/html":
            assert not inline.search(answer.get_data(as_text=True)), f"{path} has inline script or style"


def test_nothing_but_the_listed_files_of_the_kit_is_served(app: Flask) -> None:
    client = app.test_client()
    with client.get("/assets/htmx.js") as kit:
        assert kit.status_code == 200
        assert "immutable" in kit.headers["Cache-Control"]
    for path in ("/assets/package.json", "/assets/../package.json", "/assets/%2e%2e/core/db.py", "/own/../web.py"):
        assert client.get(path).status_code == 404


def test_errors_are_told_in_chinese_with_what_to_do(app: Flask, house: House) -> None:
    client, _ = enter(app, house, "reader", Role.LEADER)
    for path, status, words in (("/no-such-page", 404, "没有这个页面"), ("/people", 403, "您没有权限看这个页面")):
        answer = client.get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert words in page
        assert "怎么办" in page
        assert f"代码 {status}" in page
