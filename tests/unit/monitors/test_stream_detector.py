"""The streaming detector on small invented streams: what it finds, what it leaves, and that it can be stopped."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from monitors.detection.stream.checkpoint import UnreadableState, from_bytes, to_bytes
from monitors.detection.stream.detector import Detector
from monitors.detection.stream.features import terms_of
from monitors.detection.stream.issues import Issue
from monitors.detection.stream.mentions import Heard, in_order
from monitors.detection.stream.telling import told

BITS = 16
DAY_S, HOUR_S = 86_400, 3600
BEGIN = 1_700_006_400
SUBJECTS = ["路灯", "公交", "菜场", "球场", "图书馆", "社保卡", "停车", "绿化带"]
PLACES = ["班车", "电梯", "下水道", "驾校", "快递站", "健身房", "河堤", "站台"]
ASKED = ["什么时候修好", "怎么办理", "收费合理吗", "有人管吗", "能不能多设", "开放到几点", "在哪里登记"]


def background(days: int, seed: int = 1) -> list[Heard]:
    chance = random.Random(seed)
    heard = []
    for number in range(days * 60):
        at = BEGIN + number * DAY_S / 60 + chance.random() * 600
        text = f"{chance.choice(SUBJECTS)}{chance.choice(ASKED)}，{chance.choice(PLACES)}呢"
        heard.append(Heard(f"b{number}", at, f"author{number % 47}", "portal", text))
    return heard


def stir(day: float, count: int = 14) -> list[Heard]:
    ends = ["臭得不敢喝", "放出来是黄的", "洗衣服都染了", "孩子喝了肚子疼", "烧开还有味", "打电话没人接", "已经三天"]
    start = BEGIN + day * DAY_S
    return [
        Heard(f"s{number}", start + number * 400, f"neighbour{number}", "portal", f"青禾苑自来水发黄{ends[number % 7]}")
        for number in range(count)
    ]


def found_in(heard: Iterable[Heard]) -> list[Issue]:
    detector = Detector(BITS)
    detector.feed(in_order(heard))
    detector.close()
    return detector.issues


def bursts(issues: Iterable[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.kind == "burst"]


def test_a_stir_among_daily_talk_is_one_issue_of_its_own_posts() -> None:
    posts = stir(8.4)
    (issue,) = bursts(found_in([*background(10), *posts]))
    assert {one.id for one in posts} <= set(issue.ids)
    assert len(issue.ids) <= len(posts) + 1


def test_the_alarm_comes_while_the_stir_still_grows() -> None:
    posts = stir(8.4)
    (issue,) = bursts(found_in([*background(10), *posts]))
    assert posts[2].at < issue.alarm_minute * 60 < posts[-1].at


def test_daily_talk_alone_is_no_issue() -> None:
    assert bursts(found_in(background(10))) == []


def test_one_person_who_repeats_himself_is_no_issue() -> None:
    posts = [Heard(one.id, one.at, "one man", one.source, one.text) for one in stir(8.4)]
    assert bursts(found_in([*background(10), *posts])) == []


def test_a_shuffled_minute_gives_the_same_issues() -> None:
    heard = [
        *background(10),
        *stir(8.4),
        *(Heard(f"x{n}", BEGIN + 8.45 * DAY_S, f"x{n}", "portal", "自来水黄") for n in range(9)),
    ]
    chance = random.Random(5)
    shuffled = sorted(heard, key=lambda one: (one.at // 60, chance.random()))
    detector = Detector(BITS)
    detector.feed(shuffled)
    detector.close()
    assert [issue.ids for issue in detector.issues] == [issue.ids for issue in found_in(heard)]
    assert bursts(detector.issues)


@pytest.mark.parametrize("cut", [1, 300, 507, 560])
def test_a_detector_brought_back_from_bytes_finds_the_same(cut: int) -> None:
    heard = in_order([*background(10), *stir(8.4)])
    whole = Detector(BITS)
    whole.feed(heard)
    first = Detector(BITS)
    first.feed(heard[:cut])
    second = from_bytes(to_bytes(first))
    assert second.offset == cut
    second.feed(heard[second.offset :])
    whole.close()
    second.close()
    assert bursts(whole.issues)
    assert [told(issue) for issue in second.issues] == [told(issue) for issue in whole.issues]
    assert to_bytes(second) == to_bytes(whole)


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(UnreadableState):
        from_bytes(b"not a detector")


def test_reposts_that_say_nothing_belong_to_the_post_they_stand_under() -> None:
    start = BEGIN + 8.4 * DAY_S
    posts = [Heard("p", start, "paper", "weibo", "城西大桥今晚封闭检修", "p")]
    posts += [
        Heard(f"r{n}", start + n * 60, f"r{n}", "weibo", ["转发", "啊", "[怒]"][n % 3], "p") for n in range(1, 20)
    ]
    quiet = [Heard(f"w{n}", BEGIN + n * HOUR_S, f"w{n}", "weibo", "早安", f"w{n}") for n in range(9 * 24)]
    (issue,) = bursts(found_in([*background(10), *quiet, *posts]))
    assert set(issue.ids) == {one.id for one in posts}
    assert issue.under == "p"


def test_a_severe_matter_named_with_a_place_warns_by_itself() -> None:
    post = Heard("q", BEGIN + 6 * DAY_S, "mother", "portal", "临河镇中心幼儿园食物中毒，三个孩子住院了")
    quiet = [issue for issue in found_in([*background(8), post]) if issue.kind == "quiet"]
    assert [issue.ids for issue in quiet] == [["q"]]


def test_a_matter_named_every_day_is_not_quiet_any_more() -> None:
    usual = [Heard(f"u{n}", BEGIN + n * DAY_S / 3, f"u{n}", "portal", f"临河镇又有人静坐要工资{n}") for n in range(30)]
    quiet = [issue for issue in found_in([*background(11), *usual]) if issue.kind == "quiet"]
    assert all(issue.alarm_minute * 60 < BEGIN + 6 * DAY_S for issue in quiet)


def test_an_issue_says_why_it_was_raised() -> None:
    record = told(bursts(found_in([*background(10), *stir(8.4)]))[0])
    why = record["why"]
    assert why["observed"] > why["expected"]
    assert why["authors"] == 14
    assert why["first_post"]["id"] == "s0"
    assert 0 < why["copy_share"] <= 0.5
    assert len(why["top_posts"]) == 5


def test_the_terms_of_a_text_do_not_depend_on_the_batch_it_is_read_in() -> None:
    heard = stir(1)
    together, alone = terms_of(heard, BITS), [terms_of([one], BITS) for one in heard]
    assert [row.tolist() for row in together.rows] == [each.rows[0].tolist() for each in alone]
    assert together.prints == [each.prints[0] for each in alone]
