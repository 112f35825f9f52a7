"""Technical alarms of the house: what is open, what was cleared."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core import alarms
from core.audit import record
from core.models import Alarm
from core.models.words import Role
from dashboards.access import needs
from dashboards.paging import one_page
from dashboards.sessions import actor, house, reading

page = Blueprint("alarms", __name__, url_prefix="/alarms")


@page.get("")
@needs("own")
def index() -> str:
    """Open ones, loudest first; cleared ones on their own tab."""
    if request.args.get("cleared"):
        query = select(Alarm).where(Alarm.cleared_at.is_not(None)).order_by(Alarm.cleared_at.desc())
        rows, paging = one_page(reading(), query)
        return render_template("home/alarms.html", rows=rows, paging=paging)
    return render_template("home/alarms.html", rows=alarms.standing(reading()), paging=None)


@page.post("/<int:alarm_id>/clear")
@needs("alarms.clear")
def clear(alarm_id: int) -> Response:
    """Clear an alarm whose cause is dealt with; it comes back by itself if it is not."""
    with house().db.write() as session:
        who = actor()
        who.need(Role.ADMINISTRATOR, Role.PUBLISHER)
        alarm = session.get(Alarm, alarm_id)
        if alarm is None:
            abort(404)
        alarms.clear(session, alarm.dedup_key, who.name, house().clock.now())
        record(session, who, "alarm.clear", "alarm", alarm_id, key=alarm.dedup_key)
    flash("告警已消除；原因没解决的话会再次出现。", "done")
    return redirect(url_for("alarms.index"))
