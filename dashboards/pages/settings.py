"""Settings at run time, one form each; for administrators."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core import runtime
from core.errors import CheckFailed
from core.models import Setting
from core.ports import Problem
from dashboards.access import needs
from dashboards.sessions import actor, house, reading

page = Blueprint("settings", __name__, url_prefix="/settings")


@page.get("")
@needs("settings.manage")
def index() -> str:
    """Every setting with what is in force, its default, and who changed it last."""
    return _page("", [])


@page.post("/<key>")
@needs("settings.manage")
def save(key: str) -> str | Response | tuple[str, int]:
    """Change one; what is wrong is told beside the field, and what was typed stays."""
    if key not in runtime.TABLE:
        abort(404)
    try:
        with house().db.write() as session:
            runtime.change(session, actor(), key, request.form, house().clock.now())
    except CheckFailed as error:
        return _page(key, error.problems), 422
    flash(f"“{runtime.TABLE[key].label}”已保存。", "done")
    return redirect(url_for("settings.index") + f"#{key}")


def _page(wrong: str, problems: list[Problem]) -> str:
    session = reading()
    shown = {key: _typed(runtime.value_of(session, key)) for key in runtime.TABLE}
    if wrong:
        shown[wrong] = {each.name: request.form.get(each.name, "") for each in runtime.TABLE[wrong].entries}
    changed = {row.key: row for row in session.scalars(select(Setting))}
    return render_template(
        "settings/index.html", table=runtime.TABLE, shown=shown, changed=changed, wrong=wrong, problems=problems
    )


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    """A stored value as its form fields hold it."""
    return {name: "\n".join(each) if isinstance(each, list) else each for name, each in value.items()}
