"""What makes an issue of a burst: many people, one cluster, a level, a title."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.models.words import Level
from monitors.detection import grading, wording
from monitors.detection.echoes import OwnWords, beyond, not_quoted
from monitors.detection.gates import (
    ITEM_MENTIONS,
    MIN_AUTHORS,
    MIN_MENTIONS,
    SHORT_BASELINE_BINS,
    UNNAMED,
    Said,
    large_stir,
    listen,
    many_people,
)
from monitors.detection.merging import Burst, merge
from monitors.detection.series import Alarm

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LONG = SHORT_BASELINE_BINS


def say(number: int, text: str = "停水了", author: str = "", likes: int = 0, label: str = "negative") -> Said:
    return Said(
        number, author or f"a{number}", text, NOON + timedelta(seconds=number), 1, "weibo", "comment", label, 1, likes
    )


def burst(term: str, mentions: range | set[int], z: float = 8.0) -> Burst:
    return Burst(term, (Alarm(1, 900, 9.0, 0.5, 1.0, z),), frozenset(mentions))


def crowd(count: int) -> list[Said]:
    return [say(number, f"第{number}户也没有水") for number in range(count)]


# --- echoes -----------------------------------------------------------------------------------------------------

NOTICE = {
    1: OwnWords.of("关于东城片区停水的通告", "今晚临时停水，请提前储水。", "恢复供水初期，请先打开水龙头放水数分钟。")
}


def test_what_only_repeats_the_notice_is_left_out() -> None:
    talk = [
        "今晚停水，图书馆呢",
        "停水不停电",
        "通告看到了，停水",
        "东城停水吗？消防栓呢",
        "师傅辛苦，停水值得",
        "储水桶买了",
    ]
    assert beyond([say(number, text) for number, text in enumerate(talk * 3)], NOTICE) == []


def test_a_complaint_under_the_notice_stays_with_the_notices_words_in_it() -> None:
    said = [say(number, f"{number}号楼停水以后自来水发黄") for number in range(MIN_AUTHORS)]
    assert beyond([*said, say(99, "停水了")], NOTICE) == said


def test_a_word_that_few_of_very_many_share_does_not_carry_the_rest() -> None:
    said = [say(number, "停水了，消防栓呢" if number < MIN_AUTHORS else "停水了") for number in range(60)]
    assert beyond(said, NOTICE) == []


def test_a_quotation_of_the_body_is_left_out_and_a_few_letters_are_none() -> None:
    said = [say(number, "请先打开水龙头，放水数分钟！" if number else "放水") for number in range(9)]
    assert not_quoted(said, NOTICE) == said[:1]
    assert beyond(said, NOTICE) == []


def test_talk_under_no_item_of_ours_is_not_discounted() -> None:
    said = [replace(say(number, "停水了"), article_id=None) for number in range(6)]
    assert beyond(said, NOTICE) == said
    assert not_quoted(said, NOTICE) == said


# --- gates ------------------------------------------------------------------------------------------------------


def test_a_few_people_are_enough_with_a_baseline_and_too_few_without() -> None:
    voices = listen(crowd(MIN_MENTIONS))
    assert many_people(voices, LONG)
    assert not many_people(voices, LONG - 1)
    assert not many_people(listen(crowd(MIN_MENTIONS - 1)), LONG)


def test_one_person_writing_often_is_not_many_people() -> None:
    said = [say(number, f"第{number}次说停水", author="a" if number >= MIN_AUTHORS - 2 else "") for number in range(30)]
    assert listen(said).authors < MIN_AUTHORS
    assert not many_people(listen(said), LONG)


def test_copies_by_few_are_held_back_and_copies_by_many_are_shown() -> None:
    few = [say(number, "请大家转发！！") for number in range(6)]
    assert listen(few).copy_share == pytest.approx(5 / 6)
    assert not many_people(listen(few), LONG)
    assert many_people(listen([say(number, "请大家转发") for number in range(40)]), LONG)


def test_a_whole_items_stir_must_be_large() -> None:
    assert not large_stir(listen(crowd(ITEM_MENTIONS - 1)), named=True)
    assert large_stir(listen(crowd(ITEM_MENTIONS)), named=True)


def test_a_stir_that_no_word_names_must_be_larger_still() -> None:
    assert not large_stir(listen(crowd(UNNAMED * ITEM_MENTIONS - 1)), named=False)
    assert large_stir(listen(crowd(UNNAMED * ITEM_MENTIONS)), named=False)


# --- merging ----------------------------------------------------------------------------------------------------


def test_terms_that_share_mentions_are_one_issue_and_others_are_not() -> None:
    clusters = merge([burst("停水", range(10)), burst("青禾苑", range(5, 12)), burst("车位", range(20, 30))], {})
    assert [cluster.terms for cluster in clusters] == [["停水", "青禾苑"], ["车位"]] or [
        cluster.terms for cluster in clusters
    ] == [["车位"], ["停水", "青禾苑"]]
    assert {frozenset(cluster.mentions) for cluster in clusters} == {frozenset(range(12)), frozenset(range(20, 30))}


def test_a_bridge_joins_terms_that_came_before_it() -> None:
    clusters = merge([burst("甲乙", range(8)), burst("丙丁", range(8, 16)), burst("桥梁", range(5, 11))], {})
    assert len(clusters) == 1


def test_a_word_said_under_two_items_does_not_tie_their_issues_together() -> None:
    items = dict.fromkeys(range(12), 1) | dict.fromkeys(range(12, 24), 2)
    clusters = merge([burst("号楼", range(24)), burst("发黄", range(12)), burst("违停", range(12, 24))], items)
    assert {tuple(cluster.terms) for cluster in clusters} == {("发黄",), ("违停",)}
    assert [cluster.terms for cluster in merge([burst("号楼", range(24))], items)] == [["号楼"]]


def test_a_side_remark_under_the_same_item_joins_the_main_issue() -> None:
    items = dict.fromkeys(range(60), 7)
    clusters = merge([burst("停水", range(50)), burst("泡沫", range(50, 56))], items)
    assert len(clusters) == 1
    assert clusters[0].article_id == 7
    other_item = items | dict.fromkeys(range(50, 56), 8)
    assert len(merge([burst("停水", range(50)), burst("泡沫", range(50, 56))], other_item)) == 2


def test_topics_that_explain_an_items_stir_stand_alone_and_others_are_its_parts() -> None:
    items = dict.fromkeys(range(100), 7)
    explained = merge([burst("#7", range(100)), burst("停水", range(40)), burst("车位", range(40, 80))], items)
    assert {tuple(cluster.terms) for cluster in explained} == {("停水",), ("车位",)}
    scattered = merge([burst("#7", range(100)), burst("停水", range(30)), burst("车位", range(30, 45))], items)
    assert len(scattered) == 1
    assert scattered[0].mentions == set(range(100))
    assert scattered[0].terms == ["停水", "车位"]


# --- level ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reposts", "views", "level"),
    [
        (0, 0, Level.BLUE),
        (499, 4_999, Level.BLUE),
        (500, 0, Level.YELLOW),
        (0, 5_000, Level.YELLOW),
        (10_000, 0, Level.ORANGE),
        (0, 1_000_000, Level.RED),
    ],
)
def test_the_level_follows_reposts_and_views(reposts: int, views: int, level: str) -> None:
    assert grading.grade(crowd(5), grading.Spread(reposts=reposts, views=views)).level == level


def test_a_severe_matter_named_by_several_people_is_at_least_yellow() -> None:
    two = [say(number, "听说有人食物中毒") for number in range(2)]
    assert grading.grade(two, grading.Spread()).level == Level.BLUE
    grade = grading.grade([*two, say(3, "孩子食物中毒送医院了")], grading.Spread())
    assert grade.level == Level.YELLOW
    assert "food" in dict(grade.reasons)


def test_fast_growth_lifts_one_level_and_red_stays_red() -> None:
    fast = grading.Spread(hourly=60, usual_hourly=10)
    assert grading.grade(crowd(5), fast).level == Level.YELLOW
    assert grading.grade(crowd(5), grading.Spread(hourly=60, usual_hourly=30)).level == Level.BLUE
    assert grading.grade(crowd(5), grading.Spread(100_000, 0, 60, 10)).level == Level.RED


# --- words ------------------------------------------------------------------------------------------------------


def test_a_title_says_what_it_is_about_in_peoples_own_words() -> None:
    texts = ["自来水发黄有异味，怎么回事", "我家自来水也发黄", "发黄的水能喝吗", "哈哈哈哈哈哈", "自来水发黄有异味"]
    said = [say(number, text) for number, text in enumerate(texts)]
    voice = wording.clearest_clause(said, ["发黄", "自来水"])
    assert voice == "自来水发黄有异味"
    assert wording.title(voice, ["发黄", "自来水"]) == "自来水发黄有异味（发黄、自来水）"
    assert wording.title(voice, [], "关于停水的通告") == "自来水发黄有异味——见于《关于停水的通告》"


def test_a_title_without_words_still_says_where() -> None:
    assert wording.clearest_clause([say(1, "😡"), say(2, "")], []) == ""
    assert wording.title("", [], "关于停水的通告") == "《关于停水的通告》下的议论明显增多"
    assert len(wording.title("", ["停水"], "长" * 60)) < 40


def test_top_posts_leave_out_copies_and_junk_and_prefer_liked_ones() -> None:
    said = [
        say(1, "自来水发黄"), say(2, "自来水发黄！！"), say(3, "转发微博", likes=900), say(4, "[怒]"),
        say(5, "自来水发黄还有臭味，孩子不敢喝", likes=40),
    ]  # fmt: skip
    assert [one.mention_id for one in wording.top_posts(said, ["发黄", "自来水"])] == [5, 1]


def test_common_terms_are_held_by_several_authors() -> None:
    said = [say(1, "停水通知", author="x"), say(2, "停水三天", author="x"), say(3, "车位", author="y")]
    assert wording.common_terms(said) == []
    assert wording.common_terms([*said, say(4, "停水"), say(5, "又停水")])[0] == "停水"
