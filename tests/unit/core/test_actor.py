"""An actor passes only by a role it holds."""

import pytest

from core.audit import Actor
from core.errors import NotPermitted
from core.models.words import Role


def test_one_of_the_asked_roles_is_enough():
    actor = Actor(1, "李", frozenset({"editor", "reviewer1"}))
    actor.need(Role.REVIEWER1, Role.REVIEWER2)
    assert actor.has(Role.EDITOR)


def test_without_any_of_the_roles_the_person_is_told():
    with pytest.raises(NotPermitted, match="角色"):
        Actor(1, "李", frozenset({"editor"})).need(Role.PUBLISHER)


def test_a_job_has_no_role_unless_it_is_given_one():
    with pytest.raises(NotPermitted):
        Actor.system("scheduler").need(*Role)
    Actor.system("命令行", Role.ADMINISTRATOR).need(Role.ADMINISTRATOR)
