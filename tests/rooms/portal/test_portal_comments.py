"""Comments under an item: 先审后发, who sees what, what is refused, and that nothing a writer types becomes markup."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from parsel import Selector
from sqlalchemy import func, select

from core.models import ItemLike, SiteComment
from tests.rooms.portal.square import Square

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}",
    "</li><li class=comment data-id=9>",
    "javascript:alert(1)",
]


def texts(page: str) -> list[str]:
    return [element.xpath("string()").get("") for element in Selector(page).css("li.comment > .text")]


def test_a_comment_waits_for_a_person_and_only_its_writer_sees_it_meanwhile(either_square: Square) -> None:
    square = either_square
    writer, other = square.visitor(), square.visitor()
    answer = square.comment(writer)
    assert answer.status_code == 303
    address = f"/items/{square.article_id}/comments"
    mine = writer.get(address).text
    assert texts(mine) == ["什么时候通水？"]
    assert "待审核" in mine
    assert texts(other.get(address).text) == []
    with square.house.db.read() as session:
        comment_id = session.scalars(select(SiteComment.id)).one()
    square.decide(comment_id, "accepted")
    assert texts(other.get(address).text) == ["什么时候通水？"]
    square.decide(comment_id, "rejected")
    assert texts(other.get(address).text) == texts(writer.get(address).text) == []


def test_each_comment_carries_its_data_for_collectors(square: Square) -> None:
    first = square.store_comment("一楼", state="accepted")
    second = square.store_comment("二楼", state="accepted", parent_id=first, author_name='引"号')
    page = square.visitor().get(f"/items/{square.article_id}/comments").text
    rows = [dict(element.attrib) for element in Selector(page).css("li.comment")]
    fields = ("data-id", "data-parent", "data-author", "data-time", "data-likes", "data-state")
    time = square.clock.now().isoformat()
    assert [tuple(row[name] for name in fields) for row in rows] == [
        (str(first), "", "网友", time, "0", "accepted"),
        (str(second), str(first), '引"号', time, "0", "accepted"),
    ]


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_a_writer_types_becomes_markup(square: Square, evil: str) -> None:
    square.store_comment(evil, state="accepted", author_name=evil)
    page = square.visitor().get(f"/items/{square.article_id}/comments").text
    tree = Selector(page)
    assert texts(page) == [evil]
    assert tree.css("li.comment").attrib["data-author"] == evil
    assert len(tree.css("li.comment")) == 1
    assert tree.css("script, img, [onerror], [onmouseover]").getall() == []
    assert tree.css("h1::text").get() == "停水<通告>"


@pytest.mark.parametrize("evil", EVIL)
def test_a_refused_form_gives_the_typed_words_back_as_words(square: Square, evil: str) -> None:
    answer = square.comment(square.visitor(), "", author=evil * 5)
    assert answer.status_code == 422
    tree = Selector(answer.text)
    assert tree.css("input[name=author]").attrib["value"] == evil * 5
    assert tree.css("script, img").getall() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "  "}, "请填写评论内容"),
        ({"text": "字" * 501}, "超过 500"),
        ({"author": "名" * 21}, "不能超过 20"),
        ({"author": "市政府官方"}, "不能像单位"),
        ({"author": "官\u200b方"}, "不能像单位"),
        ({"parent": "4711"}, "不存在"),
        ({"parent": "1 OR 1=1"}, "不存在"),
    ],
)
def test_what_is_refused_names_the_field_and_loses_nothing(square: Square, fields: dict[str, str], words: str) -> None:
    form = {"text": "原来的话", **fields}
    answer = square.comment(square.visitor(), form.pop("text"), **form)
    assert answer.status_code == 422
    assert words in answer.text
    with square.house.db.read() as session:
        assert session.scalar(select(func.count(SiteComment.id))) == 0


def test_invisible_and_direction_characters_are_taken_out(square: Square) -> None:
    square.comment(square.visitor(), "正\u202e文\x00第二行\r\n第三行")
    with square.house.db.read() as session:
        assert session.scalars(select(SiteComment.text)).one() == "正文第二行\n第三行"


def test_an_answer_may_only_hang_on_a_comment_its_writer_can_see(square: Square) -> None:
    hidden = square.store_comment("待审", state="")
    elsewhere = square.store_comment("客户端的", channel="client", state="accepted")
    shown = square.store_comment("公开的", state="accepted")
    writer = square.visitor()
    for parent in (hidden, elsewhere):
        assert square.comment(writer, "回复", parent=str(parent)).status_code == 422
    assert square.comment(writer, "回复", parent=str(shown)).status_code == 303


def test_comments_are_off_until_switched_on(square: Square) -> None:
    browser = square.visitor()
    square.store_comment("早先公开的", state="accepted")
    token = square.csrf(browser)
    square.set("portal.comments", on=False)
    page = browser.get(f"/items/{square.article_id}/comments").text
    assert "评论暂未开放" in page
    assert texts(page) == ["早先公开的"]
    form = {"csrf_token": token, "text": "硬闯"}
    assert browser.post(f"/items/{square.article_id}/comments", data=form).status_code == 403


def test_a_form_without_its_token_is_refused(square: Square) -> None:
    browser = square.visitor()
    address = f"/items/{square.article_id}/comments"
    assert browser.post(address, data={"text": "跨站"}).status_code == 400
    foreign = square.csrf(square.visitor())
    assert browser.post(address, data={"text": "跨站", "csrf_token": foreign}).status_code == 400
    assert browser.post(f"/items/{square.article_id}/likes").status_code == 400


def test_a_filled_trap_field_is_refused(square: Square) -> None:
    assert square.comment(square.visitor(), homepage="http://spam").status_code == 400


def test_an_item_that_is_not_live_takes_and_shows_no_comments(square: Square) -> None:
    browser = square.visitor()
    token = square.csrf(browser)
    for state, status in (("expected", 404), ("withdrawn", 410), ("gone", 410)):
        square.copy_state(state)
        for path in ("comments", "counts"):
            assert browser.get(f"/items/{square.article_id}/{path}").status_code == status
        for path in ("comments", "likes"):
            form = {"csrf_token": token, "text": "迟到"}
            assert browser.post(f"/items/{square.article_id}/{path}", data=form).status_code == status
    assert browser.get("/items/99999/comments").status_code == 404


def test_pages_are_stable_and_a_page_past_the_end_is_empty(square: Square) -> None:
    numbers = [str(square.store_comment(f"第{count}条", state="accepted")) for count in range(120)]
    browser = square.visitor()
    seen = []
    for page in (1, 2, 3, 4):
        tree = Selector(browser.get(f"/items/{square.article_id}/comments?page={page}").text)
        seen.append([element.attrib["data-id"] for element in tree.css("li.comment")])
    assert [len(rows) for rows in seen] == [50, 50, 20, 0]
    assert [number for rows in seen for number in rows] == numbers
    for odd in ("0", "-1", "x", "²", "9" * 30):
        assert browser.get(f"/items/{square.article_id}/comments?page={odd}").status_code == 200


def test_the_collector_sees_what_is_pending_but_not_what_was_rejected(either_square: Square) -> None:
    square = either_square
    square.store_comment("待审的")
    square.store_comment("公开的", state="accepted")
    square.store_comment("不展示的", state="rejected")
    square.store_comment("退回待审的", state="pending")
    path = f"/items/{square.article_id}/comments"
    page = square.visitor().get(path, headers=square.signed(path)).text
    assert texts(page) == ["待审的", "公开的", "退回待审的"]
    assert re.findall(r'data-state="(\w+)"', page) == ["pending", "accepted", "pending"]
    counts = f"/items/{square.article_id}/counts"
    assert square.visitor().get(counts, headers=square.signed(counts)).get_json() == {"likes": 0, "comments": 3}
    assert square.visitor().get(counts).get_json() == {"likes": 0, "comments": 1}


def test_a_wrong_old_foreign_or_future_signature_shows_nothing_more(square: Square) -> None:
    square.store_comment("待审的")
    path = f"/items/{square.article_id}/comments"
    good = square.signed(path)
    wrong = [
        {},
        {**good, "X-Wenzheng-Signature": "0" * 64},
        {**good, "X-Wenzheng-Time": "1"},
        {**good, "X-Wenzheng-Time": "²"},
        {**good, "X-Wenzheng-Signature": "签"},
        square.signed(path, -301),
        square.signed(path, 301),
        square.signed("/items/999/comments"),
        {**good, "X-Wenzheng-Signature": square.house.vault.sign("other", f"{good['X-Wenzheng-Time']}\n{path}")},
    ]
    for headers in wrong:
        encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        assert texts(square.visitor().get(path, headers=encoded).text) == []
    assert texts(square.visitor().get(path + "?page=1", headers=square.signed(path, -299)).text) == ["待审的"]


def test_one_browser_likes_once_however_often_it_presses(either_square: Square) -> None:
    square = either_square
    browser = square.visitor()
    token = square.csrf(browser)
    address = f"/items/{square.article_id}/likes"
    for _ in range(3):
        assert browser.post(address, data={"csrf_token": token}).status_code == 303
    other = square.visitor()
    answer = other.post(address, data={"csrf_token": square.csrf(other)}, headers={"Accept": "application/json"})
    assert answer.get_json() == {"likes": 2, "comments": 0}


def test_the_same_like_at_the_same_moment_counts_once(either_square: Square) -> None:
    square = either_square
    headers = {"X-Client-Id": "device-0001"}
    address = f"/client/items/{square.article_id}/likes"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: square.visitor().post(address, headers=headers).status_code, range(8)))
    assert set(answers) == {200}
    with square.house.db.read() as session:
        assert session.scalar(select(func.count(ItemLike.id))) == 1


def test_an_address_that_posts_too_fast_is_told_how_long_to_wait(square: Square) -> None:
    square.set("portal.rate", per_minute=6, burst=2)
    browser = square.visitor()
    assert [square.comment(browser).status_code for _ in range(3)] == [303, 303, 429]
    answer = square.comment(square.visitor())
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "10"
    square.clock.advance(10)
    assert square.comment(browser).status_code == 303


def test_another_address_is_not_slowed_down(square: Square) -> None:
    square.set("portal.rate", per_minute=6, burst=1)
    browser = square.visitor()
    token = square.csrf(browser)
    address, form = f"/items/{square.article_id}/comments", {"csrf_token": token, "text": "好"}
    answers = [
        browser.post(address, data=form, environ_base={"REMOTE_ADDR": each}).status_code
        for each in ("198.51.100.1", "198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2", "2001:db8:1::1")
    ]
    assert answers == [303, 429, 303, 303, 429, 303]


def test_an_address_cannot_hide_behind_a_header_unless_a_proxy_is_trusted(square: Square) -> None:
    square.set("portal.rate", per_minute=6, burst=1)
    browser = square.visitor()
    form = {"csrf_token": square.csrf(browser), "text": "好"}
    address = f"/items/{square.article_id}/comments"
    answers = [
        browser.post(address, data=form, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(3)
    ]
    assert answers == [303, 429, 429]
