"""The frozen briefs: the newest, any earlier one, and the query behind each of its numbers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.clock import shanghai
from core.models import Brief
from dashboards.access import needs
from dashboards.figure_words import cell, chips, table
from dashboards.sessions import house, reading
from monitors import briefs

SHOWN = 30
page = Blueprint("briefs", __name__, url_prefix="/briefs")


@page.get("")
@needs("briefs.read")
def latest() -> str:
    """The newest brief, daily or interim."""
    newest = reading().scalar(select(Brief).order_by(Brief.created_at.desc(), Brief.id.desc()).limit(1))
    return _page(newest)


@page.get("/<int:brief_id>")
@needs("briefs.read")
def show(brief_id: int) -> str:
    """An earlier brief, as it was frozen."""
    return _page(_find(brief_id))


@page.post("/interim")
@needs("issues.judge")
def make_interim() -> Response:
    """A brief of the running day, now."""
    brief = briefs.make(house(), shanghai(house().clock.now()).date())
    flash("快报已生成，数据截至现在。", "done")
    return redirect(url_for("briefs.show", brief_id=brief.id))


@page.get("/<int:brief_id>/figures/<name>")
@needs("briefs.read")
def figure(brief_id: int, name: str) -> str:
    """Where one number comes from: the sentence, the parameters, the SQL, the whole value."""
    return _figure(brief_id, _find(brief_id).figures["figures"].get(name))


@page.get("/<int:brief_id>/issues/<int:issue_id>/figures/<name>")
@needs("briefs.read")
def issue_figure(brief_id: int, issue_id: int, name: str) -> str:
    """The same for a number of one issue."""
    rows = [row for row in _find(brief_id).figures["issues"] if row["id"] == issue_id]
    return _figure(brief_id, rows[0]["figures"].get(name) if rows else None)


def _figure(brief_id: int, found: dict[str, Any] | None) -> str:
    if found is None:
        abort(404)
    heads, rows = table(found["value"])
    parameters = {key: cell(value) for key, value in found["query"]["parameters"].items()}
    return render_template(
        "briefs/figure.html", figure=found, heads=heads, rows=rows, parameters=parameters, brief=_find(brief_id)
    )


def _find(brief_id: int) -> Brief:
    brief = reading().get(Brief, brief_id)
    if brief is None:
        abort(404)
    return brief


def _page(brief: Brief | None) -> str:
    query = select(Brief).order_by(Brief.created_at.desc(), Brief.id.desc()).limit(SHOWN)
    return render_template(
        "briefs/show.html", brief=brief, content=brief.figures if brief else {}, chips=chips,
        others=reading().scalars(query).all(),
    )  # fmt: skip
