"""The audit log: who did what, when, from where; read only."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from sqlalchemy import select

from core.models import Audit
from dashboards.access import needs
from dashboards.labels import ACTIONS
from dashboards.pages.articles import names_of
from dashboards.paging import address_day, next_day, one_page
from dashboards.sessions import reading

page = Blueprint("audit", __name__, url_prefix="/audit")


@page.get("")
@needs("audit.read")
def index() -> str:
    """Newest first; person, action, subject and days in the address."""
    args, query = request.args, select(Audit).order_by(Audit.id.desc())
    if args.get("person", type=int):
        query = query.where(Audit.person_id == args.get("person", type=int))
    if args.get("action"):
        query = query.where(Audit.action == args["action"])
    if args.get("subject_type"):
        query = query.where(Audit.subject_type == args["subject_type"])
    if args.get("subject_id"):
        query = query.where(Audit.subject_id == args["subject_id"])
    since, until = address_day("since"), address_day("until")
    if since:
        query = query.where(Audit.at >= since)
    if until:
        query = query.where(Audit.at < next_day(until))
    rows, paging = one_page(reading(), query)
    return render_template("audit/index.html", rows=rows, paging=paging, names=names_of(reading()), actions=ACTIONS)
