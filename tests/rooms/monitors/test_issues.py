"""Issues from counts: found once, extended, reopened, judged; quiet days raise none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.audit import Actor
from core.errors import CheckFailed, NotPermitted, TransitionNotAllowed
from core.models import Audit, Evidence, Issue, TermState
from core.models.words import IssueState, Level, Role
from monitors.detection.gates import ITEM_MENTIONS
from monitors.issues import detect, judge, set_level
from tests.rooms.monitors.conftest import Town

WATER = "青禾苑自来水发黄太差"
CHAT = (
    "头发", "面馆", "奶茶", "医院", "火锅", "矿泉水", "奶粉", "食堂", "消防栓", "地图", "水压", "老人", "物业",
    "地铁", "图书馆", "钢琴", "作业", "电梯", "鱼缸", "咖啡", "牙刷", "洗衣机", "阳台", "篮球", "快递", "月季",
    "猫咪", "热水器", "拖把", "豆浆", "饺子", "邻居", "广场舞", "停车场", "保安", "路灯", "学校", "超市", "公交",
    "自行车", "电影", "理发店", "药店", "银行", "邮局", "公园", "菜场", "幼儿园", "健身房", "书店", "面包", "西瓜",
    "手机", "电视", "窗帘", "沙发", "台灯", "钥匙", "雨伞", "口罩",
)  # fmt: skip


def issues(town: Town) -> list[Issue]:
    with town.house.db.read() as session:
        return list(session.scalars(select(Issue).order_by(Issue.id)))


def evidence(town: Town, issue_id: int) -> int:
    with town.house.db.read() as session:
        return session.scalar(select(func.count()).select_from(Evidence).where(Evidence.issue_id == issue_id)) or 0


def decide(town: Town, actor: Actor, state: str, note: str = "理由") -> None:
    with town.house.db.write() as session:
        judge(session, actor, 1, state, note, town.clock.now())


@pytest.fixture
def stirred(town: Town) -> Town:
    """A town with fourteen quiet days and one burst, scored and detected."""
    town.quiet_days()
    town.burst(WATER, 12, town.item())
    town.score()
    assert detect(town.house) == [1]
    return town


def test_fourteen_quiet_days_raise_nothing(town: Town) -> None:
    town.quiet_days()
    town.score()
    assert detect(town.house) == []
    assert issues(town) == []


def test_nothing_collected_is_no_error(town: Town) -> None:
    assert detect(town.house) == []


def test_a_burst_becomes_one_issue_that_explains_itself(either_town: Town) -> None:
    town = either_town
    town.quiet_days()
    item = town.item("关于供水的通告")
    town.burst(WATER, 12, item)
    town.score()
    assert detect(town.house) == [1]
    [issue] = issues(town)
    reasons = issue.reasons
    assert "发黄" in issue.title
    assert "《关于供水的通告》" in issue.title
    assert issue.level == Level.BLUE
    assert reasons["z"] >= 4
    assert reasons["observed"] > 4 * max(1, reasons["expected"])
    assert (reasons["mentions"], reasons["authors"], reasons["sources"]) == (12, 12, 1)
    assert reasons["negative_share"] == 1.0
    assert reasons["channels"] == {"weibo": 12}
    assert reasons["baseline"]["short"] is False
    assert reasons["coverage"]["state"] == "complete"
    assert reasons["article_id"] == item
    assert reasons["top_posts"]
    assert evidence(town, 1) == 12


def test_finding_the_same_again_changes_nothing(stirred: Town) -> None:
    before = issues(stirred)[0].updated_at
    stirred.clock.advance(60)
    assert detect(stirred.house) == []
    assert issues(stirred)[0].updated_at == before


def test_a_kill_before_the_last_transaction_is_made_good_by_the_next_run(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.quiet_days()
    town.burst(WATER, 12)
    town.score()

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("monitors.issues._keep_states", die)
        with pytest.raises(KeyboardInterrupt):
            detect(town.house)
    assert issues(town) == []
    assert detect(town.house) == [1]
    assert len(issues(town)) == 1


def test_more_of_the_same_extends_the_issue(stirred: Town) -> None:
    stirred.pass_time(minutes=20)
    stirred.burst(WATER, 8, 1)
    stirred.score()
    assert detect(stirred.house) == [1]
    assert len(issues(stirred)) == 1
    assert evidence(stirred, 1) == 20
    assert issues(stirred)[0].reasons["mentions"] == 20


def test_trailing_remarks_join_the_issue_although_they_are_no_burst(stirred: Town) -> None:
    stirred.pass_time(hours=5)
    stirred.say("青禾苑自来水还是发黄", stirred.clock.now(), item=1)
    stirred.score()
    assert detect(stirred.house) == [1]
    assert evidence(stirred, 1) == 13


def test_another_matter_is_another_issue(stirred: Town) -> None:
    stirred.burst("地铁口违停堵路太差", 12, stirred.item("关于地铁的通告"))
    stirred.score()
    assert detect(stirred.house) == [2]
    assert "地铁" in issues(stirred)[1].title


def test_an_issue_stays_with_its_item_when_a_word_is_said_elsewhere_too(stirred: Town) -> None:
    stirred.pass_time(hours=5)
    stirred.burst("自来水发黄太差", 6, 1)
    stirred.score()
    assert detect(stirred.house) == [1]
    other = stirred.item("关于菜场的通告")
    for thing in ("屏幕", "书页", "菜叶", "头发", "墙纸", "电池"):
        stirred.say(f"{thing}发黄", stirred.clock.now() - timedelta(seconds=60), item=other)
    stirred.score()
    assert detect(stirred.house) == [1]
    first = issues(stirred)[0]
    assert first.reasons["mentions"] == 24
    assert first.reasons["article_id"] == 1
    assert "关于停水的通告" in first.title


def test_talk_in_the_notices_own_words_is_no_issue_and_the_complaint_is_the_first(either_town: Town) -> None:
    town = either_town
    town.quiet_days()
    item = town.item("关于东城片区检修停水的通告", "今晚临时停水，请提前储水。")
    for text in ("记得存桶", "图书馆呢", "不停电就好", "消防栓有吗", "学校受影响吗", "火锅店开门吗", "安心", "地铁呢"):
        town.say(f"今晚停水检修，{text}，差", town.clock.now(), item=item)
    town.score()
    assert detect(town.house) == []
    town.burst("停水以后自来水发黄太差", 12, item)
    town.score()
    assert detect(town.house) == [1]
    [issue] = issues(town)
    assert "发黄" in issue.title.split("——")[0]
    assert issue.terms[0] != "停水"
    assert issue.reasons["term"] not in {"停水", "检修", "今晚"}
    assert evidence(town, 1) == 12


def test_a_notice_that_many_read_is_no_issue_until_a_word_of_theirs_stands_out(town: Town) -> None:
    town.quiet_days()
    item = town.item("关于东城片区检修停水的通告", "今晚临时停水，请提前储水。")
    for text in CHAT:
        town.say(f"{text}，差", town.clock.now(), item=item)
    town.score()
    assert detect(town.house) == []
    town.burst("接出来的自来水发黄太差", 12, item)
    town.score()
    assert detect(town.house) == [1]
    [issue] = issues(town)
    assert "发黄" in issue.title.split("——")[0]
    assert issue.reasons["mentions"] > ITEM_MENTIONS  # the stir around it belongs to it


def test_a_share_is_told_of_those_who_say_something(town: Town) -> None:
    town.quiet_days()
    item = town.item()
    town.say("", town.clock.now(), item=item, kind="repost")
    town.burst(WATER, 20, item)
    for text in CHAT[:40]:
        town.say(f"{text}，差", town.clock.now(), item=item)
    town.score()
    assert detect(town.house) == [1]
    reasons = issues(town)[0].reasons
    assert (reasons["mentions"], reasons["opinions"], reasons["negative"]) == (61, 60, 60)
    assert reasons["negative_share"] == 1.0


def test_one_loud_person_is_no_issue(town: Town) -> None:
    town.quiet_days()
    for number in range(30):
        town.say(f"{WATER}{number}", town.clock.now() - timedelta(seconds=number), author="同一个人")
    town.score()
    assert detect(town.house) == []


def test_an_outage_and_its_backfill_are_no_issue(town: Town) -> None:
    town.quiet_days(14)
    left = town.clock.now()
    town.clock.advance(3 * 86400)
    for step in range(3 * 8):
        town.say("图书馆周末开门真好", left + timedelta(hours=3 * step), author=f"街坊{step % 9}")
    town.read_all(left, town.clock.now())
    town.score()
    assert detect(town.house) == []


def test_without_a_baseline_it_takes_more_people(town: Town) -> None:
    town.burst(WATER, 12)
    town.score()
    assert detect(town.house) == []
    town.burst(WATER, 12)
    town.score()
    assert detect(town.house) == [1]
    assert issues(town)[0].reasons["baseline"]["short"] is True


def test_checkpoints_do_not_change_what_is_found(town: Town) -> None:
    town.quiet_days()
    town.score()
    detect(town.house)
    with town.house.db.read() as session:
        assert session.scalar(select(func.count()).select_from(TermState)) or 0 > 1
    town.pass_time(hours=4)
    town.burst("公园的花开了太差", 12)
    town.score()
    assert detect(town.house) == [1]
    found = issues(town)[0].reasons
    with town.house.db.write() as session:
        for model in (Evidence, Issue, TermState):
            session.query(model).delete()
    assert detect(town.house) == [1]
    again = issues(town)[0].reasons
    assert again["z"] == pytest.approx(found["z"], rel=0.05)


# --- people -----------------------------------------------------------------------------------------------------


def test_a_person_confirms_and_closes_with_a_trail(stirred: Town, analyst: Actor) -> None:
    decide(stirred, analyst, IssueState.CONFIRMED)
    decide(stirred, analyst, IssueState.CLOSED, "已答复")
    issue = issues(stirred)[0]
    assert (issue.state, issue.note, issue.owner_id) == ("closed", "已答复", analyst.person_id)
    with stirred.house.db.read() as session:
        actions = session.scalars(select(Audit.action).where(Audit.subject_type == "issue")).all()
    assert actions == ["issue.judge", "issue.judge"]


def test_a_closed_issue_that_comes_back_is_a_relapse(stirred: Town, analyst: Actor) -> None:
    decide(stirred, analyst, IssueState.CLOSED)
    stirred.pass_time(hours=30)
    stirred.burst(WATER, 12, 1)
    stirred.score()
    assert detect(stirred.house) == [1]
    issue = issues(stirred)[0]
    assert issue.state == IssueState.FOUND
    assert "relapsed_at" in issue.reasons


def test_what_a_person_dismissed_stays_dismissed_until_it_gets_worse(stirred: Town, analyst: Actor) -> None:
    decide(stirred, analyst, IssueState.DISMISSED)
    stirred.pass_time(minutes=20)
    stirred.burst(WATER, 8, 1)
    stirred.score()
    detect(stirred.house)
    assert issues(stirred)[0].state == IssueState.DISMISSED
    stirred.burst(f"{WATER}食物中毒", 8, 1)
    stirred.score()
    detect(stirred.house)
    issue = issues(stirred)[0]
    assert (issue.state, issue.level) == (IssueState.FOUND, Level.YELLOW)


def test_the_machine_raises_and_only_a_person_lowers(stirred: Town, analyst: Actor) -> None:
    stirred.burst(f"{WATER}食物中毒", 8, 1)
    stirred.score()
    detect(stirred.house)
    assert issues(stirred)[0].level == Level.YELLOW
    with stirred.house.db.write() as session:
        set_level(session, analyst, 1, Level.BLUE, "核实无人中毒", stirred.clock.now())
    stirred.pass_time(minutes=20)
    stirred.burst(f"{WATER}食物中毒", 8, 1)
    stirred.score()
    detect(stirred.house)
    assert issues(stirred)[0].level == Level.BLUE, "the same findings do not undo what a person decided"


@pytest.mark.parametrize("state", [IssueState.DISMISSED, IssueState.CLOSED])
def test_dismissing_and_closing_need_a_reason(stirred: Town, analyst: Actor, state: str) -> None:
    with pytest.raises(CheckFailed):
        decide(stirred, analyst, state, " ")


def test_a_closed_issue_cannot_be_dismissed(stirred: Town, analyst: Actor) -> None:
    decide(stirred, analyst, IssueState.CLOSED)
    with pytest.raises(TransitionNotAllowed):
        decide(stirred, analyst, IssueState.DISMISSED)


def test_an_editor_may_not_judge(stirred: Town) -> None:
    with pytest.raises(NotPermitted):
        decide(stirred, Actor(None, "编辑", frozenset({Role.EDITOR})), IssueState.CONFIRMED)


@pytest.mark.parametrize(("level", "note"), [("purple", "理由"), (Level.BLUE, "理由"), (Level.RED, " ")])
def test_a_level_is_set_only_to_another_one_and_with_a_reason(
    stirred: Town, analyst: Actor, level: str, note: str
) -> None:
    with stirred.house.db.write() as session, pytest.raises(CheckFailed):
        set_level(session, analyst, 1, level, note, stirred.clock.now())
