"""Writing, reviewing and releasing through the pages."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image
from sqlalchemy import select

from core.house import House
from core.models import Account, Article, Copy, Delivery, Media, ReviewStep, Revision
from core.models.words import CopyState, DeliveryState, Role
from tests.rooms.dashboards.conftest import BODY, Staff, approve, head_of, submit_article, write_article

FORM = {
    "title": "冬季取暖补贴十二月一日起发放",
    "summary": "",
    "body": BODY,
    "source": "示例市人民政府新闻办公室",
    "author": "",
    "keywords": "",
    "column": "",
    "cover": "",
}


def find_only(house: House, table: type) -> object:
    with house.db.read() as session:
        return session.scalars(select(table)).one()


def test_an_editor_writes_and_submits_in_one_go(house: House, staff: Callable[..., Staff], website: Account) -> None:
    editor = staff("wang", Role.EDITOR)
    answer = editor.post("/articles/new", **FORM, action="submit", accounts=str(website.id))
    assert answer.status_code == 302
    article = find_only(house, Article)
    assert isinstance(article, Article)
    assert article.state == "in_review"
    assert len(head_of(house, article.id)[2]) == 1


def test_plain_lines_become_paragraphs_and_scripts_are_dropped(house: House, staff: Callable[..., Staff]) -> None:
    editor = staff("wang", Role.EDITOR)
    editor.post("/articles/new", **(FORM | {"body": "第一段\n\n第二段 1 < 2"}), action="save")
    editor.post("/articles/new", **(FORM | {"body": "<p>好</p><script>alert(1)</script>"}), action="save")
    with house.db.read() as session:
        bodies = list(session.scalars(select(Revision.body_html).order_by(Revision.id)))
    assert bodies[0] == "<p>第一段</p><p>第二段 1 &lt; 2</p>"
    assert "script" not in bodies[1]


def test_a_blocked_submission_keeps_what_was_typed_and_names_the_fields(
    house: House, staff: Callable[..., Staff], website: Account
) -> None:
    editor = staff("wang", Role.EDITOR)
    answer = editor.post("/articles/new", **(FORM | {"body": ""}), action="submit", accounts=str(website.id))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#f-body"' in page
    assert FORM["title"] in page
    assert find_only(house, Article).state == "draft"  # type: ignore[attr-defined]


def test_a_save_over_somebody_elses_version_is_refused_and_nothing_is_lost(
    house: House, staff: Callable[..., Staff]
) -> None:
    editor = staff("wang", Role.EDITOR)
    article = write_article(house, editor.actor)
    editor.post(f"/articles/{article.id}/edit", **(FORM | {"title": "新标题一"}), version="1", action="save")
    answer = editor.post(f"/articles/{article.id}/edit", **(FORM | {"title": "新标题二"}), version="1", action="save")
    assert answer.status_code == 409
    assert "新标题二" in answer.get_data(as_text=True)
    assert head_of(house, article.id)[0].title == "新标题一"


def test_a_picture_is_stored_once_and_shown_and_a_text_file_is_refused(
    house: House, staff: Callable[..., Staff]
) -> None:
    editor = staff("wang", Role.EDITOR)
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), (20, 80, 160)).save(buffer, "PNG")
    told = []
    for _ in range(2):
        answer = editor.post("/articles/pictures", picture=(io.BytesIO(buffer.getvalue()), "a.png"))
        told.append(answer.get_json())
    assert told[0] == told[1]
    media = find_only(house, Media)
    assert isinstance(media, Media)
    shown = editor.get(f"/media/{media.sha256}")
    assert shown.status_code == 200
    assert shown.mimetype == media.mime
    refused = editor.post("/articles/pictures", picture=(io.BytesIO(b"hello"), "a.png"))
    assert refused.status_code == 422
    assert refused.get_json()["text"]


def test_the_preview_on_the_page_shows_the_words_and_the_picture(
    house: House, staff: Callable[..., Staff], website: Account
) -> None:
    editor = staff("wang", Role.EDITOR)
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), (20, 80, 160)).save(buffer, "PNG")
    sha256 = editor.post("/articles/pictures", picture=(io.BytesIO(buffer.getvalue()), "a.png")).get_json()["sha256"]
    body = f'<p>全市停水检修。</p><img src="media:{sha256}" alt="现场">'
    editor.post("/articles/new", **(FORM | {"body": body}), action="save")
    article = find_only(house, Article)
    assert isinstance(article, Article)
    page = editor.text(f"/articles/{article.id}/edit")
    preview = page.split(f'id="preview-{website.id}"')[1].split("</details>")[0]
    assert "<p>全市停水检修。</p>" in preview
    assert f'<img src="/media/{sha256}" alt="现场">' in preview
    assert f"<h2>{FORM['title']}</h2>" in preview


@pytest.fixture
def reviewers(staff: Callable[..., Staff]) -> list[Staff]:
    return [staff(f"shen{step}", f"reviewer{step}") for step in (1, 2, 3)]


def test_three_people_approve_in_turn_and_the_queue_follows(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    article = submit_article(house, staff("wang", Role.EDITOR).actor, website)
    for step, reviewer in enumerate(reviewers):
        others = [other for other in reviewers if other is not reviewer]
        assert "等我审核 1" in reviewer.text("/reviews")
        assert all("等我审核 0" in other.text("/reviews") for other in others)
        head, _, payloads, _ = head_of(house, article.id)
        page = reviewer.text(f"/reviews/{article.id}")
        assert payloads[0].digest[:12] in page
        assert "取暖补贴将于十二月一日起发放" in page
        assert decide(house, reviewer, article.id, "approve").status_code == 302
        assert head_of(house, article.id)[0].state == ("approved" if step == 2 else "in_review"), head.state


def decide(house: House, reviewer: Staff, article_id: int, decision: str, reason: str = ""):  # type: ignore[no-untyped-def]
    page = reviewer.text(f"/reviews/{article_id}")
    digest = page.split('name="digest" value="')[1].split('"')[0]
    revision = page.split('name="revision_id" value="')[1].split('"')[0]
    return reviewer.post(
        f"/reviews/{article_id}", revision_id=revision, digest=digest, decision=decision, reason=reason
    )


def test_the_author_and_a_repeated_reviewer_are_refused_in_words(
    house: House, staff: Callable[..., Staff], website: Account
) -> None:
    both = staff("wang", Role.EDITOR, Role.REVIEWER1, Role.REVIEWER2)
    twice = staff("li", Role.REVIEWER1, Role.REVIEWER2)
    article = submit_article(house, both.actor, website)
    assert "作者不能审核自己的稿件" in both.text(f"/reviews/{article.id}")
    assert decide_blind(house, both, article.id).status_code == 403
    assert decide_blind(house, twice, article.id).status_code == 302
    assert "不能办理两个审次" in twice.text(f"/reviews/{article.id}")
    assert decide_blind(house, twice, article.id).status_code == 403


def decide_blind(house: House, reviewer: Staff, article_id: int):  # type: ignore[no-untyped-def]
    """The request itself, whatever the page shows: the rule must hold, not the button."""
    from publisher import review

    with house.db.read() as session:
        article = session.get_one(Article, article_id)
        digest = review.package_digest(session, article.head_id or 0)
        revision_id = article.head_id
    return reviewer.post(
        f"/reviews/{article_id}", revision_id=str(revision_id), digest=digest, decision="approve", reason=""
    )


def test_a_return_needs_a_reason_and_the_author_reads_it(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    editor = staff("wang", Role.EDITOR)
    article = submit_article(house, editor.actor, website)
    assert decide(house, reviewers[0], article.id, "return").status_code == 422
    assert decide(house, reviewers[0], article.id, "return", "标题与内容不符").status_code == 302
    assert "标题与内容不符" in editor.text(f"/articles/{article.id}/edit")
    assert "请按意见修改" in editor.text("/")


def test_a_changed_word_voids_the_approvals_on_the_page(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    editor = staff("wang", Role.EDITOR)
    article = submit_article(house, editor.actor, website)
    decide(house, reviewers[0], article.id, "approve")
    version = str(head_of(house, article.id)[0].version)
    changed = FORM | {"body": BODY.replace("十二月一日", "十二月三日")}
    editor.post(f"/articles/{article.id}/edit", **changed, version=version, action="save")
    with house.db.read() as session:
        assert session.scalars(select(ReviewStep)).one().voided_at is not None
    page = editor.text(f"/articles/{article.id}")
    assert "审核 0 / 3" in page
    assert "已作废" in page
    shown = editor.text(f"/articles/{article.id}/compare")
    assert "三日" in shown.split('class="wz-ins"')[2]


def test_the_publisher_plans_and_the_matrix_shows_it(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    publisher = staff("qian", Role.PUBLISHER)
    article = submit_article(house, staff("wang", Role.EDITOR).actor, website)
    assert "还没有三审通过" in publisher.text(f"/articles/{article.id}/plan")
    approve(house, article.id, *(reviewer.actor for reviewer in reviewers))
    form = {"accounts": str(website.id), "due_at": "2099-01-02T08:30", "window_min": "30", "late_policy": "send"}
    assert publisher.post(f"/articles/{article.id}/plan", **form).status_code == 302
    delivery = find_only(house, Delivery)
    assert isinstance(delivery, Delivery)
    assert delivery.due_at.isoformat() == "2099-01-02T00:30:00+00:00"
    assert delivery.late_policy == "send"
    page = publisher.text("/deliveries/matrix")
    assert f'href="/deliveries/{delivery.id}"' in page
    assert "待发" in page
    assert "排入分发" in publisher.text(f"/deliveries/{delivery.id}")


def test_a_plan_without_account_is_refused_beside_the_field(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    article = submit_article(house, staff("wang", Role.EDITOR).actor, website)
    approve(house, article.id, *(reviewer.actor for reviewer in reviewers))
    answer = staff("qian", Role.PUBLISHER).post(f"/articles/{article.id}/plan", due_at="")
    assert answer.status_code == 422
    assert "至少选择一个账号" in answer.get_data(as_text=True)


def test_withdrawing_names_the_channel_and_takes_a_reason_and_a_second_press(
    house: House, staff: Callable[..., Staff], website: Account, reviewers: list[Staff]
) -> None:
    publisher = staff("qian", Role.PUBLISHER)
    article = submit_article(house, staff("wang", Role.EDITOR).actor, website)
    approve(house, article.id, *(reviewer.actor for reviewer in reviewers))
    publisher.post(f"/articles/{article.id}/plan", accounts=str(website.id), due_at="2099-01-02T08:30")
    path, form = f"/articles/{article.id}/withdraw", {"accounts": str(website.id)}
    assert publisher.post(path, **form, reason="").status_code == 422
    first = publisher.post(path, **form, reason="内容有误")
    assert first.status_code == 200
    assert "示例市政府网站" in first.get_data(as_text=True)
    assert find_only(house, Delivery).state == DeliveryState.PLANNED  # type: ignore[attr-defined]
    assert publisher.post(path, **form, reason="内容有误", press="1").status_code == 302
    assert find_only(house, Delivery).state == DeliveryState.CANCELLED  # type: ignore[attr-defined]
    copy = find_only(house, Copy)
    assert isinstance(copy, Copy)
    assert copy.state == CopyState.NEVER
    again = f"/copies/{copy.id}/again"
    assert publisher.post(again, reason="核对无误").status_code == 200
    assert publisher.post(again, reason="核对无误", press="1").status_code == 302
    with house.db.read() as session:
        assert sorted(session.scalars(select(Copy.round))) == [1, 2]
