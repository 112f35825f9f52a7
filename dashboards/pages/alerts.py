"""Alerts about issues: what was raised, why, who was told, who has seen it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.models import Alert, AlertSend
from core.models.words import Level
from dashboards.access import needs
from dashboards.pages.articles import names_of
from dashboards.paging import one_page
from dashboards.sessions import actor, house, local_path, reading
from monitors import alerts

page = Blueprint("alerts", __name__, url_prefix="/alerts")


@page.get("")
@needs("issues.read")
def index() -> str:
    """Unacknowledged ones by default; level and all in the address."""
    session = reading()
    query = select(Alert).order_by(Alert.acknowledged_at.is_not(None), Alert.raised_at.desc())
    if not request.args.get("all"):
        query = query.where(Alert.acknowledged_at.is_(None))
    if request.args.get("level") in set(Level):
        query = query.where(Alert.level == request.args["level"])
    rows, paging = one_page(session, query)
    sends: dict[int, list[AlertSend]] = {}
    for send in session.scalars(select(AlertSend).where(AlertSend.alert_id.in_([row.id for row in rows]))):
        if send.alert_id is not None:
            sends.setdefault(send.alert_id, []).append(send)
    return render_template(
        "issues/alerts.html", rows=rows, paging=paging, sends=sends, names=names_of(session), levels=list(Level)
    )


@page.post("/<int:alert_id>/acknowledge")
@needs("issues.judge")
def acknowledge(alert_id: int) -> Response:
    """I have seen it and take it on."""
    with house().db.write() as session:
        alerts.acknowledge(session, actor(), alert_id, house().clock.now())
    flash("已确认收到。", "done")
    target = (request.referrer or url_for("alerts.index")).removeprefix(request.host_url.rstrip("/"))
    return redirect(local_path(target))
