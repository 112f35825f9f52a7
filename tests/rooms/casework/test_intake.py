"""Messages become cases: numbered under concurrency on both databases, tracked by a code, contact sealed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from casework import handling, intake
from casework.intake import Accepted, Incoming
from core import callbacks
from core.audit import Actor
from core.errors import CheckFailed, NotPermitted, TransitionNotAllowed
from core.house import House
from core.models import Account, Audit, CallbackEvent, Case, CaseEvent
from core.runtime import store

PORTAL = Actor.system("portal")
WORDS = {"title": "路灯不亮", "text": "幸福路的路灯坏了三天。", "name": "王小明", "contact": "13800138000"}


def take(house: House, external_id: str = "", **change: str) -> Accepted:
    with house.db.write() as session:
        incoming = Incoming("portal", external_id, **{**WORDS, **change})  # type: ignore[arg-type]
        return intake.accept_message(session, PORTAL, incoming, house.vault, house.clock.now())


def test_twelve_intakes_at_once_get_twelve_numbers_without_a_gap(either_house: House) -> None:
    with ThreadPoolExecutor(12) as pool:
        cases = [done.case for done in pool.map(lambda _: take(either_house), range(12))]
    day = cases[0].number[2:10]
    assert sorted(case.number for case in cases) == [f"WZ{day}-{number:06d}" for number in range(1, 13)]


def test_the_same_message_at_once_becomes_one_case(either_house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: take(either_house, "m-1"), range(8)))
    assert len({accepted.case.id for accepted in done}) == 1
    assert len([accepted for accepted in done if accepted.tracking_code]) == 1
    with either_house.db.read() as session:
        assert session.scalar(select(func.count(Case.id))) == 1
        assert session.scalar(select(func.count(CaseEvent.id))) == 1
    assert take(either_house, "m-2").case.number.endswith("-000002")


def test_the_same_key_of_two_channels_is_two_messages(house: House) -> None:
    first = take(house, "7").case
    with house.db.write() as session:
        incoming = Incoming("wechat", "7", **WORDS)  # type: ignore[arg-type]
        second = intake.accept_message(session, PORTAL, incoming, house.vault, house.clock.now()).case
    assert first.id != second.id


def test_name_contact_and_code_are_nowhere_in_plain_text(house: House) -> None:
    accepted = take(house)
    with house.db.read() as session:
        case = session.get_one(Case, accepted.case.id)
        assert case.citizen == "王某"
        stored = " ".join(
            str(getattr(case, column.key)) for column in Case.__table__.columns if column.key != "contact"
        )
        assert case.contact is not None
        for secret in ("王小明", "13800138000", accepted.tracking_code):
            assert secret not in stored
            assert secret.encode() not in case.contact


def test_only_the_own_code_opens_the_tracking_page(house: House) -> None:
    first, second = take(house), take(house)
    with house.db.read() as session:
        found = intake.track(session, first.case.number.lower(), first.tracking_code.lower(), house.vault)
        assert found is not None
        assert found.id == first.case.id
        assert intake.track(session, first.case.number, second.tracking_code, house.vault) is None
        assert intake.track(session, first.case.number, "", house.vault) is None
        assert intake.track(session, "WZ20990101-000001", first.tracking_code, house.vault) is None


def test_the_deadline_follows_the_setting(house: House) -> None:
    with house.db.write() as session:
        store(session, PORTAL, "casework.due", {"working_days": 1}, house.clock.now())
    case = take(house).case
    assert case.due_at is not None
    assert 0 < (case.due_at - case.received_at).total_seconds() <= 4 * 86400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": " \n "}, "text"),
        ({"text": "字" * 5001}, "text"),
        ({"title": "字" * 101}, "title"),
        ({"name": "字" * 31}, "name"),
        ({"contact": "1" * 101}, "contact"),
    ],
)
def test_what_cannot_be_taken_in_names_its_field(house: House, change: dict[str, str], field: str) -> None:
    with pytest.raises(CheckFailed) as failure:
        take(house, **change)
    assert [problem.field for problem in failure.value.problems] == [field]


def test_a_message_without_a_title_takes_its_first_words(house: House) -> None:
    assert take(house, title="").case.title == "幸福路的路灯坏了三天。"


def test_contact_is_revealed_to_the_entitled_with_a_reason_and_written_down(
    house: House, people: Callable[..., Actor]
) -> None:
    case = take(house).case
    analyst, editor = people("analyst", "analyst"), people("editor", "editor")
    now = house.clock.now()
    with pytest.raises(NotPermitted), house.db.write() as session:
        intake.reveal_contact(session, editor, case.id, "想看看", house.vault, now)
    with pytest.raises(CheckFailed), house.db.write() as session:
        intake.reveal_contact(session, analyst, case.id, " ", house.vault, now)
    with house.db.write() as session:
        shown = intake.reveal_contact(session, analyst, case.id, "回访核实", house.vault, now)
    assert shown == {"name": "王小明", "contact": "13800138000"}
    with house.db.read() as session:
        row = session.scalars(select(Audit).where(Audit.action == "case.reveal")).one()
        assert (row.person_id, row.detail["reason"]) == (analyst.person_id, "回访核实")
        assert [event.kind for event in intake.public_events(session, case.id)] == ["received"]


def test_a_case_is_accepted_closed_and_reopened_with_words_for_the_citizen(
    house: House, people: Callable[..., Actor]
) -> None:
    case, analyst = take(house).case, people("analyst", "analyst")

    def move(state: str, text: str = "") -> None:
        with house.db.write() as session:
            handling.decide(session, analyst, case.id, state, text, house.clock.now())

    with pytest.raises(TransitionNotAllowed):
        move("closed", "修好了")
    move("accepted")
    with pytest.raises(TransitionNotAllowed):
        move("accepted")
    with pytest.raises(CheckFailed):
        move("closed")
    move("closed", "路灯已修复，欢迎监督。")
    move("accepted", "群众反映再次损坏，重新办理。")
    move("rejected", "已转交电力公司直接办理。")
    with house.db.read() as session:
        assert session.get_one(Case, case.id).state == "rejected"
        shown = [(event.kind, event.text) for event in intake.public_events(session, case.id)]
    assert shown[2] == ("closed", "路灯已修复，欢迎监督。")
    assert len(shown) == 5


def test_a_reviewer_does_not_handle_cases(house: House, people: Callable[..., Actor]) -> None:
    case, reviewer = take(house).case, people("reviewer", "reviewer1", "leader")
    with pytest.raises(NotPermitted), house.db.write() as session:
        handling.decide(session, reviewer, case.id, "accepted", "", house.clock.now())


def store_event(house: House, key: str, kind: str, **fields: str) -> None:
    with house.db.write() as session:
        account = session.scalar(select(Account.id))
        if account is None:
            row = Account(kind="wechat", name="公众号")
            session.add(row)
            session.flush()
            account = row.id
        callbacks.accept(session, callbacks.Event("wechat", key, kind, account, "<xml/>", fields), house.clock.now())


def test_text_messages_of_the_official_account_become_cases_once(either_house: House) -> None:
    house = either_house
    store_event(house, "m1", "message", MsgType="text", Content="几号通水？", FromUserName="oABC")
    store_event(house, "m1", "message", MsgType="text", Content="几号通水？", FromUserName="oABC")
    store_event(house, "m2", "message", MsgType="image", FromUserName="oABC")
    store_event(house, "m3", "message", MsgType="text", Content="  ", FromUserName="oABC")
    store_event(house, "e1", "subscribe", FromUserName="oABC")
    store_event(house, "e2", "PUBLISHJOBFINISH")
    with house.db.read() as session:
        assert [event.event_key for event in callbacks.unread(session, 2)] == ["e1", "e2"]
        account_id = session.scalar(select(Account.id)) or 0
        assert callbacks.waiting(session, account_id) == 2
    assert intake.take_callbacks(house) == 1
    assert intake.take_callbacks(house) == 0
    with house.db.read() as session:
        case = session.scalars(select(Case)).one()
        assert (case.channel, case.title, case.citizen) == ("wechat", "几号通水？", "匿名")
        assert case.contact is not None
        assert house.vault.decrypt_json(case.contact)["contact"] == "微信 oABC"
        waiting = list(session.scalars(select(CallbackEvent.event_key).where(CallbackEvent.handled_at.is_(None))))
        assert waiting == ["e1", "e2"]  # the publisher's
        empty = session.scalars(select(CallbackEvent).where(CallbackEvent.event_key == "m3")).one()
        assert "未登记" in empty.result
