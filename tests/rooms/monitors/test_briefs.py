"""The brief: frozen, traceable, sensible on a quiet day and on a loud one."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from core.audit import Actor
from core.inbox import Covered, cover
from core.models import Account, Article, Brief, Case, Copy, Delivery, Issue
from core.models.words import IssueState
from monitors.alerts import raise_due
from monitors.briefs import brief_text, make, wording
from monitors.issues import detect, judge
from tests.rooms.monitors.conftest import Town

TODAY = date(2026, 11, 24)
YESTERDAY = date(2026, 11, 23)
WATER = "青禾苑自来水发黄太差"


@pytest.fixture
def loud(town: Town) -> Town:
    """A burst today after fourteen quiet days, alerted."""
    town.quiet_days()
    town.burst(WATER, 12, town.item())
    town.score()
    detect(town.house)
    raise_due(town.house)
    return town


def section(brief: Brief, key: str) -> str:
    return next(each["text"] for each in brief.figures["sections"] if each["key"] == key)


def test_a_quiet_day_reads_sensibly(town: Town) -> None:
    town.quiet_days()
    town.score()
    brief = make(town.house, YESTERDAY)
    assert brief.title == "舆情日报 2026年11月23日"
    assert brief.figures["summary"] == "全天平稳，提及 8 条，没有需要关注的议题。"
    assert "共采集提及 8 条" in section(brief, "mentions")
    assert "与前一日持平" in section(brief, "mentions")
    assert section(brief, "publication") == "当日没有安排发布任务。"
    assert section(brief, "coverage") == "4 个信源均采集完整。"
    assert "重点议题：无" in brief_text(brief)


def test_an_empty_house_reads_sensibly(town: Town) -> None:
    brief = make(town.house, YESTERDAY)
    assert brief.figures["summary"] == "全天平稳，没有采集到新的评论，也没有需要关注的议题。"
    assert "None" not in brief_text(brief)


def test_a_loud_day_tells_the_issue_in_the_official_parts(loud: Town) -> None:
    brief = make(loud.house, TODAY)
    [issue] = brief.figures["issues"]
    assert "发黄" in brief.figures["summary"]
    assert "《关于停水的通告》" in issue["matter"]
    assert "累计提及 12 条，作者 12 人，负面占比 100%（基数 12）" in issue["situation"]
    assert "仍在上升" in issue["situation"]
    assert "蓝色（待研判）" in issue["judgement"]
    assert "尚无人工研判意见" in issue["judgement"]
    assert issue["unit"] == "待指定"
    assert issue["deadline_text"] == "11月26日 12:00 前回应"
    assert issue["top_posts"][0]["text"].startswith(WATER)
    told = brief_text(brief)
    for part in ("事由：", "态势：", "研判：", "建议：", "责任单位：", "时限："):
        assert part in told


def test_a_persons_judgement_is_quoted(loud: Town, analyst: Actor) -> None:
    with loud.house.db.write() as session:
        judge(session, analyst, 1, IssueState.CONFIRMED, "供水公司已派人取样", loud.clock.now())
    [issue] = make(loud.house, TODAY).figures["issues"]
    assert "人工研判：供水公司已派人取样" in issue["judgement"]
    assert "fenxi" in issue["unit"]


def test_a_day_that_is_over_has_one_frozen_brief(loud: Town) -> None:
    first = make(loud.house, YESTERDAY)
    loud.say("昨天的迟到评论", loud.clock.now() - timedelta(hours=20))
    loud.score()
    again = make(loud.house, YESTERDAY)
    assert (again.id, again.digest, again.figures) == (first.id, first.digest, first.figures)


def test_the_running_day_gets_an_interim_brief_that_does_not_stand_in_the_way(loud: Town) -> None:
    interim = make(loud.house, TODAY)
    assert (interim.kind, interim.period) == ("interim", "2026-11-24 12:00")
    assert "截至 12:00" in interim.title
    assert make(loud.house, TODAY).id == interim.id
    loud.clock.advance(86_400)
    daily = make(loud.house, TODAY)
    assert (daily.kind, daily.period) == ("daily", "2026-11-24")


def test_every_figure_can_be_recomputed_from_its_own_sql(loud: Town) -> None:
    brief = make(loud.house, TODAY)
    json.dumps(brief.figures)
    assert all(figure["query"]["sql"] and figure["query"]["text"] for figure in brief.figures["figures"].values())
    figure = brief.figures["figures"]["mention_count"]
    issue = brief.figures["issues"][0]["figures"]["total"]
    with loud.house.db.read() as session:
        for told in (figure, issue):
            counted = session.execute(text(told["query"]["sql"].replace(":", r"\:"))).one()
            assert counted[0] == told["value"]["mentions"] > 0


def test_the_texts_numbers_are_the_figures_numbers(loud: Town) -> None:
    brief = make(loud.house, TODAY)
    named = {name for each in brief.figures["sections"] for name in each["figures"]}
    assert named <= set(brief.figures["figures"])
    total = brief.figures["figures"]["mention_count"]["value"]["mentions"]
    assert re.search(rf"共采集提及 {total} 条", section(brief, "mentions"))


def test_publication_cases_and_blind_spots_are_told(town: Town) -> None:
    noon = town.clock.now()
    at = noon - timedelta(hours=20)
    with town.house.db.write() as session:
        account = session.scalars(select(Account).where(Account.kind == "weibo")).one()
        article = Article(author_id=town.author_id, title="通告")
        session.add(article)
        session.flush()
        copy = Copy(article_id=article.id, account_id=account.id, state="live", published_at=at, confirmed_at=at)
        session.add(copy)
        session.flush()
        for number, state in enumerate(("confirmed", "unknown")):
            session.add(
                Delivery(
                    article_id=article.id, account_id=account.id, copy_id=copy.id, operation="publish",
                    round=number + 1, state=state, due_at=at,
                )
            )  # fmt: skip
        session.add(Case(number="WZ1", title="路灯", text="不亮", received_at=at, due_at=noon - timedelta(hours=1)))
        cover(session, Covered(town.sources["wechat"], None, at, at + timedelta(hours=2), "failed", note="令牌失效"))
    brief = make(town.house, YESTERDAY)
    assert "应执行分发任务 2 次，已确认 50%（基数 2）" in section(brief, "publication")
    assert "公开稿件 1 篇" in section(brief, "publication")
    assert "结果未知待人工核实 1 次" in section(brief, "publication")
    assert "收到群众留言 1 件；未办结 1 件" in section(brief, "cases")
    assert "wechat 11月23日 16:00 至 11月23日 18:00 采集失败" in section(brief, "coverage")


def test_at_most_five_issues_are_told_and_the_rest_counted(town: Town) -> None:
    town.quiet_days()
    topics = ("路灯不亮", "地铁口违停", "学校食堂发霉", "公交站积水", "菜场垃圾", "公园厕所", "小区电梯")
    for topic in topics:
        town.burst(f"{topic}太差", 8, town.item(topic))
    town.score()
    found = detect(town.house)
    brief = make(town.house, TODAY)
    assert len(brief.figures["issues"]) == 5
    assert brief.figures["issues_left_out"] == len(found) - 5 > 0


def test_an_issue_without_a_grade_says_so_in_one_sentence(loud: Town) -> None:
    with loud.house.db.write() as session:
        issue = session.scalars(select(Issue)).one()
        issue.reasons = {**issue.reasons, "grade": []}
    with loud.house.db.read() as session:
        text = wording.judgement(session.scalars(select(Issue)).one())
    assert "没有记下定级依据" in text
    assert "。。" not in text
