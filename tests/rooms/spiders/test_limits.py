"""When requests run out, the platform says slow down, or an answer is broken: polite, honest, and going on later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.models import Account, Alarm, Token
from tests.rooms.spiders.office import Office, Open, Start


@pytest.fixture
def ordinary(start_platform: Start, open_office: Open) -> Office:
    """An office whose Weibo account has a hundred requests a day."""
    office = open_office(start_platform("ordinary"))
    office.open_weibo(requests_a_day=None)
    return office


def test_when_the_day_s_share_is_gone_the_run_says_what_it_could_not_read(ordinary: Office) -> None:
    copy_id, status = ordinary.post_weibo()
    ordinary.platform.play_rows(status, "repost", range(700))
    account_id = ordinary.accounts["weibo"]
    while ordinary.house.budget.used(account_id, "all") < 40:
        assert ordinary.house.budget.take(account_id, "all", "collect", 100)
    run = ordinary.crawl("weibo_reposts")
    assert (run.state, run.requests, run.added) == ("done", 2, 400)
    gap, whole = ordinary.coverage()
    assert (gap.copy_id, gap.state, gap.expected, gap.received) == (copy_id, "partial", 700, 400)
    assert "未读完：今日接口额度 100 次" in gap.note
    assert ordinary.crawl("weibo_comments").requests == 1, "comments still have theirs"
    assert (whole.copy_id, whole.state, whole.expected, whole.received) == (None, "partial", 700, 400)
    assert "传播路径读不到" in whole.note
    assert ordinary.house.budget.take(account_id, "all", "publish", 100), "publishing still has its share"
    with ordinary.house.db.read() as session:
        assert session.scalars(select(Alarm)).all() == [], "needing time is no failure"


def test_of_a_list_it_did_not_reach_it_says_how_many_there_are(ordinary: Office) -> None:
    copy_id, status = ordinary.post_weibo()
    ordinary.platform.play_rows(status, "repost", range(30))
    ordinary.crawl("weibo_counts")
    account_id = ordinary.accounts["weibo"]
    while ordinary.house.budget.take(account_id, "all", "collect", 100):
        continue
    run = ordinary.crawl("weibo_reposts")
    assert run.requests == 0
    gap = next(row for row in ordinary.coverage() if row.copy_id == copy_id)
    assert (gap.state, gap.expected, gap.received) == ("partial", 30, 0)


def test_the_next_day_it_goes_on_where_it_stopped(ordinary: Office) -> None:
    _copy, status = ordinary.post_weibo()
    ordinary.platform.play_rows(status, "repost", range(700))
    account_id = ordinary.accounts["weibo"]
    while ordinary.house.budget.used(account_id, "all") < 41:
        ordinary.house.budget.take(account_id, "all", "collect", 100)
    assert ordinary.crawl("weibo_reposts").added == 200
    with ordinary.house.db.write() as session:
        account = session.get_one(Account, account_id)
        account.settings = {**account.settings, "requests_a_day": 300}
    run = ordinary.crawl("weibo_reposts")
    assert run.added == 500
    assert run.requests == 4, "three pages further down, and the top once more"
    assert len({row.external_id for row in ordinary.mentions()}) == 700


def test_told_to_slow_down_it_stops_at_once_and_waits_as_long_as_asked(office: Office) -> None:
    office.open_weibo()
    for title in "甲乙丙":
        _copy, status = office.post_weibo(title)
        office.platform.play("weibo", status, {"kind": "comment", "author": "张三", "text": title})
    office.platform.break_("rate_limit", "comments/show", times=1)
    run = office.crawl("weibo_comments")
    assert run.state == "done"
    assert "10023" in run.note
    source = office.source("weibo_comments")
    assert source.next_run_at - office.house.clock.now() > timedelta(seconds=300)
    assert source.failures == 0
    assert office.crawl("weibo_comments").state == "done"
    assert sorted(row.text for row in office.mentions()) == sorted("甲乙丙")


@pytest.mark.parametrize("kind", ["http_500", "bad_json", "cut"])
def test_a_broken_answer_is_asked_for_again_and_loses_nothing(office: Office, kind: str) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play_rows(status, "comment", range(5))
    office.platform.break_(kind, "comments/show", times=2, bytes=40)
    run = office.crawl("weibo_comments")
    assert (run.state, run.added, run.requests) == ("done", 5, 3)


def test_an_answer_that_stays_broken_fails_the_run_and_after_three_runs_a_person_is_told(office: Office) -> None:
    office.open_weibo()
    office.post_weibo()
    office.platform.break_("http_500", "comments/show", times=1000)
    for turn in (1, 2, 3):
        assert office.crawl("weibo_comments").state == "failed"
        assert office.source("weibo_comments").failures == turn
    with office.house.db.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert (alarm.room, alarm.cleared_at) == ("spiders", None)
    assert "连续 3 次采集失败" in alarm.text
    office.platform.call("/control/faults", method="DELETE")
    assert office.crawl("weibo_comments").state == "done"
    with office.house.db.read() as session:
        assert session.scalars(select(Alarm)).one().cleared_at is not None


def test_a_weibo_token_that_ended_flags_the_account_and_asks_no_more(office: Office) -> None:
    office.open_weibo()
    office.post_weibo()
    office.platform.call("/control/tokens/kill", {"platform": "weibo", "account": office.names["weibo"]})
    assert office.crawl("weibo_comments").state == "failed"
    assert "授权" in office.house.tokens.flagged(office.accounts["weibo"])
    asked = len(office.platform.calls("comments/show", office.names["weibo"]))
    run = office.crawl("weibo_comments")
    assert (run.state, run.requests) == ("failed", 0)
    assert len(office.platform.calls("comments/show", office.names["weibo"])) == asked


def test_a_private_address_that_nobody_allowed_is_not_asked(start_platform: Start, open_office: Open) -> None:
    platform = start_platform()
    office = open_office(platform, allow_private="")
    office.open_weibo()
    office.post_weibo()
    run = office.crawl("weibo_comments")
    assert (run.state, run.requests) == ("failed", 0)
    assert "内网" in run.note
    assert office.platform.calls("comments/show", office.names["weibo"]) == []


def test_no_note_shows_a_token(office: Office) -> None:
    office.open_wechat()
    office.add_copy("wechat", "article-1", msg_data_id=2650177668)
    office.platform.break_("timeout_before", "comment/list", connection="close", times=1000)
    run = office.crawl("wechat_comments")
    assert run.state == "failed"
    with office.house.db.read() as session:
        token = session.get_one(Token, office.accounts["wechat"])
    value = office.house.vault.decrypt(token.value).decode()
    said = run.note + "".join(row.note for row in office.coverage()) + office.source("wechat_comments").last_error
    assert value not in said
    assert "网络错误" in said


def test_a_complete_run_covers_back_to_the_last_complete_one_and_a_partial_one_its_own_time(ordinary: Office) -> None:
    copy_id, status = ordinary.post_weibo()
    ordinary.platform.play_rows(status, "repost", range(700))
    account_id = ordinary.accounts["weibo"]
    while ordinary.house.budget.used(account_id, "all") < 40:
        ordinary.house.budget.take(account_id, "all", "collect", 100)
    ordinary.crawl("weibo_reposts")
    ordinary.crawl("weibo_reposts")
    with ordinary.house.db.write() as session:
        account = session.get_one(Account, account_id)
        account.settings = {**account.settings, "requests_a_day": 300}
    ordinary.crawl("weibo_reposts")
    rows = [row for row in ordinary.coverage() if row.copy_id is None]
    first, second, third = rows
    published_at = ordinary.copy(copy_id).published_at
    assert [row.state for row in (first, second, third)] == ["partial", "partial", "complete"]
    assert [(row.expected, row.received) for row in (first, third)] == [(700, 400), (700, 700)]
    assert first.since_at == third.since_at == published_at
    assert second.since_at == first.until_at
    assert ordinary.source("weibo_reposts").last_ok_at == third.until_at
