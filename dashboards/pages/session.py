"""Log in and out, own password, looks of the pages."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from core import audit
from core.errors import CheckFailed
from core.ports import Problem
from dashboards import people
from dashboards.access import needs, public
from dashboards.frame import SIZES, THEMES
from dashboards.logins import Attempt
from dashboards.logins import sign_in as sign_in_person
from dashboards.sessions import StaffUser, actor, house, local_path

A_YEAR_S = 31_536_000
page = Blueprint("session", __name__)


@page.get("/login")
@public
def login() -> str:
    """The login form."""
    timed_out = session.pop("timed_out", False)
    return _form(timed_out=timed_out, kept=request.args.get("kept"))


@page.post("/login")
@public
def sign_in() -> str | Response | tuple[str, int]:
    """Check name and password; a new session starts, nothing of the old one is kept."""
    username = request.form.get("username", "")
    now = house().clock.now()
    attempt = Attempt(username, request.form.get("password", ""), request.remote_addr or "")
    answer = sign_in_person(house(), attempt, now)
    if answer.wait_s:
        return _form(username=username, minutes=max(1, -(-int(answer.wait_s) // 60))), 429
    if answer.person is None:
        return _form(username=username, failed=True), 401
    session.clear()
    session["seen_s"] = now.timestamp()
    login_user(StaffUser(answer.person))
    return redirect(local_path(request.args.get("next", "/")))


@page.post("/logout")
@needs("own")
def sign_out() -> Response:
    """End this session."""
    with house().db.write() as write:
        audit.record(write, actor(), "person.signed_out", "person", actor().person_id)
    logout_user()
    session.clear()
    return redirect(url_for("session.login"))


@page.get("/password")
@needs("own")
def password() -> str:
    """The form to change one's own password."""
    return render_template("session/password.html", problems=[])


@page.post("/password")
@needs("own")
def save_password() -> str | Response | tuple[str, int]:
    """Change the password; other sessions of this person end, this one goes on."""
    new = request.form.get("new", "")
    try:
        if new != request.form.get("again", ""):
            raise CheckFailed([Problem("again", "两次输入的新密码不一样，请重新输入。")])
        with house().db.write() as write:
            person = people.change_password(write, actor(), request.form.get("old", ""), new, house().clock.now())
    except CheckFailed as error:
        return render_template("session/password.html", problems=error.problems), 422
    login_user(StaffUser(person))
    flash("密码已修改，其他设备上的登录已退出。", "done")
    return redirect(url_for("home.first"))


@page.post("/looks")
@needs("own")
def save_looks() -> Response:
    """Remember colours and type size in a cookie of this browser."""
    answer = redirect(local_path((request.referrer or "/").removeprefix(request.host_url.rstrip("/"))))
    for name, allowed in (("theme", THEMES), ("size", SIZES)):
        value = request.form.get(name)
        if value in allowed:
            answer.set_cookie(
                name, value, max_age=A_YEAR_S, httponly=True, samesite="Lax", secure=house().settings.secure_cookies
            )
    return answer


def _form(username: str = "", **flags: object) -> str:
    target = local_path(request.args.get("next", "/"))
    return render_template("session/login.html", username=username, target=target, **flags)
