"""Submission: problems stop it, payloads are stored once, the chosen accounts are what is approved."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.errors import CheckFailed, NotConfigured, NotPermitted, TransitionNotAllowed
from core.models import Account, Article, Payload, Revision
from publisher import authoring
from publisher.authoring import submission
from tests.rooms.publisher.authoring.desk import Desk


def test_submitting_stores_one_payload_for_each_chosen_account(desk: Desk) -> None:
    article_id = desk.write(desk.draft(variants={desk.accounts[1]: "微博上这样说"}))
    assert desk.submit(article_id) == []
    head, _digest = desk.head(article_id)
    with desk.house.db.read() as session:
        rows = {row.account_id: row.template["text"] for row in session.scalars(select(Payload))}
        assert rows == {
            desk.accounts[0]: "全市老旧小区改造今天开工。\n改造涉及十二个小区。",
            desk.accounts[1]: "微博上这样说",
        }
        assert session.get_one(Revision, head).submitted_at is not None


def test_a_problem_of_the_channel_blocks_and_names_the_account(desk: Desk) -> None:
    article_id = desk.write(desk.draft("渠道不收的标题"))
    with pytest.raises(CheckFailed) as failure:
        desk.submit(article_id)
    assert {problem.channel for problem in failure.value.problems} == {"门户网站", "政务微博"}
    assert desk.state(article_id) == "draft"
    with desk.house.db.read() as session:
        assert session.scalars(select(Payload)).all() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "长" * 101}, "title"),
        ({"body": "<p> </p>"}, "body"),
        ({"body": f'<p>图</p><img src="media:{"a" * 64}" alt="说明">'}, "body"),
        ({"cover_sha256": "c" * 64}, "cover"),
    ],
)
def test_what_a_reader_could_not_use_blocks(desk: Desk, change: dict[str, str], field: str) -> None:
    article_id = desk.write(desk.draft(**change))
    with pytest.raises(CheckFailed) as failure:
        desk.submit(article_id)
    assert field in {problem.field for problem in failure.value.problems}


def test_a_problem_to_confirm_needs_a_reason_which_is_kept(desk: Desk) -> None:
    article_id = desk.write(desk.draft(body="<p>值班电话 13800138000。</p>"))
    with pytest.raises(CheckFailed) as failure:
        desk.submit(article_id)
    assert "reason" in {problem.field for problem in failure.value.problems}
    problems = desk.submit(article_id, reason="公开的值班电话")
    assert [problem.code for problem in problems] == ["mobile"]
    head, _digest = desk.head(article_id)
    with desk.house.db.read() as session:
        revision = session.get_one(Revision, head)
        assert revision.confirm_reason == "公开的值班电话"
        assert [row["code"] for row in revision.problems] == ["mobile"]


def test_a_reason_does_not_lift_what_blocks(desk: Desk) -> None:
    article_id = desk.write(desk.draft(body="<p>身份证号 11010519491231002X。</p>"))
    with pytest.raises(CheckFailed):
        desk.submit(article_id, reason="已核实")


def test_wechat_needs_a_cover(desk: Desk) -> None:
    with desk.house.db.write() as session:
        account = Account(kind="wechat", name="公众号")
        session.add(account)
        session.flush()
        wechat = account.id
    article_id = desk.write()
    with pytest.raises(CheckFailed) as failure:
        desk.submit(article_id, [wechat])
    assert [problem.code for problem in failure.value.problems] == ["cover_missing"]
    assert desk.submit(article_id, desk.accounts) == []


def test_accounts_that_are_off_unknown_or_missing_are_refused(desk: Desk) -> None:
    article_id = desk.write()
    for accounts in ([], [4711], [desk.accounts[0], 4711]):
        with pytest.raises(CheckFailed):
            desk.submit(article_id, accounts)
    with desk.house.db.write() as session:
        session.get_one(Account, desk.accounts[0]).enabled = False
    with pytest.raises(CheckFailed, match="停用"):
        desk.submit(article_id)


def test_an_account_that_is_not_configured_is_a_problem_not_a_crash(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_house: object, account: Account) -> object:
        raise NotConfigured("缺少访问令牌")

    article_id = desk.write()
    monkeypatch.setattr(submission, "open_channel", refuse)
    with pytest.raises(CheckFailed, match="缺少访问令牌"):
        desk.submit(article_id)


def test_an_article_in_review_is_not_submitted_again(desk: Desk) -> None:
    article_id = desk.write()
    desk.submit(article_id)
    with pytest.raises(TransitionNotAllowed):
        desk.submit(article_id)


def test_a_reviewer_does_not_submit(desk: Desk) -> None:
    article_id = desk.write()
    with pytest.raises(NotPermitted), desk.house.db.write() as session:
        authoring.submit(desk.house, session, desk.actor("reviewer1"), article_id, desk.accounts)


def test_the_preview_shows_each_account_and_writes_nothing(desk: Desk) -> None:
    article_id = desk.write(desk.draft(variants={desk.accounts[1]: "微博上这样说"}))
    with desk.house.db.read() as session:
        shown = authoring.preview(desk.house, session, article_id)
        assert [(each.account.name, each.text) for each in shown] == [
            ("门户网站", "全市老旧小区改造今天开工。\n改造涉及十二个小区。"),
            ("政务微博", "微博上这样说"),
        ]
        assert (shown[1].length, shown[1].limit) == (6, 140)
        assert session.scalars(select(Payload)).all() == []
        assert session.get_one(Article, article_id).state == "draft"


def test_the_preview_of_an_unfit_article_shows_its_problems(desk: Desk) -> None:
    article_id = desk.write(desk.draft("渠道不收的标题"))
    with desk.house.db.read() as session:
        shown = authoring.preview(desk.house, session, article_id)
    assert [[problem.code for problem in each.problems] for each in shown] == [["paper"], ["paper"]]
