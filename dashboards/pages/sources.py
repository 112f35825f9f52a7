"""Collecting: every source, its last runs, and what could not be read; and the run log of the jobs."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import func, select

from core.clock import shanghai
from core.models import BudgetUse, Coverage, CrawlRun, JobRun, Source
from dashboards.access import needs
from dashboards.sessions import house, reading

SHOWN = 30
page = Blueprint("sources", __name__, url_prefix="/sources")


@page.get("")
@needs("accounts.read")
def index() -> str:
    """Sources with the newest coverage, today's requests, the last crawls, the last run of each job."""
    session = reading()
    newest = select(func.max(Coverage.id)).group_by(Coverage.source_id)
    coverage = {row.source_id: row for row in session.scalars(select(Coverage).where(Coverage.id.in_(newest)))}
    last_jobs = select(func.max(JobRun.id)).group_by(JobRun.job)
    today = shanghai(house().clock.now()).date()
    return render_template(
        "accounts/sources.html", sources=session.scalars(select(Source).order_by(Source.id)).all(), coverage=coverage,
        runs=session.scalars(select(CrawlRun).order_by(CrawlRun.id.desc()).limit(SHOWN)).all(),
        jobs=session.scalars(select(JobRun).where(JobRun.id.in_(last_jobs)).order_by(JobRun.job)).all(),
        budget=session.scalars(
            select(BudgetUse).where(BudgetUse.day == today).order_by(BudgetUse.account_id, BudgetUse.api)
        ).all(),
    )  # fmt: skip
