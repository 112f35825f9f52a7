"""Who is logged in: the session cookie, the idle time-out and the actor handed to use cases."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.audit import Actor
from core.house import House
from core.models import Person
from dashboards.access import PUBLIC, allows, permission_of

IDLE_S = 1800
POLL_HEADER = "X-Wenzheng-Poll"  # requests the page makes by itself do not keep a session alive
ALWAYS_OPEN = {"session.password", "session.save_password", "session.sign_out"}


class StaffUser(UserMixin):
    """The logged-in person of one request."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.roles = person.roles
        self.name = person.display_name

    def get_id(self) -> str:
        return f"{self.person.id}:{self.person.session_version}"

    def may(self, permission: str) -> bool:
        return allows(permission, self.roles)


def house() -> House:
    """The house this Flask app was built with."""
    return cast(House, current_app.extensions["house"])


def reading() -> Session:
    """The request's one reading session; it ends with the request."""
    if "reading" not in g:
        g.stack = ExitStack()
        g.reading = g.stack.enter_context(house().db.read())
    return cast(Session, g.reading)


def reading_again() -> Session:
    """A new reading session that sees what this request itself has written."""
    _close_reading()
    return reading()


def actor() -> Actor:
    """The acting person of this request, for use cases and audit."""
    user = current_user
    return Actor(user.person.id, user.name, user.roles, request.remote_addr or "")


def load_user(key: str) -> StaffUser | None:
    """The person behind a session key, unless the session was ended or has been idle too long."""
    person_id, _, version = key.partition(":")
    person = reading().get(Person, int(person_id)) if person_id.isdigit() else None
    if person is None or not person.active or str(person.session_version) != version:
        return None
    now_s = house().clock.now().timestamp()
    if now_s - float(session.get("seen_s", 0)) > IDLE_S:
        session["timed_out"] = True
        return None
    if POLL_HEADER not in request.headers:
        session["seen_s"] = now_s
    return StaffUser(person)


def guard() -> BaseResponse | None:
    """Before every request: the declared permission decides; a route without one is refused."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return None  # no route: Flask answers 404 or 405
    permission = permission_of(view)
    if permission is None:
        abort(500, f"no permission declared for {request.endpoint}")
    if permission == PUBLIC:
        return None
    if not current_user.is_authenticated:
        return to_login()
    if current_user.person.must_change and request.endpoint not in ALWAYS_OPEN:
        return redirect(url_for("session.password"))
    if not current_user.may(permission):
        abort(403)
    return None


def local_path(target: str) -> str:
    """`target` when it is a path of this site, else the first page: no open redirect."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target


def install(app: Flask) -> None:
    """Hang the login manager, the guard and the closing of the reading session into the app."""
    manager = LoginManager()
    manager.session_protection = None  # an office behind a changing proxy would be thrown out at random
    manager.init_app(app)
    manager.user_loader(load_user)
    app.before_request(guard)

    @app.teardown_request
    def close_reading(_error: BaseException | None) -> None:
        _close_reading()


def _close_reading() -> None:
    stack: Any = g.pop("stack", None)
    g.pop("reading", None)
    if stack is not None:
        stack.close()


def to_login() -> BaseResponse:
    """Send the browser to the login page and back to where it was; a fragment asks the whole page to go."""
    if "HX-Request" in request.headers:
        parts = urlsplit(request.headers.get("HX-Current-URL", "/"))
        here = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return Response("请重新登录", 401, {"HX-Redirect": url_for("session.login", next=here)})
    if request.method == "GET":
        return redirect(url_for("session.login", next=request.full_path.rstrip("?")))
    back = urlsplit(request.referrer or "/").path
    return redirect(url_for("session.login", next=back, kept=1))
