"""Users and roles; for administrators."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models import Person
from core.models.words import Role
from core.ports import Problem
from dashboards import people
from dashboards.access import needs
from dashboards.logins import troubled
from dashboards.passwords import random_password
from dashboards.people import NewPerson
from dashboards.sessions import actor, house, reading

page = Blueprint("people", __name__, url_prefix="/people")


@page.get("")
@needs("people.manage")
def index() -> str:
    """Everybody, and the form for a new person."""
    return _list()


@page.post("")
@needs("people.manage")
def create() -> str | tuple[str, int]:
    """Create a person; the random first password is shown on this answer and never again."""
    form = {"username": request.form.get("username", ""), "display_name": request.form.get("display_name", "")}
    roles, password = request.form.getlist("roles"), random_password()
    try:
        with house().db.write() as session:
            new = NewPerson(form["username"], form["display_name"], roles, password, must_change=True)
            person = people.create_person(session, actor(), new, house().clock.now())
    except CheckFailed as error:
        return _list(error.problems, form, roles), 422
    return _shown(person, password)


@page.post("/<int:person_id>/password")
@needs("people.manage")
def reset(person_id: int) -> str:
    """Give a new random password, shown once."""
    with house().db.write() as session:
        password = people.reset_password(session, actor(), person_id, house().clock.now())
    return _shown(_person(person_id), password)


@page.post("/<int:person_id>/roles")
@needs("people.manage")
def set_roles(person_id: int) -> Response:
    """Replace the roles."""
    with house().db.write() as session:
        person = people.set_roles(session, actor(), person_id, request.form.getlist("roles"), house().clock.now())
    flash(f"{person.display_name} 的角色已更新，需重新登录后生效。", "done")
    return redirect(url_for("people.index"))


@page.post("/<int:person_id>/active")
@needs("people.manage")
def set_active(person_id: int) -> Response:
    """Let in or keep out."""
    active = request.form.get("active") == "1"
    with house().db.write() as session:
        person = people.set_active(session, actor(), person_id, active, house().clock.now())
    flash(f"{person.display_name} 已{'启用' if active else '停用'}。", "done")
    return redirect(url_for("people.index"))


def _person(person_id: int) -> Person:
    person = reading().get(Person, person_id)
    if person is None:
        abort(404)
    return person


def _shown(person: Person, password: str) -> str:
    return render_template("people/password.html", person=person, password=password)


def _list(
    problems: list[Problem] | None = None, form: dict[str, str] | None = None, chosen: list[str] | None = None
) -> str:
    everybody = reading().scalars(select(Person).order_by(Person.active.desc(), Person.id)).all()
    return render_template(
        "people/index.html", everybody=everybody, roles=list(Role), problems=problems or [], form=form or {},
        chosen=chosen or [], troubled=troubled(reading(), house().clock.now()),
    )  # fmt: skip
