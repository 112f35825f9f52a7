"""Three reviews by three people on exactly what will go out. Each peer's way round an approval is tried here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import select

from core.audit import Actor
from core.errors import CheckFailed, NotPermitted, StaleRevision, TransitionNotAllowed
from core.models import Account, Article, Audit, Copy, Delivery, Mention, Payload, ReviewStep, Revision, Source
from publisher import authoring, review
from tests.rooms.publisher.authoring.desk import Desk


def test_three_people_in_turn_approve_an_article(either_desk: Desk) -> None:
    desk = either_desk
    article_id = desk.write()
    desk.submit(article_id)
    assert desk.state(article_id) == "in_review"
    for number, name in enumerate(("reviewer1", "reviewer2", "reviewer3"), start=1):
        assert not desk.approved(article_id)
        assert desk.decide(article_id, desk.actor(name)) == number
    assert desk.approved(article_id)
    assert desk.state(article_id) == "approved"


def test_the_steps_cannot_be_taken_out_of_order(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    with pytest.raises(NotPermitted):
        desk.decide(article_id, desk.actor("reviewer2"))
    desk.decide(article_id, desk.actor("reviewer1"))
    with pytest.raises(NotPermitted):
        desk.decide(article_id, desk.actor("reviewer3"))


def test_other_roles_do_not_review(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    for role in ("second", "publisher", "analyst", "leader", "administrator"):
        with pytest.raises(NotPermitted):
            desk.decide(article_id, desk.actor(role))


def test_an_author_with_every_role_cannot_approve_the_own_article(desk: Desk) -> None:
    everything = desk.actor("everything", "editor", "reviewer1", "reviewer2", "reviewer3", "publisher", "administrator")
    with desk.house.db.write() as session:
        article = authoring.create_article(session, everything, desk.draft(), "http://s", desk.house.clock.now())
    desk.submit(article.id)
    with pytest.raises(NotPermitted, match="作者"):
        desk.decide(article.id, everything)
    desk.approve_all(article.id)
    assert not desk.may_release(article.id, everything)


def test_whoever_edited_an_earlier_revision_counts_as_an_author(desk: Desk) -> None:
    helper = desk.actor("helper", "editor", "reviewer1", "publisher")
    article_id = desk.write()
    desk.save(article_id, desk.draft("帮忙改过的标题"), "helper")
    desk.save(article_id, desk.draft("作者又改的标题"))
    desk.submit(article_id)
    with pytest.raises(NotPermitted, match="作者"):
        desk.decide(article_id, helper)
    assert not desk.may_release(article_id, helper)


def test_no_person_acts_in_two_steps_whatever_roles_they_hold(desk: Desk) -> None:
    twice = desk.actor("twice", "reviewer1", "reviewer2", "reviewer3")
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, twice)
    with pytest.raises(NotPermitted, match="两个审次"):
        desk.decide(article_id, twice)


def test_two_steps_of_one_person_written_past_the_rule_do_not_count(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    with desk.house.db.write() as session:
        steps = list(session.scalars(select(ReviewStep).order_by(ReviewStep.step)))
        steps[1].person_id = steps[0].person_id
    assert not desk.approved(article_id)


def test_an_authors_step_written_past_the_rule_does_not_count(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    with desk.house.db.write() as session:
        steps = list(session.scalars(select(ReviewStep).order_by(ReviewStep.step)))
        steps[0].person_id = desk.actor("editor").person_id or 0
    assert not desk.approved(article_id)


def test_a_draft_never_submitted_is_neither_approved_nor_reviewable(desk: Desk) -> None:
    article_id = desk.write()
    assert not desk.approved(article_id)
    with pytest.raises(TransitionNotAllowed):
        desk.decide(article_id, desk.actor("reviewer1"), digest="0" * 64)


def test_a_state_set_by_hand_is_not_an_approval(desk: Desk) -> None:
    article_id = desk.write()
    with desk.house.db.write() as session:
        session.get_one(Article, article_id).state = "approved"
    assert not desk.approved(article_id)


def test_two_approvals_of_three_are_not_enough(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    desk.decide(article_id, desk.actor("reviewer2"))
    assert not desk.approved(article_id)
    assert desk.state(article_id) == "in_review"


def test_a_payload_changed_behind_the_approvals_voids_them(either_desk: Desk) -> None:
    desk = either_desk
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    with desk.house.db.write() as session:
        payload = session.scalars(select(Payload)).first()
        assert payload is not None
        payload.digest = "f" * 64
    assert not desk.approved(article_id)


def test_an_account_added_behind_the_approvals_voids_them(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id, desk.accounts[:1])
    desk.approve_all(article_id)
    head, _digest = desk.head(article_id)
    with desk.house.db.write() as session:
        session.add(Payload(revision_id=head, account_id=desk.accounts[1], template={}, digest="a" * 64))
    assert not desk.approved(article_id)


def test_the_digest_of_the_reviewers_page_must_be_the_stored_one(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    with pytest.raises(StaleRevision):
        desk.decide(article_id, desk.actor("reviewer1"), digest="b" * 64)


def test_a_page_opened_before_a_resubmission_cannot_approve_it(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    old_head, old_digest = desk.head(article_id)
    desk.save(article_id, desk.draft("换了内容"))
    desk.submit(article_id)
    now = desk.house.clock.now()
    with pytest.raises(StaleRevision), desk.house.db.write() as session:
        review.decide(
            session, desk.actor("reviewer1"), article_id, review.Judgement(old_head, old_digest, "approve"), now
        )


def test_editing_an_approved_article_needs_all_three_reviews_again(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    desk.save(article_id, desk.draft("审后加料"))
    with pytest.raises(TransitionNotAllowed):
        desk.decide(article_id, desk.actor("reviewer3"))
    desk.submit(article_id)
    with pytest.raises(NotPermitted):
        desk.decide(article_id, desk.actor("reviewer3"))
    desk.approve_all(article_id)
    assert desk.approved(article_id)


def test_an_edit_voids_the_approvals_of_a_revision_that_is_already_scheduled(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    head, _digest = desk.head(article_id)
    with desk.house.db.write() as session:
        session.add(
            Delivery(
                article_id=article_id, account_id=desk.accounts[0], revision_id=head, operation="publish",
                due_at=desk.house.clock.now(),
            )
        )  # fmt: skip
    desk.save(article_id, desk.draft("排期后改动"))
    with desk.house.db.read() as session:
        assert not review.is_approved(session, head)


def test_a_return_needs_a_reason_and_voids_the_earlier_steps(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    with pytest.raises(CheckFailed):
        desk.decide(article_id, desk.actor("reviewer2"), "return")
    desk.decide(article_id, desk.actor("reviewer2"), "return", "数据出处请写明")
    assert desk.state(article_id) == "returned"
    with desk.house.db.read() as session:
        steps = list(session.scalars(select(ReviewStep).order_by(ReviewStep.id)))
        assert [step.decision for step in steps] == ["approve", "return"]
        assert "数据出处请写明" in steps[0].void_reason


def test_a_returned_article_starts_at_the_first_step_with_payloads_of_its_own(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    first, digest = desk.head(article_id)
    desk.decide(article_id, desk.actor("reviewer1"), "return", "请核对")
    desk.submit(article_id)
    second, again = desk.head(article_id)
    assert second != first
    assert again == digest
    assert desk.decide(article_id, desk.actor("reviewer1")) == 1
    with desk.house.db.read() as session:
        assert len(session.scalars(select(Payload)).all()) == 4
        assert session.get_one(Revision, second).number == 2


def test_the_last_reviewer_may_release_the_earlier_ones_may_not(desk: Desk) -> None:
    first = desk.actor("first", "reviewer1", "publisher")
    last = desk.actor("last", "reviewer3", "publisher")
    article_id = desk.write()
    desk.submit(article_id)
    for who in (first, desk.actor("reviewer2"), last):
        desk.decide(article_id, who)
    assert desk.may_release(article_id, last)
    assert desk.may_release(article_id, desk.actor("publisher"))
    assert not desk.may_release(article_id, first)
    for role in ("editor", "reviewer3", "administrator", "leader"):
        assert not desk.may_release(article_id, desk.actor(role))


def test_every_decision_is_audited_with_its_digest(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    _head, digest = desk.head(article_id)
    with desk.house.db.read() as session:
        row = session.scalars(select(Audit).where(Audit.action == "review.approve")).one()
        assert row.person_id == desk.actor("reviewer1").person_id
        assert row.detail["digest"] == digest
        assert row.detail["step"] == 1


@pytest.fixture
def mention_id(desk: Desk) -> int:
    """A comment under a live copy on the second account."""
    article_id = desk.write()
    now = desk.house.clock.now()
    with desk.house.db.write() as session:
        copy = Copy(
            article_id=article_id, account_id=desk.accounts[1], state="live", remote_id="5001", receipt={"id": 1}
        )
        source = Source(spider="weibo_comments", account_id=desk.accounts[1], name="微博评论")
        session.add_all([copy, source])
        session.flush()
        mention = Mention(
            month="2026-11", source_id=source.id, copy_id=copy.id, article_id=article_id, kind="comment",
            external_id="c-77", text="什么时候轮到我们小区？", posted_at=now,
        )  # fmt: skip
        session.add(mention)
        session.flush()
        return mention.id


def draft_reply(desk: Desk, mention_id: int, who: str = "analyst", text: str = "明年三月开工。") -> Article:
    with desk.house.db.write() as session:
        return authoring.draft_reply(session, desk.actor(who), mention_id, text, desk.house.clock.now())


def test_a_reply_is_reviewed_once_by_another_person(desk: Desk, mention_id: int) -> None:
    reply = draft_reply(desk, mention_id)
    assert reply.kind == "reply"
    assert reply.answers["account_id"] == desk.accounts[1]
    assert (reply.answers["comment_id"], reply.answers["remote_id"]) == ("c-77", "5001")
    with desk.house.db.write() as session:
        authoring.submit(desk.house, session, desk.actor("analyst"), reply.id, [])
    assert desk.decide(reply.id, desk.actor("reviewer2")) == 1
    assert desk.approved(reply.id)
    with desk.house.db.read() as session:
        assert [row.account_id for row in session.scalars(select(Payload))] == [desk.accounts[1]]


def test_the_one_who_drafted_a_reply_cannot_review_it(desk: Desk, mention_id: int) -> None:
    both = desk.actor("both", "analyst", "reviewer1")
    reply = draft_reply(desk, mention_id, "both")
    with desk.house.db.write() as session:
        authoring.submit(desk.house, session, both, reply.id, [])
    with pytest.raises(NotPermitted):
        desk.decide(reply.id, both)


def test_one_comment_gets_one_reply_at_a_time(desk: Desk, mention_id: int) -> None:
    draft_reply(desk, mention_id)
    with pytest.raises(TransitionNotAllowed):
        draft_reply(desk, mention_id, "editor")


def test_a_comment_on_our_own_site_has_no_account_to_answer_from(desk: Desk, mention_id: int) -> None:
    with desk.house.db.write() as session:
        copy = session.scalars(select(Copy)).one()
        copy.account_id = desk.accounts[0]
    with pytest.raises(TransitionNotAllowed, match="渠道"):
        draft_reply(desk, mention_id)


def test_two_reviewers_at_the_same_moment_make_one_step(either_desk: Desk) -> None:
    desk = either_desk
    people = [desk.actor("first", "reviewer1"), desk.actor("second1", "reviewer1"), desk.actor("third1", "reviewer1")]
    article_id = desk.write()
    desk.submit(article_id)

    def approve(who: Actor) -> str:
        try:
            return f"step {desk.decide(article_id, who)}"
        except NotPermitted:
            return "refused"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(approve, people)) == ["refused", "refused", "step 1"]
    with desk.house.db.read() as session:
        assert [step.step for step in session.scalars(select(ReviewStep))] == [1]


def test_an_edit_and_an_approval_at_the_same_moment_leave_no_approved_edit(either_desk: Desk) -> None:
    desk = either_desk
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    desk.decide(article_id, desk.actor("reviewer2"))

    def approve() -> None:
        with suppress(StaleRevision, TransitionNotAllowed):
            desk.decide(article_id, desk.actor("reviewer3"))

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(approve), pool.submit(lambda: desk.save(article_id, desk.draft("同时修改")))]
        for each in done:
            each.result()
    assert not desk.approved(article_id)
    assert desk.state(article_id) == "draft"
    with desk.house.db.read() as session:
        assert all(step.voided_at for step in session.scalars(select(ReviewStep)))


def test_a_reply_needs_words_and_a_comment_that_is_still_there(desk: Desk, mention_id: int) -> None:
    with pytest.raises(CheckFailed):
        draft_reply(desk, mention_id, text="  ")
    with desk.house.db.write() as session:
        session.get_one(Mention, mention_id).deleted_at = desk.house.clock.now()
    with pytest.raises(TransitionNotAllowed):
        draft_reply(desk, mention_id)
    with desk.house.db.read() as session:
        assert session.get_one(Account, desk.accounts[1]).kind == "weibo"
