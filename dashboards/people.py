"""Staff: who there is, what they may do, their passwords. The one writer of the people tables; knows no page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import audit
from core.audit import Actor
from core.errors import CheckFailed, NotPermitted
from core.models import Person, RoleGrant
from core.models.words import Role
from core.ports import Problem
from dashboards.logins import forgive
from dashboards.passwords import check_password, hash_password, random_password, verify


@dataclass(frozen=True)
class NewPerson:
    """Somebody to be let in: login name, name as shown, roles, first password, whether to change it at once."""

    username: str
    display_name: str
    roles: Iterable[str]
    password: str
    must_change: bool = False


def create_person(session: Session, actor: Actor, new: NewPerson, now: datetime) -> Person:
    """Create a person who can log in; for administrators. Raises CheckFailed with the fields to mend, NotPermitted."""
    actor.need(Role.ADMINISTRATOR)
    username, display_name, wanted = new.username.strip().lower(), new.display_name.strip(), sorted(set(new.roles))
    problems = _name_problems(session, username, display_name) + _role_problems(wanted)
    problems += check_password(username, new.password) if username else []
    if problems:
        raise CheckFailed(problems)
    person = Person(
        username=username,
        display_name=display_name,
        password_hash=hash_password(new.password),
        must_change=new.must_change,
        created_at=now,
        grants=[RoleGrant(role=role) for role in wanted],
    )
    session.add(person)
    session.flush()
    audit.record(session, actor, "person.created", "person", person.id, username=username, roles=wanted)
    return person


def change_password(session: Session, actor: Actor, old: str, new: str, now: datetime) -> Person:
    """Change one's own password; ends every other session of this person. Raises CheckFailed."""
    person = _find(session, actor.person_id)
    if not verify(person.password_hash, old):
        raise CheckFailed([Problem("old", "原密码不对，请重新输入。")])
    problems = check_password(person.username, new, "new")
    if old == new:
        problems.append(Problem("new", "新密码与原密码相同，请换一个。"))
    if problems:
        raise CheckFailed(problems)
    _set_password(person, new, must_change=False)
    person.password_changed_at = now
    audit.record(session, actor, "person.password_changed", "person", person.id)
    return person


def reset_password(session: Session, actor: Actor, person_id: int, now: datetime) -> str:
    """Give a person a new random password, returned once; they must change it at the next login."""
    actor.need(Role.ADMINISTRATOR)
    person = _find(session, person_id)
    password = random_password()
    _set_password(person, password, must_change=True)
    person.password_changed_at = now
    forgive(session, person.id)
    audit.record(session, actor, "person.password_reset", "person", person.id)
    return password


def set_roles(session: Session, actor: Actor, person_id: int, roles: Iterable[str], now: datetime) -> Person:
    """Replace a person's roles; their open sessions end. The last administrator keeps the role."""
    actor.need(Role.ADMINISTRATOR)
    person, wanted = _find(session, person_id), set(roles)
    problems = _role_problems(sorted(wanted))
    if problems:
        raise CheckFailed(problems)
    if Role.ADMINISTRATOR in person.roles and Role.ADMINISTRATOR not in wanted:
        _keep_an_administrator(session, person)
    before = sorted(person.roles)
    person.grants = [grant for grant in person.grants if grant.role in wanted]
    person.grants += [RoleGrant(role=role) for role in sorted(wanted - person.roles)]
    person.session_version += 1
    audit.record(session, actor, "person.roles_set", "person", person.id, before=before, after=sorted(wanted))
    return person


def set_active(session: Session, actor: Actor, person_id: int, active: bool, now: datetime) -> Person:
    """Let a person in or keep them out; keeping out ends their sessions at once."""
    actor.need(Role.ADMINISTRATOR)
    person = _find(session, person_id)
    if not active:
        if person.id == actor.person_id:
            raise NotPermitted("不能停用自己。请由另一位管理员操作。")
        _keep_an_administrator(session, person)
    person.active = active
    person.session_version += 1
    audit.record(session, actor, "person.enabled" if active else "person.disabled", "person", person.id)
    return person


def _set_password(person: Person, password: str, must_change: bool) -> None:
    person.password_hash = hash_password(password)
    person.must_change = must_change
    person.session_version += 1


def _find(session: Session, person_id: int | None) -> Person:
    person = session.get(Person, person_id) if person_id is not None else None
    if person is None:
        raise NotPermitted("没有这个用户。请刷新页面。")
    return person


def _name_problems(session: Session, username: str, display_name: str) -> list[Problem]:
    problems = []
    if not username.isascii() or not username.replace("_", "").replace("-", "").isalnum() or len(username) > 40:
        problems.append(Problem("username", "用户名用小写字母、数字、横线或下划线，不超过 40 个字符。"))
    elif session.scalar(select(Person.id).where(Person.username == username)):
        problems.append(Problem("username", "这个用户名已经有人用了，请换一个。"))
    if not display_name or len(display_name) > 40:
        problems.append(Problem("display_name", "请填写姓名，不超过 40 个字。"))
    return problems


def _role_problems(roles: list[str]) -> list[Problem]:
    unknown = [role for role in roles if role not in set(Role)]
    if unknown or not roles:
        return [Problem("roles", "请至少选择一个角色。")]
    return []


def _keep_an_administrator(session: Session, person: Person) -> None:
    others = session.scalar(
        select(func.count(Person.id))
        .join(RoleGrant)
        .where(RoleGrant.role == Role.ADMINISTRATOR, Person.active, Person.id != person.id)
    )
    if Role.ADMINISTRATOR in person.roles and not others:
        raise NotPermitted("这是最后一位管理员，不能停用或取消角色。请先增加一位管理员。")
