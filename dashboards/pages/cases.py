"""Citizens' messages: the list, one case with its events, and the citizen's contact against a reason."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from casework import handling, intake
from core.errors import CheckFailed
from core.models import Case, CaseEvent
from core.models.words import CaseState
from core.ports import Problem
from dashboards.access import needs
from dashboards.pages.articles import names_of
from dashboards.paging import one_page
from dashboards.sessions import actor, house, reading, reading_again

page = Blueprint("cases", __name__, url_prefix="/cases")


@page.get("")
@needs("cases.read")
def index() -> str:
    """Newest first; state and words in the address."""
    query = select(Case).order_by(Case.received_at.desc())
    if request.args.get("state") in set(CaseState):
        query = query.where(Case.state == request.args["state"])
    words = request.args.get("q", "").strip()
    if words:
        query = query.where(
            Case.number.contains(words, autoescape=True)
            | Case.title.contains(words, autoescape=True)
            | Case.text.contains(words, autoescape=True)
        )
    rows, paging = one_page(reading(), query)
    return render_template("cases/index.html", rows=rows, paging=paging, states=list(CaseState))


@page.get("/<int:case_id>")
@needs("cases.read")
def show(case_id: int) -> str:
    """One case."""
    return _page(case_id)


@page.post("/<int:case_id>/decide")
@needs("cases.handle")
def decide(case_id: int) -> str | Response | tuple[str, int]:
    """Accept, reject or close, with the words the citizen will read."""
    form = request.form
    if form.get("state") not in set(CaseState):
        return _page(case_id, [Problem("text", "请选择要办的事。")]), 422
    try:
        with house().db.write() as session:
            handling.decide(session, actor(), case_id, form["state"], form.get("text", ""), house().clock.now())
    except CheckFailed as error:
        return _page(case_id, error.problems), 422
    flash("已办理，群众在查询页可以看到。", "done")
    return redirect(url_for("cases.show", case_id=case_id))


@page.post("/<int:case_id>/contact")
@needs("cases.reveal")
def contact(case_id: int) -> str | tuple[str, int]:
    """Show name and contact once; who, when and why is written down."""
    reason = request.form.get("reason", "").strip()
    try:
        with house().db.write() as session:
            shown = intake.reveal_contact(session, actor(), case_id, reason, house().vault, house().clock.now())
    except CheckFailed as error:
        return _page(case_id, error.problems), 422
    reading_again()
    return _page(case_id, contact=shown)


def _page(case_id: int, problems: list[Problem] | None = None, contact: dict[str, str] | None = None) -> str:
    session = reading()
    case = session.get(Case, case_id)
    if case is None:
        abort(404)
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id)).all()
    return render_template(
        "cases/show.html", case=case, events=events, names=names_of(session), problems=problems or [], contact=contact,
        steps=sorted(handling.STEPS[CaseState(case.state)]),
    )  # fmt: skip
