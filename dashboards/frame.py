"""What stands around every page: navigation with figures, alarms, freeze state, who I am, as of when."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask_login import current_user
from sqlalchemy import and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from core.models import (
    Alarm,
    Alert,
    Article,
    Case,
    CommentDecision,
    Delivery,
    Freeze,
    Issue,
    ReviewStep,
    Revision,
    SiteComment,
)
from core.models.words import ArticleKind, ArticleState, CaseState, DeliveryState, IssueState
from dashboards import labels
from dashboards.navigation import menu_for, phone_bar
from dashboards.sessions import StaffUser, house, reading

THEMES = {"light": "日间", "dark": "夜间"}
SIZES = {"normal": "标准字号", "large": "大字号"}


def install(app: Flask) -> None:
    """Register the context of every template and the label lookups."""
    app.jinja_env.globals.update(label=labels.label, sign=lambda value: labels.SIGNS.get(str(value), labels.NONE))
    app.context_processor(frame)


def frame() -> dict[str, Any]:
    """The template context: looks chosen by cookie, and for a logged-in person the menu and its figures."""
    looks = {
        "theme": request.cookies.get("theme") if request.cookies.get("theme") in THEMES else "light",
        "size": request.cookies.get("size") if request.cookies.get("size") in SIZES else "normal",
        "now": house().clock.now(),
        "site_name": house().settings.site_name,
    }
    if not current_user.is_authenticated:
        return looks | {"me": None}
    session = reading()
    return looks | {
        "me": current_user,
        "menu": menu_for(current_user.roles),
        "phone_bar": phone_bar(current_user.roles),
        "figures": menu_figures(session, current_user),
        "alarm_count": session.scalar(select(func.count(Alarm.id)).where(Alarm.cleared_at.is_(None))),
        "frozen": list(session.scalars(select(Freeze).where(Freeze.frozen))),
    }


def menu_figures(session: Session, user: StaffUser) -> dict[str, int]:
    """How many things wait behind a link of the menu; only what this person may act on."""
    questions = {
        "unknown": select(func.count(Delivery.id)).where(Delivery.state == DeliveryState.UNKNOWN),
        "review": waiting_reviews(user, func.count(Article.id)),
        "comments": select(func.count(SiteComment.id))
        .outerjoin(CommentDecision, CommentDecision.comment_id == SiteComment.id)
        .where(CommentDecision.comment_id.is_(None)),
        "cases": select(func.count(Case.id)).where(Case.state == CaseState.RECEIVED),
        "issues": select(func.count(Issue.id)).where(Issue.state == IssueState.FOUND),
        "alerts": select(func.count(Alert.id)).where(Alert.acknowledged_at.is_(None)),
    }
    return {name: session.scalar(question) or 0 for name, question in questions.items()}


def waiting_reviews(user: StaffUser, *columns: Any) -> Any:
    """Articles in review whose next step is one of this person's, and which this person neither wrote nor approved."""
    standing = (
        select(ReviewStep.revision_id, func.count(ReviewStep.id).label("done"))
        .where(ReviewStep.voided_at.is_(None), ReviewStep.decision == "approve")
        .group_by(ReviewStep.revision_id)
        .subquery()
    )
    mine = [step - 1 for step in (1, 2, 3) if f"reviewer{step}" in user.roles]
    acted = select(ReviewStep.article_id).where(
        ReviewStep.person_id == user.person.id,
        ReviewStep.voided_at.is_(None),
        ReviewStep.decision == "approve",
    )
    return (
        select(*columns)
        .select_from(Article)
        .outerjoin(standing, standing.c.revision_id == Article.head_id)
        .where(
            Article.state == ArticleState.IN_REVIEW,
            Article.author_id != user.person.id,
            Article.id.not_in(acted),
            Article.id.not_in(select(Revision.article_id).where(Revision.editor_id == user.person.id)),
            or_(
                and_(Article.kind == ArticleKind.ARTICLE, func.coalesce(standing.c.done, 0).in_(mine)),
                and_(Article.kind == ArticleKind.REPLY, true() if mine else false()),
            ),
        )
    )
