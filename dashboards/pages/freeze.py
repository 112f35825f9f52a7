"""The emergency stop: who pressed it, why, and which calls are already out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from core.models import Account, Delivery, Freeze
from core.models.words import DeliveryState
from core.ports import Problem
from dashboards.access import needs
from dashboards.pages.articles import names_of
from dashboards.sessions import actor, house, reading
from publisher import delivery as ledger

page = Blueprint("freeze", __name__, url_prefix="/freeze")


@page.get("")
@needs("own")
def show() -> str:
    """The state of every switch and what is on its way."""
    return _page([])


@page.post("/press")
@needs("freeze.press")
def press() -> str | Response | tuple[str, int]:
    """Freeze everything or one account; one press is enough, since waiting costs more than stopping."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        return _page([Problem("reason", "请写明冻结的理由。")]), 422
    with house().db.write() as session:
        ledger.press_freeze(session, actor(), request.form.get("scope", "all"), reason, house().clock.now())
    flash("已冻结。此后不再发出任何发布、更正和回复；撤回、查证和采集照常。", "done")
    return redirect(url_for("freeze.show"))


@page.post("/lift")
@needs("freeze.press")
def lift() -> str | Response | tuple[str, int]:
    """Lift one switch; held items stay held until a person lets each go."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        return _page([Problem("lift", "请写明解除的理由。")]), 422
    with house().db.write() as session:
        ledger.lift_freeze(session, actor(), request.form.get("scope", "all"), reason, house().clock.now())
    flash("已解除冻结。暂扣的条目请逐条放行。", "done")
    return redirect(url_for("freeze.show"))


def _page(problems: list[Problem]) -> str:
    session = reading()
    accounts = {f"account:{a.id}": a for a in session.scalars(select(Account).order_by(Account.id))}
    return render_template(
        "deliveries/freeze.html", switches=session.scalars(select(Freeze).order_by(Freeze.scope)).all(),
        accounts=accounts, out=ledger.calls_out(session, "all"), names=names_of(session),
        problems=problems,
        held=session.scalars(select(Delivery).where(Delivery.state == DeliveryState.HELD).limit(50)).all(),
    )  # fmt: skip
