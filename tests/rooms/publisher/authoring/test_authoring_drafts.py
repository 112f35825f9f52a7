"""Drafts and revisions: immutable, sanitised, guarded by a version, and an edit voids what was approved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from core.errors import CheckFailed, NotPermitted, StaleRevision, TransitionNotAllowed
from core.models import Account, Article, Audit, Media, ReviewStep, Revision, Variant
from publisher import authoring
from tests.rooms.publisher.authoring.desk import Desk


def test_the_canonical_link_is_fixed_by_the_articles_id(desk: Desk) -> None:
    article_id = desk.write()
    with desk.house.db.read() as session:
        assert (
            session.get_one(Article, article_id).canonical_link == f"http://127.0.0.1:8001/articles/{article_id}.html"
        )


def test_each_save_is_a_new_revision_and_the_old_one_stays_as_it_was(desk: Desk) -> None:
    article_id = desk.write()
    desk.save(article_id, desk.draft("改过的标题"))
    with desk.house.db.read() as session:
        rows = list(
            session.scalars(select(Revision).where(Revision.article_id == article_id).order_by(Revision.number))
        )
        assert [(row.number, row.title) for row in rows] == [(1, "老旧小区改造开工"), (2, "改过的标题")]
        assert rows[0].digest != rows[1].digest
        article = session.get_one(Article, article_id)
        assert (article.head_id, article.title, article.version) == (rows[1].id, "改过的标题", 2)


def test_an_unchanged_save_makes_no_revision_and_voids_nothing(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    desk.save(article_id, desk.draft())
    assert desk.state(article_id) == "in_review"
    with desk.house.db.read() as session:
        assert session.scalar(select(Revision.number).where(Revision.article_id == article_id)) == 1
        assert session.scalars(select(ReviewStep)).one().voided_at is None


def test_two_editors_on_one_version_do_not_overwrite_each_other(desk: Desk) -> None:
    article_id = desk.write()
    desk.save(article_id, desk.draft("先保存的"))
    now = desk.house.clock.now()
    with pytest.raises(StaleRevision), desk.house.db.write() as session:
        authoring.save_revision(session, desk.actor("second"), article_id, 1, desk.draft("后保存的"), now)
    with desk.house.db.read() as session:
        assert session.get_one(Article, article_id).title == "先保存的"


def test_only_an_editor_writes(desk: Desk) -> None:
    for role in ("reviewer1", "publisher", "analyst", "leader", "administrator"):
        with pytest.raises(NotPermitted), desk.house.db.write() as session:
            authoring.create_article(session, desk.actor(role), desk.draft(), "http://s", desk.house.clock.now())


def test_markup_is_sanitised_before_it_is_stored(desk: Desk) -> None:
    body = '<p onclick="x()">正文<script>alert(1)</script><img src="https://evil.example/x.png" alt="图"></p>'
    article_id = desk.write(desk.draft(body=body))
    with desk.house.db.read() as session:
        assert session.get_one(Revision, session.get_one(Article, article_id).head_id).body_html == "<p>正文</p>"


def test_a_changed_word_voids_the_approvals_in_the_same_transaction(either_desk: Desk) -> None:
    desk = either_desk
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    assert desk.approved(article_id)
    desk.save(article_id, desk.draft("老旧小区改造动工"))
    assert desk.state(article_id) == "draft"
    assert not desk.approved(article_id)
    with desk.house.db.read() as session:
        steps = list(session.scalars(select(ReviewStep)))
        assert len(steps) == 3
        assert all(step.voided_at and step.void_reason for step in steps)


def test_an_edit_that_fails_leaves_the_approvals_standing(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    desk.approve_all(article_id)
    now = desk.house.clock.now()
    with pytest.raises(StaleRevision), desk.house.db.write() as session:
        authoring.save_revision(session, desk.actor("editor"), article_id, 99, desk.draft("坏版本"), now)
    assert desk.approved(article_id)


def test_own_words_for_an_account_belong_to_the_digest(desk: Desk) -> None:
    weibo = desk.accounts[1]
    article_id = desk.write(desk.draft(variants={weibo: "微博上这样说"}))
    first = desk.head(article_id)[0]
    second = desk.save(article_id, desk.draft(variants={weibo: "微博上换一种说法"}))
    with desk.house.db.read() as session:
        assert session.get_one(Revision, first).digest != session.get_one(Revision, second).digest
        texts = dict(session.execute(select(Variant.revision_id, Variant.text)).all())
        assert texts == {first: "微博上这样说", second: "微博上换一种说法"}


def test_words_for_an_account_that_does_not_exist_are_left_out(desk: Desk) -> None:
    desk.write(desk.draft(variants={4711: "无主"}))
    with desk.house.db.read() as session:
        assert session.scalars(select(Variant)).all() == []
        assert session.get(Account, 4711) is None


def test_recall_takes_an_article_out_of_review_and_voids_its_approvals(desk: Desk) -> None:
    article_id = desk.write()
    with pytest.raises(TransitionNotAllowed), desk.house.db.write() as session:
        authoring.recall(session, desk.actor("editor"), article_id, desk.house.clock.now())
    desk.submit(article_id)
    desk.decide(article_id, desk.actor("reviewer1"))
    with desk.house.db.write() as session:
        authoring.recall(session, desk.actor("editor"), article_id, desk.house.clock.now())
    assert desk.state(article_id) == "draft"
    with desk.house.db.read() as session:
        assert session.scalars(select(ReviewStep)).one().void_reason == "作者撤回送审"


def test_every_step_of_writing_is_audited(desk: Desk) -> None:
    article_id = desk.write()
    desk.save(article_id, desk.draft("改过的标题"))
    desk.submit(article_id)
    with desk.house.db.read() as session:
        query = select(Audit.action).where(Audit.subject_id == str(article_id)).order_by(Audit.id)
        assert list(session.scalars(query)) == ["article.create", "article.save", "article.submit"]


def test_the_same_picture_at_the_same_moment_is_stored_once(either_desk: Desk, picture: Callable[..., bytes]) -> None:
    desk, content = either_desk, picture()

    def store(_turn: int) -> str:
        with desk.house.db.write() as session:
            return authoring.add_media(session, desk.actor("editor"), content, desk.house.clock.now()).sha256

    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(store, range(4)))
    assert len(names) == 1
    with desk.house.db.read() as session:
        media = session.get_one(Media, names.pop())
        assert (media.mime, media.width, media.height, media.size) == ("image/png", 40, 30, len(media.content))
        assert len(session.scalars(select(Audit).where(Audit.action == "media.add")).all()) == 1


def test_a_file_that_is_no_picture_is_not_stored(desk: Desk) -> None:
    with pytest.raises(CheckFailed, match="转换格式"), desk.house.db.write() as session:
        authoring.add_media(session, desk.actor("editor"), b"<svg/>", desk.house.clock.now())
    with desk.house.db.read() as session:
        assert session.scalars(select(Media.sha256)).all() == []
