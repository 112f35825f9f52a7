"""Public-opinion issues: the list, and one issue with its trend, evidence, terms, reasons and the judgement."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models import Alert, Article, Evidence, Issue, Mention
from core.models.words import IssueState, Level
from core.ports import Problem
from dashboards.access import needs
from dashboards.charts import trend_chart, trend_sentence, trend_table
from dashboards.pages.articles import names_of
from dashboards.pages.mentions import about_mentions, newest_scores
from dashboards.paging import one_page
from dashboards.sessions import actor, house, reading
from monitors import figures, issues
from monitors.detection.series import OTHER_WEIGHT

SHOWN = 20
page = Blueprint("issues", __name__, url_prefix="/issues")


@page.get("")
@needs("issues.read")
def index() -> str:
    """Open ones by default, newest first."""
    session, state = reading(), request.args.get("state", "")
    query = select(Issue).order_by(Issue.last_at.desc())
    wanted = [state] if state in set(IssueState) else [IssueState.FOUND, IssueState.CONFIRMED]
    rows, paging = one_page(session, query.where(Issue.state.in_(wanted)))
    return render_template(
        "issues/index.html", rows=rows, paging=paging, state=state, states=list(IssueState),
        counts=evidence_counts(session, [row.id for row in rows]),
    )  # fmt: skip


@page.get("/<int:issue_id>")
@needs("issues.read")
def show(issue_id: int) -> str:
    """What it is about, how it grows, on what it rests."""
    return _page(issue_id, [])


@page.post("/<int:issue_id>")
@needs("issues.judge")
def judge(issue_id: int) -> str | Response | tuple[str, int]:
    """Confirm, dismiss, close or reopen."""
    form = request.form
    try:
        with house().db.write() as session:
            issues.judge(session, actor(), issue_id, form.get("state", ""), form.get("note", ""), house().clock.now())
    except CheckFailed as error:
        return _page(issue_id, error.problems), 422
    flash("研判已记下。", "done")
    return redirect(url_for("issues.show", issue_id=issue_id))


@page.post("/<int:issue_id>/level")
@needs("issues.judge")
def set_level(issue_id: int) -> str | Response | tuple[str, int]:
    """Set the level with a reason; only a person lowers one."""
    form = request.form
    try:
        with house().db.write() as session:
            issues.set_level(
                session, actor(), issue_id, form.get("level", ""), form.get("note", ""), house().clock.now()
            )
    except CheckFailed as error:
        return _page(issue_id, error.problems), 422
    flash("级别已调整。", "done")
    return redirect(url_for("issues.show", issue_id=issue_id))


def evidence_counts(session: Session, issue_ids: list[int]) -> dict[int, int]:
    """How many mentions belong to each issue."""
    query = select(Evidence.issue_id, func.count()).where(Evidence.issue_id.in_(issue_ids)).group_by(Evidence.issue_id)
    return {row[0]: row[1] for row in session.execute(query).all()}


def _page(issue_id: int, problems: list[Problem]) -> str:
    session = reading()
    issue = session.get(Issue, issue_id)
    if issue is None:
        abort(404)
    reasons: dict[str, Any] = issue.reasons
    mentions = _evidence(session, issue)
    trend = figures.issue_trend(session, issue_id, house().clock.now())
    top = {m.id: m for m in session.scalars(select(Mention).where(Mention.id.in_(reasons.get("top_posts", []))))}
    return render_template(
        "issues/show.html", issue=issue, reasons=reasons, problems=problems, mentions=mentions,
        chart=trend_chart(trend) if trend else {}, table=trend_table(trend) if trend else ([], []),
        sentence=trend_sentence(trend) if trend else "",
        total=evidence_counts(session, [issue_id]).get(issue_id, 0),
        scores=newest_scores(session, [m.id for m in mentions]),
        about=about_mentions(session, mentions), article=session.get(Article, reasons.get("article_id") or 0),
        first=session.get(Mention, reasons.get("first_post") or 0), top=list(top.values()), names=names_of(session),
        alerts=session.scalars(select(Alert).where(Alert.issue_id == issue_id).order_by(Alert.id.desc())).all(),
        moves=sorted(issues.MOVES[issue.state]), levels=list(Level), other_weight=OTHER_WEIGHT,
    )  # fmt: skip


def _evidence(session: Session, issue: Issue) -> list[Mention]:
    query = select(Mention).join(Evidence, Evidence.mention_id == Mention.id).where(Evidence.issue_id == issue.id)
    return list(
        session.scalars(query.order_by(Mention.text == "", Mention.likes.desc(), Mention.posted_at.desc()).limit(SHOWN))
    )


@page.get("/<int:issue_id>/trend.csv")
@needs("issues.read")
def trend_csv(issue_id: int) -> Response:
    """The numbers behind the chart, for a spreadsheet (UTF-8 with a mark, so that Excel reads the Chinese)."""
    trend = figures.issue_trend(reading(), issue_id, house().clock.now())
    if trend is None:
        abort(404)
    heads, rows = trend_table(trend)
    lines = [",".join(row) for row in [heads, *rows]]
    answer = Response("\ufeff" + "\r\n".join(lines) + "\r\n", mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=issue-{issue_id}.csv"
    return answer
