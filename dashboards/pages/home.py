"""The first page: is anything wrong, and what waits for me."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import alarms
from core.models import Alert, Article, Delivery, Issue
from core.models.words import ArticleState, DeliveryState, IssueState
from dashboards.access import needs, public
from dashboards.duty import duty
from dashboards.frame import waiting_reviews
from dashboards.live import live
from dashboards.sessions import StaffUser, house, reading

SHOWN = 8
page = Blueprint("home", __name__)


@page.get("/")
@needs("own")
def first() -> str:
    """Duty figures, alarms, my work, newest issues."""
    return render_template("home/first.html", **_content())


@page.get("/overview")
@needs("own")
def overview() -> Response:
    """The same as a fragment that refreshes itself; 304 while nothing changed."""
    return live(render_template("home/overview.html", **_content()))


@page.get("/healthz")
@public
def health() -> tuple[Response, int]:
    """Duty figures as JSON; 503 while a due delivery stands silent for longer than alarm_s or two copies are live."""
    now_figures = duty(house())
    well = not now_figures.silent and not now_figures.duplicates
    body = jsonify(
        status="ok" if well else "alarm",
        silent=now_figures.silent,
        silent_oldest_s=now_figures.silent_oldest_s,
        unknown=now_figures.unknown,
        late=now_figures.late,
        held=now_figures.held,
        duplicates=now_figures.duplicates,
        asked=now_figures.asked,
        at=house().clock.now().isoformat(),
    )
    return body, 200 if well else 503


def _content() -> dict[str, object]:
    session = reading()
    return {
        "duty": duty(house()),
        "alarms": alarms.standing(session)[:SHOWN],
        "work": my_work(session, current_user),
        "issues": open_issues(session) if current_user.may("issues.read") else None,
        "recent": session.scalars(select(Delivery).order_by(Delivery.step_at.desc().nullslast()).limit(SHOWN)).all(),
    }


def my_work(session: Session, user: StaffUser) -> dict[str, list[Article] | list[Delivery] | list[Alert]]:
    """What this person can act on now, by kind of work; kinds the role does not know are left out."""
    work: dict[str, list[Article] | list[Delivery] | list[Alert]] = {}
    if user.may("articles.review"):
        work["review"] = list(session.scalars(waiting_reviews(user, Article).order_by(Article.updated_at).limit(SHOWN)))
    if user.may("articles.write"):
        mine = select(Article).where(
            Article.author_id == user.person.id, Article.state.in_([ArticleState.RETURNED, ArticleState.DRAFT])
        )
        work["write"] = list(
            session.scalars(mine.order_by(Article.state.desc(), Article.updated_at.desc()).limit(SHOWN))
        )
    if user.may("deliveries.release"):
        ready = select(Article).where(Article.state == ArticleState.APPROVED).order_by(Article.updated_at)
        work["release"] = list(session.scalars(ready.limit(SHOWN)))
        stuck = select(Delivery).where(
            Delivery.state.in_([DeliveryState.UNKNOWN, DeliveryState.HELD, DeliveryState.REFUSED])
        )
        work["decide"] = list(session.scalars(stuck.order_by(Delivery.due_at).limit(SHOWN)))
    if user.may("issues.judge"):
        fresh = select(Alert).where(Alert.acknowledged_at.is_(None)).order_by(Alert.raised_at.desc())
        work["alerts"] = list(session.scalars(fresh.limit(SHOWN)))
    return work


def open_issues(session: Session) -> list[Issue]:
    """Issues nobody has closed, newest first."""
    still_open = Issue.state.in_([IssueState.FOUND, IssueState.CONFIRMED])
    return list(session.scalars(select(Issue).where(still_open).order_by(Issue.last_at.desc()).limit(SHOWN)))
