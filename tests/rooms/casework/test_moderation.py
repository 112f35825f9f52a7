"""Decisions on site comments: by the entitled, undone when wrong, always audited."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from casework import moderation
from core.audit import Actor
from core.errors import CheckFailed, NotPermitted
from core.house import House
from core.models import Article, Audit, CommentDecision, SiteComment

AddPerson = Callable[..., Actor]


@pytest.fixture
def comment_id(either_house: House, add_person: AddPerson) -> int:
    author = add_person(either_house.db, "author", "editor").person_id
    with either_house.db.write() as session:
        article = Article(author_id=author, title="稿件")
        session.add(article)
        session.flush()
        comment = SiteComment(article_id=article.id, channel="website", author_name="网友", author_hash="h", text="好")
        session.add(comment)
        session.flush()
        return comment.id


def decide(house: House, who: Actor, comment_id: int, state: str, reason: str = "") -> str:
    with house.db.write() as session:
        return moderation.decide(session, who, comment_id, state, reason, house.clock.now()).state


def test_a_decision_can_be_undone_and_every_one_is_audited(
    either_house: House, add_person: AddPerson, comment_id: int
) -> None:
    who = add_person(either_house.db, "editor2", "editor")
    for state, reason in (("accepted", ""), ("rejected", "含个人信息"), ("pending", ""), ("accepted", "")):
        assert decide(either_house, who, comment_id, state, reason) == state
    with either_house.db.read() as session:
        assert session.scalars(select(CommentDecision)).one().state == "accepted"
        rows = session.scalars(select(Audit).where(Audit.subject_type == "comment").order_by(Audit.id)).all()
        assert [(row.action, row.detail["before"]) for row in rows] == [
            ("comment.accepted", "pending"),
            ("comment.rejected", "accepted"),
            ("comment.pending", "rejected"),
            ("comment.accepted", "pending"),
        ]


def test_rejecting_needs_a_reason(either_house: House, add_person: AddPerson, comment_id: int) -> None:
    who = add_person(either_house.db, "analyst2", "analyst")
    with pytest.raises(CheckFailed):
        decide(either_house, who, comment_id, "rejected", "  ")


@pytest.mark.parametrize("role", ["reviewer1", "reviewer2", "reviewer3", "leader"])
def test_other_roles_do_not_decide(house: House, people: AddPerson, role: str) -> None:
    with pytest.raises(NotPermitted):
        decide(house, people("other", role), 1, "accepted")


def test_a_job_does_not_decide_although_it_was_given_the_role(house: House) -> None:
    with pytest.raises(NotPermitted):
        decide(house, Actor.system("job", "editor"), 1, "accepted")  # type: ignore[arg-type]


def test_an_unknown_state_is_an_error(either_house: House, add_person: AddPerson, comment_id: int) -> None:
    who = add_person(either_house.db, "publisher2", "publisher")
    with pytest.raises(ValueError):
        decide(either_house, who, comment_id, "hidden")
