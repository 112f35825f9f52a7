"""Figures: right numbers on both databases, each with base, query and coverage."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.inbox import Counts, Covered, cover, snapshot
from core.models import Account, Alert, Article, Copy, Issue
from monitors import figures
from monitors.figures import Scope, coverage
from monitors.issues import detect
from tests.rooms.monitors.conftest import Town

HOUR = timedelta(hours=1)


@pytest.fixture
def told(either_town: Town) -> Town:
    """Six remarks within the last three hours on three channels."""
    town = either_town
    now = town.clock.now()
    item = town.item()
    town.say("停水太差", now - HOUR, item=item)
    town.say("停水太差了", now - HOUR, author="同一人", item=item)
    town.say("通知得好", now - 2 * HOUR, author="同一人", channel="wechat")
    town.say("", now - 2 * HOUR, channel="client")
    town.say("停水到几点", now - 3 * HOUR, channel="wechat")
    town.read_all(now - 6 * HOUR, now)
    town.score()
    town.say("还没有评分", now - HOUR)
    return town


def test_the_split_counts_every_mention_and_bases_opinions_only(told: Town) -> None:
    now = told.clock.now()
    with told.house.db.read() as session:
        split = figures.sentiment_split(session, now - 6 * HOUR, now, now)
        assert split.value == {"positive": 1, "neutral": 1, "negative": 2, "no_text": 1, "unscored": 1}
        assert split.base == 4
        under = figures.sentiment_split(session, now - 6 * HOUR, now, now, Scope(article_id=1))
        assert under.value["negative"] == under.base == 2
        wechat = figures.mention_count(session, now - 6 * HOUR, now, now, Scope(channel="wechat"))
        assert wechat.value == {"mentions": 2, "authors": 2}
    assert "snownlp" in split.query.text
    assert "mention_score" in split.query.sql
    assert split.as_json()["query"]["parameters"]["since"].endswith("+00:00")


def test_a_mention_scored_by_two_versions_counts_once(told: Town) -> None:
    from core.models import MentionScore

    now = told.clock.now()
    with told.house.db.write() as session:
        session.add(MentionScore(mention_id=1, version="newer", label="neutral", value=0.5))
    with told.house.db.read() as session:
        split = figures.sentiment_split(session, now - 6 * HOUR, now, now)
    assert (split.value["negative"], split.value["neutral"]) == (1, 2)


def test_channels_are_counted_apart(told: Town) -> None:
    now = told.clock.now()
    with told.house.db.read() as session:
        split = figures.channel_split(session, now - 6 * HOUR, now, now)
    assert split.value == {"client": 1, "wechat": 2, "weibo": 3}
    assert split.base == 6


def test_a_series_puts_each_mention_in_the_hour_it_was_posted(told: Town) -> None:
    now = told.clock.now()
    with told.house.db.read() as session:
        series = figures.mention_series(session, now - 4 * HOUR, now, now)
    assert series.bins == [now - step * HOUR for step in (4, 3, 2, 1)]
    counts = {(row.keys["channel"], row.keys["label"]): row.counts for row in series.rows}
    assert counts["weibo", "negative"] == [0, 0, 0, 2]
    assert counts["wechat", "neutral"] == [0, 1, 0, 0]
    assert counts["client", "no_text"] == [0, 0, 1, 0]
    assert sum(sum(row) for row in counts.values()) == 6
    assert series.gaps == []
    assert series.as_json()["rows"][0]["keys"]


def test_top_terms_are_words_and_not_items(told: Town) -> None:
    now = told.clock.now()
    with told.house.db.read() as session:
        top = figures.top_terms(session, now - 6 * HOUR, now, now)
    assert top.value[0] == {"term": "停水", "mentions": 3, "negative": 2}
    assert not any(row["term"].startswith("#") for row in top.value)
    assert top.base == 6


# --- coverage ---------------------------------------------------------------------------------------------------


def test_a_gap_says_which_source_when_and_why_and_a_later_read_closes_it(either_town: Town) -> None:
    town = either_town
    now = town.clock.now()
    town.read_all(now - 6 * HOUR, now - 3 * HOUR)
    with town.house.db.write() as session:
        cover(session, Covered(town.sources["weibo"], None, now - 3 * HOUR, now - HOUR, "skipped", note="当日额度用尽"))
        for kind in ("wechat", "website", "client"):
            cover(session, Covered(town.sources[kind], None, now - 3 * HOUR, now, "complete"))
        cover(session, Covered(town.sources["weibo"], None, now - HOUR, now, "complete"))
    with town.house.db.read() as session:
        [gap] = figures.coverage_gaps(session, now - 6 * HOUR, now, now).value
    assert (gap["source"], gap["since"], gap["until"]) == ("weibo", now - 3 * HOUR, now - HOUR)
    assert (gap["state"], gap["note"]) == ("skipped", "当日额度用尽")
    with town.house.db.write() as session:
        cover(session, Covered(town.sources["weibo"], None, now - 2 * HOUR, now, "complete"))
    with town.house.db.read() as session:
        [gap] = figures.coverage_gaps(session, now - 6 * HOUR, now, now).value
    assert gap["until"] == now - 2 * HOUR


def test_silence_of_a_crawler_is_a_gap_too(town: Town) -> None:
    now = town.clock.now()
    town.read_all(now - 6 * HOUR, now - 2 * HOUR)
    with town.house.db.read() as session:
        gaps = figures.coverage_gaps(session, now - 6 * HOUR, now, now)
    assert {(gap["source"], gap["state"]) for gap in gaps.value} == {
        (kind, "unread") for kind in ("weibo", "wechat", "website", "client")
    }
    assert gaps.base == 4


def test_a_source_that_never_ran_is_a_blind_spot(town: Town) -> None:
    now = town.clock.now()
    with town.house.db.write() as session:
        cover(session, Covered(town.sources["weibo"], None, now - 6 * HOUR, now, "complete"))
        cover(session, Covered(town.sources["wechat"], None, now + HOUR, now + 2 * HOUR, "complete"))
    with town.house.db.read() as session:
        gaps = figures.coverage_gaps(session, now - 6 * HOUR, now, now).value
    assert {gap["source"] for gap in gaps} == {"website", "client"}, "one that first ran later is not expected before"


def test_a_run_read_in_part_is_one_gap_with_the_reasons_of_its_copies(town: Town) -> None:
    now = town.clock.now()
    town.read_all(now - 6 * HOUR, now - HOUR)
    with town.house.db.write() as session:
        article = Article(author_id=town.author_id, title="通告")
        session.add(article)
        session.flush()
        session.add_all([Copy(article_id=article.id, account_id=1, round=number) for number in (1, 2)])
        session.flush()
        for copy_id, note in ((1, "列表只给出最近 50 条"), (2, "令牌失效")):
            cover(session, Covered(town.sources["weibo"], copy_id, now - HOUR, now, "partial", 10, 5, note))
        cover(session, Covered(town.sources["weibo"], None, now - HOUR, now, "partial", 20, 10))
    with town.house.db.read() as session:
        gaps = figures.coverage_gaps(session, now - 6 * HOUR, now, now).value
        reading = coverage.reading_of(session, now - HOUR, now - timedelta(seconds=1), 3600)
    [weibo] = [gap for gap in gaps if gap["source"] == "weibo"]
    assert weibo["note"] == "列表只给出最近 50 条；令牌失效"
    assert list(reading.shares) == [pytest.approx(0.5 / 4, rel=0.01)]


def test_the_detectors_reading_is_the_share_of_sources_read(town: Town) -> None:
    now = town.clock.now()
    town.read_all(now - 4 * HOUR, now - 3 * HOUR)
    with town.house.db.write() as session:
        cover(session, Covered(town.sources["weibo"], None, now - 3 * HOUR, now - 2 * HOUR, "complete"))
        cover(session, Covered(town.sources["wechat"], None, now - 3 * HOUR, now - 2 * HOUR, "partial", 10, 5))
        cover(session, Covered(town.sources["client"], None, now - 3 * HOUR, now - 2 * HOUR, "failed"))
    with town.house.db.read() as session:
        reading = coverage.reading_of(session, now - 5 * HOUR, now, 3600)
    assert list(reading.shares)[:4] == [1.0, 1.0, pytest.approx(1.5 / 4), 0.0]


# --- issues and alerts ------------------------------------------------------------------------------------------


def test_the_trend_of_an_issue_stands_out_of_its_band(either_town: Town) -> None:
    town = either_town
    town.quiet_days()
    town.burst("青禾苑自来水发黄太差", 12, town.item(), spread_s=300)
    town.score()
    detect(town.house)
    with town.house.db.read() as session:
        trend = figures.issue_trend(session, 1, town.clock.now())
        assert trend is not None
        assert figures.issue_trend(session, 99, town.clock.now()) is None
    evidence = next(row.counts for row in trend.rows if row.keys == {"label": "negative"})
    assert sum(evidence) == 12
    peak = evidence.index(max(evidence))
    term = next(row.counts for row in trend.rows if "term" in row.keys)
    assert term[peak] > trend.band[peak][1]
    assert term[0] <= trend.band[0][1]
    assert len(trend.band) == len(trend.bins) == len(term)


def test_standing_issues_come_worst_first(town: Town) -> None:
    now = town.clock.now()
    with town.house.db.write() as session:
        for number, (level, state) in enumerate(
            (("blue", "found"), ("red", "confirmed"), ("orange", "closed"), ("yellow", "found"))
        ):
            session.add(
                Issue(
                    fingerprint=str(number), title=level, level=level, state=state, version="v",
                    first_at=now, last_at=now, created_at=now,
                )
            )  # fmt: skip
    with town.house.db.read() as session:
        standing = figures.standing_issues(session, now)
        found = figures.issues_found(session, now - HOUR, now + HOUR, now)
    assert [row["title"] for row in standing.value] == ["red", "yellow", "blue"]
    assert standing.base == 3
    assert found.value == {"blue": 1, "yellow": 1, "orange": 1, "red": 1}


def test_answers_to_alerts_are_timed_and_late_ones_counted(town: Town) -> None:
    now = town.clock.now()
    with town.house.db.write() as session:
        session.add(Issue(fingerprint="f", title="t", version="v", first_at=now, last_at=now))
        session.flush()
        for number, minutes in enumerate((5, 15, None)):
            raised = now - 2 * HOUR
            session.add(
                Alert(
                    issue_id=1, reason="first", level="yellow", dedup_key=str(number), raised_at=raised,
                    acknowledged_at=raised + timedelta(minutes=minutes) if minutes else None,
                    explanation={"acknowledge_by": (raised + HOUR).isoformat()},
                )
            )  # fmt: skip
    with town.house.db.read() as session:
        answered = figures.alert_response(session, now - 3 * HOUR, now, now)
    assert answered.value == {"raised": 3, "acknowledged": 2, "waiting": 1, "late": 1, "median_min": 10.0}


def test_engagement_is_the_growth_between_snapshots(either_town: Town) -> None:
    town = either_town
    now = town.clock.now()
    with town.house.db.write() as session:
        article = Article(author_id=town.author_id, title="通告")
        session.add(article)
        session.flush()
        for account in session.query(Account).order_by(Account.id).limit(2):
            session.add(Copy(article_id=article.id, account_id=account.id))
        session.flush()
        for hours, likes, reads in ((5, 10, None), (3, 30, 100), (1, 70, 180)):
            snapshot(session, Counts(1, likes=likes, comments=None, reposts=None, reads=reads), now - hours * HOUR)
        snapshot(session, Counts(2, likes=5, comments=None, reposts=None, reads=None), now - HOUR)
    with town.house.db.read() as session:
        grown = figures.engagement(session, now - 2 * HOUR, now, now, 1)
    assert grown.value["likes"] == {"now": 45, "before": 20, "total": 75}
    assert grown.value["reads"] == {"now": 80, "before": 100, "total": 180}
    assert grown.value["comments"] == {"now": None, "before": None, "total": None}
    assert grown.base == 2
