"""The message form (我要留言) and the tracking page. Name and contact go in sealed and are never shown again."""

from __future__ import annotations

import re
import secrets

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from casework import intake
from casework.intake import Incoming
from core.audit import Actor
from core.errors import CheckFailed
from core.http.addresses import address_key
from portal.access import house, wait_s
from portal.failures import failure, too_fast

CHANNEL = "portal"
FIELDS = ("title", "text", "name", "contact")
HONEYPOT = "homepage"
STATES = {"received": "已收到，待受理", "accepted": "已受理，办理中", "rejected": "不予受理", "closed": "已办结"}
NOT_FOUND = "编号或查询码不正确，请核对后再查。"

blueprint = Blueprint("messages", __name__, url_prefix="/messages")


@blueprint.get("/new")
def new_message() -> str:
    """The empty form. Its hidden `once` makes a second press of the button the same message."""
    return _form({"once": secrets.token_hex(16)}, {})


@blueprint.post("/new")
def post_message() -> Response | str | tuple[str, int]:
    """Take a message in and show number and tracking code, once."""
    if request.form.get(HONEYPOT):
        return failure(400)
    if wait := wait_s("message"):
        return too_fast(wait)
    filled = {name: request.form.get(name, "") for name in (*FIELDS, "once")}
    once = filled["once"] if re.fullmatch(r"[0-9a-f]{32}", filled["once"]) else ""
    opened = house()
    actor = Actor(None, CHANNEL, address=address_key(request.remote_addr or ""))
    try:
        with opened.db.write() as db:
            incoming = Incoming(
                CHANNEL, once, filled["title"], filled["text"], name=filled["name"], contact=filled["contact"]
            )
            accepted = intake.accept_message(db, actor, incoming, opened.vault, opened.clock.now())
    except CheckFailed as error:
        return _form(filled, {problem.field: problem.text for problem in error.problems}), 422
    number = accepted.case.number if accepted.tracking_code else ""  # a repeated form shows nothing of the case
    return render_template("portal/message_done.html", number=number, code=accepted.tracking_code)


@blueprint.get("/track")
def ask_track() -> str:
    """The form for number and tracking code."""
    return render_template("portal/track.html", number="", problem="")


@blueprint.post("/track")
def show_track() -> Response | str | tuple[str, int]:
    """State, deadline and public events of the case the code belongs to."""
    if wait := wait_s("track"):
        return too_fast(wait)
    number, code = request.form.get("number", "")[:40], request.form.get("code", "")[:40]
    opened = house()
    with opened.db.read() as db:
        case = intake.track(db, number, code, opened.vault)
        if case is None:
            return render_template("portal/track.html", number=number, problem=NOT_FOUND), 422
        events = intake.public_events(db, case.id)
        return render_template("portal/case.html", case=case, events=events, state=STATES[case.state])


def _form(filled: dict[str, str], problems: dict[str, str]) -> str:
    return render_template("portal/message.html", filled=filled, problems=problems, honeypot=HONEYPOT)
