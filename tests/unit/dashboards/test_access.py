"""Permissions and navigation."""

from __future__ import annotations

import pytest

from core.models.words import Role
from dashboards import access
from dashboards.navigation import MENU, PHONE, menu_for, phone_bar
from dashboards.sessions import local_path


def test_an_unknown_permission_is_refused_when_the_view_is_defined() -> None:
    with pytest.raises(KeyError):
        access.needs("no.such")


def test_every_entry_of_the_menu_names_a_known_permission() -> None:
    named = {entry.permission for group in MENU for entry in group.entries} | {entry.permission for entry in PHONE}
    assert named <= set(access.PERMISSIONS)


def test_only_the_publisher_releases_and_only_the_administrator_manages_people() -> None:
    assert [role for role in Role if access.allows("deliveries.release", frozenset({role}))] == [Role.PUBLISHER]
    assert [role for role in Role if access.allows("people.manage", frozenset({role}))] == [Role.ADMINISTRATOR]


@pytest.mark.parametrize("role", list(Role))
def test_nobody_sees_a_link_the_role_may_not_open(role: Role) -> None:
    roles = frozenset({str(role)})
    shown = [entry for group in menu_for(roles) for entry in group.entries] + phone_bar(roles)
    assert shown
    assert all(access.allows(entry.permission, roles) for entry in shown)
    assert len(phone_bar(roles)) <= 4


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_a_login_never_sends_anybody_to_another_site(target: str) -> None:
    assert local_path(target) == "/"
    assert local_path("/articles?q=1") == "/articles?q=1"
