"""The message form and the tracking page."""

from __future__ import annotations

import re

from sqlalchemy import func, select

from casework import handling
from core.audit import Actor
from core.models import Audit, Case
from tests.rooms.portal.square import Square

WORDS = {"title": "路灯不亮", "text": "幸福路的路灯坏了三天。", "name": "王小明", "contact": "13800138000"}


def send(square: Square, **fields: str) -> tuple[str, str, str]:
    """(page, number, tracking code) after sending the form."""
    browser = square.visitor()
    form = {**WORDS, "csrf_token": square.csrf(browser, "/messages/new"), **fields}
    page = browser.post("/messages/new", data=form).text
    number = re.search(r"WZ\d{8}-\d{6}", page)
    code = re.search(r'class="code">([0-9A-Z]{10})<', page)
    return page, number.group() if number else "", code.group(1) if code else ""


def look(square: Square, number: str, code: str) -> tuple[int, str]:
    browser = square.visitor()
    form = {"csrf_token": square.csrf(browser, "/messages/track"), "number": number, "code": code}
    answer = browser.post("/messages/track", data=form)
    return answer.status_code, answer.text


def test_a_message_gives_a_number_and_a_code_that_open_its_tracking_page(either_square: Square) -> None:
    square = either_square
    _page, number, code = send(square)
    assert number == "WZ20261124-000001"
    status, page = look(square, f" {number.lower()} ", f"{code[:5]}-{code[5:].lower()}")
    assert status == 200
    assert "路灯不亮" in page
    assert "2026年12月15日" in page
    for secret in ("13800138000", "王小明", "幸福路的路灯坏了三天"):
        assert secret not in page


def test_the_tracking_page_shows_what_was_answered(square: Square) -> None:
    _page, number, code = send(square)
    actor = Actor(square.person, "编辑", frozenset({"editor"}))
    with square.house.db.write() as session:
        case_id = session.scalars(select(Case.id)).one()
        handling.decide(session, actor, case_id, "accepted", "", square.clock.now())
        handling.decide(session, actor, case_id, "closed", "已修复<b>。", square.clock.now())
    _status, page = look(square, number, code)
    assert "已办结" in page
    assert "已修复&lt;b&gt;。" in page
    assert "答复期限" not in page


def test_a_wrong_code_and_an_unknown_number_look_the_same(square: Square) -> None:
    _page, number, code = send(square)
    wrong = look(square, number, "AAAAAAAAAA")
    unknown = look(square, "WZ20261124-999999", code)
    assert wrong[0] == unknown[0] == 422
    assert "不正确" in wrong[1]
    assert "路灯" not in wrong[1]


def test_guessing_codes_is_slowed_down(square: Square) -> None:
    square.set("portal.rate", per_minute=6, burst=3)
    assert [look(square, "WZ20261124-000001", "A" * 10)[0] for _ in range(4)] == [422, 422, 422, 429]


def test_pressing_the_button_twice_is_one_message(square: Square) -> None:
    browser = square.visitor()
    page = browser.get("/messages/new").text
    once = re.search(r'name="once" value="([0-9a-f]{32})"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert once
    assert token
    form = {**WORDS, "csrf_token": token.group(1), "once": once.group(1)}
    assert "WZ20261124-000001" in browser.post("/messages/new", data=form).text
    again = browser.post("/messages/new", data=form).text
    assert "没有重复登记" in again
    assert "WZ20261124" not in again
    with square.house.db.read() as session:
        assert session.scalar(select(func.count(Case.id))) == 1


def test_a_message_without_words_keeps_what_was_typed(square: Square) -> None:
    page, number, _code = send(square, text="", name='"><script>x</script>')
    assert number == ""
    assert "请填写留言内容" in page
    assert "<script>" not in page
    assert "路灯不亮" in page


def test_the_trap_and_a_missing_token_stop_programs(square: Square) -> None:
    page, number, _code = send(square, homepage="http://spam")
    assert (number, "提交的内容有误" in page) == ("", True)
    assert square.visitor().post("/messages/new", data=WORDS).status_code == 400
    assert square.visitor().post("/messages/track", data={"number": "x", "code": "y"}).status_code == 400
    with square.house.db.read() as session:
        assert session.scalar(select(func.count(Case.id))) == 0


def test_an_oversized_form_is_refused(square: Square) -> None:
    browser = square.visitor()
    form = {**WORDS, "text": "字" * 40_000, "csrf_token": square.csrf(browser, "/messages/new")}
    assert browser.post("/messages/new", data=form).status_code == 413


def test_the_intake_is_audited_with_its_address_and_without_words(square: Square) -> None:
    send(square)
    with square.house.db.read() as session:
        row = session.scalars(select(Audit).where(Audit.action == "case.receive")).one()
        assert (row.actor, row.address) == ("portal", "127.0.0.1")
        assert "13800138000" not in str(row.detail)


def test_each_form_says_what_happens_with_personal_data(square: Square) -> None:
    browser = square.visitor()
    assert "个人信息说明" in browser.get("/messages/new").text
    assert "个人信息" in browser.get(f"/items/{square.article_id}/comments").text
