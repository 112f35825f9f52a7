"""What people say, issues, alerts, briefs, citizens' messages, moderation, audit and search, through the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from casework import intake
from core.audit import Actor
from core.house import House
from core.models import (
    Account,
    Alert,
    Article,
    Audit,
    Brief,
    Case,
    CommentDecision,
    Copy,
    Evidence,
    Issue,
    Mention,
    MentionScore,
    SiteComment,
    Source,
)
from core.models.words import Role
from scheduler.indexing import Indexer
from tests.rooms.dashboards.conftest import Staff, write_article

WORDS = ("补贴办理跑了三趟", "好消息", "请问外地户口能办吗", "")
LABELS = ("negative", "positive", "neutral", "no_text")


@pytest.fixture
def article(house: House, staff: Callable[..., Staff]) -> Article:
    return write_article(house, staff("wang", Role.EDITOR).actor)


@pytest.fixture
def mentions(house: House, website: Account, article: Article) -> list[Mention]:
    """Sixty scored comments under one copy, one every minute, in the search index."""
    now = house.clock.now()
    with house.db.write() as session:
        source = Source(spider="portal_comments", account_id=website.id, name="网站评论")
        copy = Copy(article_id=article.id, account_id=website.id, state="live", created_at=now)
        session.add_all([source, copy])
        session.flush()
        rows = [
            Mention(
                month="2026-11", source_id=source.id, copy_id=copy.id, article_id=article.id, kind="comment",
                external_id=str(number), author_name=f"网友{number}", author_hash=str(number), likes=number,
                text=WORDS[number % 4], posted_at=now - timedelta(minutes=number), scored_at=now,
            )
            for number in range(60)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        for row in rows:
            label = LABELS[int(row.external_id) % 4]
            session.add(MentionScore(mention_id=row.id, version="test-1", label=label, value=None))
    house.index.put("mention", [(row.id, row.text) for row in rows])
    return rows


@pytest.fixture
def issue(house: House, mentions: list[Mention]) -> Issue:
    now = house.clock.now()
    with house.db.write() as session:
        row = Issue(
            fingerprint="f", title="补贴办理反复跑腿", level="yellow", terms=["补贴"], version="test-1",
            first_at=now - timedelta(hours=1), last_at=now, created_at=now, updated_at=now,
            reasons={"term": "补贴", "observed": 37, "expected": 2.1, "z": 6.4, "mentions": 15, "negative": 15,
                     "authors": 15, "sources": 1, "grade": [["negative", "负面占比高"]],
                     "terms": [{"term": "补贴", "observed": 37, "expected": 2.1, "z": 6.4, "mentions": 15}]},
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add_all(Evidence(issue_id=row.id, mention_id=mention.id) for mention in mentions[::4])
        session.add(Alert(issue_id=row.id, reason="first", level="yellow", dedup_key="a", raised_at=now))
        return row


def test_mentions_come_fifty_a_page_with_the_count(staff: Callable[..., Staff], mentions: list[Mention]) -> None:
    analyst = staff("sun", Role.ANALYST)
    page = analyst.text("/mentions")
    assert page.count('class="wz-mention"') == 50
    assert "共 60 条，第 1 / 2 页" in page
    second = analyst.text("/mentions?page=2")
    assert second.count('class="wz-mention"') == 10
    assert 'rel="prev" href="/mentions?page=1"' in second


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("sentiment=negative", 15),
        ("q=跑了三趟", 15),
        ("channel=weibo", 0),
        ("channel=website", 60),
        ("q=没有这种词", 0),
    ],
)
def test_every_filter_stands_in_the_address(
    staff: Callable[..., Staff], mentions: list[Mention], query: str, count: int
) -> None:
    page = staff("sun", Role.ANALYST).text(f"/mentions?{query}")
    assert page.count('class="wz-mention"') == min(50, count)
    assert ("没有符合条件的评论" in page) is (count == 0)


def test_filters_of_item_issue_and_day_narrow_further(
    staff: Callable[..., Staff], mentions: list[Mention], issue: Issue
) -> None:
    analyst = staff("sun", Role.ANALYST)
    assert "共 15 条" in analyst.text(f"/mentions?issue={issue.id}")
    assert "共 60 条" in analyst.text(f"/mentions?article={mentions[0].article_id}")
    assert "没有符合条件的评论" in analyst.text("/mentions?since=2099-01-01")


def test_a_text_from_outside_is_escaped(house: House, staff: Callable[..., Staff], mentions: list[Mention]) -> None:
    with house.db.write() as session:
        session.get_one(Mention, mentions[0].id).text = "<script>alert(1)</script>"
    page = staff("sun", Role.ANALYST).text("/mentions")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_answer_is_drafted_and_goes_to_review(
    house: House, staff: Callable[..., Staff], mentions: list[Mention]
) -> None:
    analyst = staff("sun", Role.ANALYST)
    path = f"/mentions/{mentions[0].id}/reply"
    assert "补贴办理跑了三趟" in analyst.text(path)
    refused = analyst.post(path, text="")
    assert refused.status_code == 422
    with house.db.read() as session:
        assert session.scalars(select(Article).where(Article.kind == "reply")).all() == []


def test_an_issue_shows_reasons_trend_terms_and_evidence(staff: Callable[..., Staff], issue: Issue) -> None:
    analyst = staff("sun", Role.ANALYST)
    page = analyst.text(f"/issues/{issue.id}")
    for words in (
        "补贴办理反复跑腿",
        "往常约 2.1，高出",
        "一条负面评论计 1，其他评论计 0.25",
        "负面占比高",
        "data-chart=",
        "全部佐证 15",
        "突出的词",
    ):
        assert words in page, words
    table = analyst.get(f"/issues/{issue.id}/trend.csv")
    assert table.get_data(as_text=True).startswith("\ufeff时段")


def test_an_issue_is_judged_and_dismissing_needs_a_reason(
    house: House, staff: Callable[..., Staff], issue: Issue
) -> None:
    analyst, path = staff("sun", Role.ANALYST), f"/issues/{issue.id}"
    assert analyst.post(path, state="dismissed", note="").status_code == 422
    assert analyst.post(path, state="confirmed", note="情况属实").status_code == 302
    assert analyst.post(f"{path}/level", level="orange", note="涉及面广").status_code == 302
    with house.db.read() as session:
        row = session.get_one(Issue, issue.id)
    assert (row.state, row.level, row.owner_id) == ("confirmed", "orange", analyst.person_id)


def test_an_alert_is_acknowledged_once_and_by_name(house: House, staff: Callable[..., Staff], issue: Issue) -> None:
    leader = staff("zhou", Role.LEADER)
    assert "补贴办理反复跑腿" in leader.text("/alerts")
    with house.db.read() as session:
        alert = session.scalars(select(Alert)).one()
    assert leader.post(f"/alerts/{alert.id}/acknowledge").status_code == 302
    assert "没有待确认的预警" in leader.text("/alerts")
    assert "zhou" in leader.text("/alerts?all=1")


def test_every_number_of_a_brief_opens_its_query(house: House, staff: Callable[..., Staff], issue: Issue) -> None:
    leader = staff("zhou", Role.LEADER)
    assert "还没有简报" in leader.text("/briefs")
    assert leader.post("/briefs/interim").status_code == 302
    page = leader.text("/briefs")
    with house.db.read() as session:
        brief = session.scalars(select(Brief)).one()
    assert brief.figures["summary"] in page
    links = {part.split('"')[0] for part in page.split('href="') if "/figures/" in part.split('"')[0]}
    assert len(links) > 3
    for link in links:
        shown = leader.text(link)
        assert "SELECT" in shown, link
    assert leader.get(f"/briefs/{brief.id}/figures/nothing").status_code == 404


def test_comments_are_shown_after_a_person_accepts_them(
    house: House, staff: Callable[..., Staff], article: Article
) -> None:
    with house.db.write() as session:
        for text in ("什么时候到账", "骂人的话"):
            session.add(
                SiteComment(article_id=article.id, channel="website", author_name="市民", author_hash="x", text=text)
            )
    analyst = staff("sun", Role.ANALYST)
    assert "什么时候到账" in analyst.text("/comments")
    with house.db.read() as session:
        first, second = session.scalars(select(SiteComment.id).order_by(SiteComment.id))
    analyst.post("/comments/decide", comment=str(first), state="accepted")
    analyst.post("/comments/decide", comment=str(second), state="rejected", reason="")
    with house.db.read() as session:
        assert {row.comment_id: row.state for row in session.scalars(select(CommentDecision))} == {first: "accepted"}
    analyst.post("/comments/decide", comment=str(second), state="rejected", reason="辱骂")
    assert "理由：辱骂" in analyst.text("/comments?state=rejected")


def test_only_the_administrator_opens_comments(house: House, staff: Callable[..., Staff]) -> None:
    assert staff("sun", Role.ANALYST).post("/comments/switch", on="1").status_code == 403
    admin = staff("wu", Role.ADMINISTRATOR)
    admin.post("/comments/switch", on="1")
    assert "已开放" in admin.text("/accounts")


def test_a_message_is_handled_and_its_contact_shown_only_against_a_reason(
    house: House, staff: Callable[..., Staff]
) -> None:
    message = intake.Incoming("portal", "m1", "暖气不热", "室内只有十五度，请协调。", "刘芳", "13800001234")
    with house.db.write() as session:
        case = intake.accept_message(session, Actor.system("portal"), message, house.vault, house.clock.now()).case
    analyst = staff("sun", Role.ANALYST)
    page = analyst.text("/cases")
    assert "暖气不热" in page
    assert "刘芳" not in page + analyst.text(f"/cases/{case.id}")
    assert analyst.post(f"/cases/{case.id}/contact", reason="").status_code == 422
    shown = analyst.post(f"/cases/{case.id}/contact", reason="电话核实地址").get_data(as_text=True)
    assert "13800001234" in shown
    assert analyst.post(f"/cases/{case.id}/decide", state="accepted", text="").status_code == 302
    assert analyst.post(f"/cases/{case.id}/decide", state="closed", text="").status_code == 422
    with house.db.read() as session:
        assert session.get_one(Case, case.id).state == "accepted"
        assert "case.reveal" in set(session.scalars(select(Audit.action)))


def test_the_audit_log_is_filtered_by_person_and_action_and_told_in_chinese(
    house: House, staff: Callable[..., Staff], article: Article
) -> None:
    leader = staff("zhou", Role.LEADER)
    page = leader.text("/audit?action=article.create")
    assert "新建稿件" in page
    assert "共 1 条" in page
    assert "没有符合条件的记录" in leader.text(f"/audit?action=article.create&person={leader.person_id}")


def test_search_finds_titles_and_mentions_and_leaves_out_what_the_role_may_not_read(
    house: House, staff: Callable[..., Staff], mentions: list[Mention]
) -> None:
    Indexer().run(house)
    house.index.put("mention", [(row.id, f"补贴：{row.text}") for row in mentions])  # enough for a second page
    analyst = staff("sun", Role.ANALYST)
    page = analyst.text("/search?q=补贴")
    assert "补贴办理跑了三趟" in page
    assert "共 60 条，第 1 / 2 页" in page
    assert analyst.text("/search?q=补贴&kind=mention&page=2").count('class="wz-mention"') == 10
    assert "冬季取暖补贴" in analyst.text("/search?q=补贴&kind=article")
    for kind in ("", "mention", "case"):
        page = staff(f"wu{kind}", Role.ADMINISTRATOR).text(f"/search?q=补贴&kind={kind}")
        assert "冬季取暖补贴" in page
        assert "跑了三趟" not in page
        assert "评论 60" not in page


def test_search_finds_a_case_by_its_number_and_an_item_by_its_text(
    house: House, staff: Callable[..., Staff], article: Article
) -> None:
    message = intake.Incoming("portal", "m1", "暖气不热", "室内只有十五度。")
    with house.db.write() as session:
        case = intake.accept_message(session, Actor.system("portal"), message, house.vault, house.clock.now()).case
    Indexer().run(house)
    analyst = staff("sun", Role.ANALYST)
    assert "暖气不热" in analyst.text(f"/search?q={case.number}")
    assert article.title in analyst.text("/search?q=市民政局今天发布")
    assert "请在上方输入" in analyst.text("/search")
    assert "这一类里没有" in analyst.text(f"/search?q={case.number}&kind=article")
    assert "没有找到" in analyst.text("/search?q=%25")
