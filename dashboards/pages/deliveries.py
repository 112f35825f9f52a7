"""The delivery matrix, lists by state, the calendar, and the story of one delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.clock import day_start, shanghai
from core.models import Account, Article, CopyEvent, Delivery, Payload
from core.models.words import DeliveryState
from dashboards.access import needs
from dashboards.live import live
from dashboards.pages.articles import names_of
from dashboards.paging import address_day, one_page
from dashboards.payloads import parts_of
from dashboards.sessions import house, reading
from dashboards.story import check_links, story_of
from publisher.delivery.duty import LATE_S, asked_rows, doubled_copies, silent_rows
from publisher.delivery.pace import pace_of

CALENDAR_DAYS = 14
page = Blueprint("deliveries", __name__, url_prefix="/deliveries")


@page.get("/matrix")
@needs("deliveries.read")
def matrix() -> str:
    """Rows are items, columns accounts; the table refreshes itself."""
    return render_template("deliveries/matrix.html", **_matrix(reading()))


@page.get("/matrix/table")
@needs("deliveries.read")
def matrix_table() -> Response:
    """The table alone; 304 while nothing changed."""
    return live(render_template("deliveries/table.html", **_matrix(reading())))


@page.get("")
@needs("deliveries.read")
def index() -> str:
    """Deliveries of one state, or of one of the duty figures."""
    state = request.args.get("state", "")
    rows, paging = one_page(reading(), _by_state(state))
    return render_template("deliveries/index.html", rows=rows, paging=paging, state=state, states=list(DeliveryState))


@page.get("/calendar")
@needs("deliveries.read")
def calendar() -> str:
    """Two weeks of what is planned and what went out, by day of Shanghai."""
    now = house().clock.now()
    first = address_day("from") or day_start(now) - timedelta(days=shanghai(now).weekday())
    last = first + timedelta(days=CALENDAR_DAYS)
    query = select(Delivery).where(Delivery.due_at >= first, Delivery.due_at < last).order_by(Delivery.due_at)
    days: list[dict[str, Any]] = [
        {"day": shanghai(first + timedelta(days=offset)), "rows": []} for offset in range(CALENDAR_DAYS)
    ]
    for delivery in reading().scalars(query):
        days[(shanghai(delivery.due_at).date() - shanghai(first).date()).days]["rows"].append(delivery)
    return render_template(
        "deliveries/calendar.html", days=days, today=shanghai(now).date(),
        before=shanghai(first - timedelta(days=CALENDAR_DAYS)).date(), after=shanghai(last).date(),
    )  # fmt: skip


@page.get("/<int:delivery_id>")
@needs("deliveries.read")
def story(delivery_id: int) -> str:
    """Everything known about one delivery; on an unknown one also the two verdicts."""
    return render_template("deliveries/story.html", **story_content(reading(), delivery_id))


@page.get("/<int:delivery_id>/events")
@needs("deliveries.read")
def events(delivery_id: int) -> Response:
    """The events alone; 304 while nothing changed."""
    return live(render_template("deliveries/events.html", **story_content(reading(), delivery_id)))


def story_content(session: Session, delivery_id: int) -> dict[str, Any]:
    """What the story page and its self-refreshing part show."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None:
        abort(404)
    copy = delivery.copy
    changes: list[CopyEvent] = []
    if copy:
        changes = list(session.scalars(select(CopyEvent).where(CopyEvent.copy_id == copy.id).order_by(CopyEvent.at)))
    payload = session.get(Payload, delivery.payload_id) if delivery.payload_id else None
    return {
        "delivery": delivery,
        "copy": copy,
        "events": story_of(session, delivery),
        "changes": changes,
        "payload": payload,
        "parts": parts_of(payload.template) if payload else [],
        "names": names_of(session),
        "links": check_links(delivery),
        "problems": [],
        "form": {},
        "pending": "",
        "verdict": "",
    }


def _matrix(session: Session) -> dict[str, Any]:
    last = select(Delivery.article_id, func.max(Delivery.id).label("newest")).group_by(Delivery.article_id).subquery()
    query = select(Article).join(last, last.c.article_id == Article.id).order_by(last.c.newest.desc())
    if not request.args.get("replies"):
        query = query.where(Article.kind == "article")
    articles, paging = one_page(session, query)
    cells = _cells(session, [article.id for article in articles])
    used = {account_id for _, account_id in cells}
    accounts = [a for a in session.scalars(select(Account).order_by(Account.id)) if a.enabled or a.id in used]
    return {"articles": articles, "accounts": accounts, "cells": cells, "paging": paging}


def _cells(session: Session, article_ids: list[int]) -> dict[tuple[int, int], dict[str, Any]]:
    """The newest delivery of each (article, account) with its copy and the number of copies ever."""
    cells: dict[tuple[int, int], dict[str, Any]] = {}
    for delivery in session.scalars(select(Delivery).where(Delivery.article_id.in_(article_ids)).order_by(Delivery.id)):
        cells[delivery.article_id, delivery.account_id] = {"delivery": delivery, "copy": delivery.copy}
    return cells


def _by_state(state: str) -> Select[Any]:
    """The same rows that publisher.delivery.figures counts, for the link behind each figure."""
    query = select(Delivery).order_by(Delivery.due_at.desc(), Delivery.id.desc())
    now, pace = house().clock.now(), pace_of(house().settings)
    ready = func.coalesce(Delivery.retry_at, Delivery.due_at)
    if state == "silent":
        return query.where(*silent_rows(now, pace))
    if state == "late":
        return query.where(Delivery.state == DeliveryState.PLANNED, ready <= now - pace.scaled(LATE_S))
    if state == "asked":
        return query.where(*asked_rows())
    if state == "duplicate":
        return query.where(Delivery.copy_id.in_(set().union(*doubled_copies(reading()).values())))
    return query.where(Delivery.state == state) if state in set(DeliveryState) else query
