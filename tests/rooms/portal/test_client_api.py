"""The client app's JSON: feed, item, comments with a cursor, likes, and clear Chinese errors."""

from __future__ import annotations

import pytest

from core.models import FeedEntry
from tests.rooms.portal.square import Square


def test_the_feed_lists_items_without_their_html_and_the_item_has_it(square: Square) -> None:
    browser = square.visitor()
    feed = browser.get("/client/feed").get_json()
    assert [(row["id"], row["title"], "html" in row) for row in feed["items"]] == [
        (square.article_id, "停水通告", False)
    ]
    assert feed["next"] is None
    item = browser.get(f"/client/items/{square.article_id}").get_json()
    assert item["html"] == "<p>今晚停水。</p>"
    assert item["published_at"] == square.clock.now().isoformat()


def test_a_removed_item_is_gone_and_an_unknown_one_missing(square: Square) -> None:
    with square.house.db.write() as session:
        session.query(FeedEntry).update({"removed_at": square.clock.now()})
    browser = square.visitor()
    assert browser.get("/client/feed").get_json()["items"] == []
    for path in ("", "/comments", "/counts"):
        answer = browser.get(f"/client/items/{square.article_id}{path}")
        assert answer.status_code == 410
        assert "撤回" in answer.get_json()["error"]["text"]
    assert browser.get("/client/items/999").status_code == 404
    assert browser.post(f"/client/items/{square.article_id}/likes").status_code == 410


def test_a_posted_comment_waits_and_only_the_device_sees_it(either_square: Square) -> None:
    square = either_square
    browser = square.visitor()
    address, device = f"/client/items/{square.article_id}/comments", {"X-Client-Id": "device-0001"}
    answer = browser.post(address, json={"author": "晨跑的老赵", "text": "支持"}, headers=device)
    assert answer.status_code == 201
    assert answer.get_json()["state"] == "pending"
    assert [row["text"] for row in browser.get(address, headers=device).get_json()["items"]] == ["支持"]
    assert browser.get(address).get_json()["items"] == []
    assert browser.get(address, headers={"X-Client-Id": "device-0002"}).get_json()["items"] == []
    signed = browser.get(address, headers=square.signed(address)).get_json()["items"]
    assert [(row["text"], row["state"], row["parent"], row["likes"]) for row in signed] == [
        ("支持", "pending", None, 0)
    ]


def test_the_cursor_gives_every_comment_once(square: Square) -> None:
    numbers = [square.store_comment(f"第{count}条", "client", "accepted") for count in range(7)]
    square.store_comment("网站上的", "website", "accepted")
    address, after, seen = f"/client/items/{square.article_id}/comments", 0, []
    while after is not None:
        page = square.visitor().get(f"{address}?after={after}&limit=3").get_json()
        seen += [row["id"] for row in page["items"]]
        after = page["next"]
    assert seen == numbers


@pytest.mark.parametrize("query", ["limit=x", "after=-1", "after=1.5", "limit=²", "after=" + "9" * 40])
def test_a_query_that_is_no_number_is_an_error_not_a_crash(square: Square, query: str) -> None:
    answer = square.visitor().get(f"/client/items/{square.article_id}/comments?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["error"]["text"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "字" * 501}, 422),
        ({"text": "好", "parent": 999}, 422),
        ({"text": ["好"]}, 415),
        ({"text": {"a": 1}}, 415),
        (["text"], 415),
        (None, 415),
    ],
)
def test_what_is_not_a_comment_is_refused_in_chinese(square: Square, body: object, status: int) -> None:
    answer = square.visitor().post(f"/client/items/{square.article_id}/comments", json=body)
    assert answer.status_code == status
    assert answer.get_json()["error"]["text"]


def test_a_form_of_another_site_cannot_post_for_the_app(square: Square) -> None:
    answer = square.visitor().post(f"/client/items/{square.article_id}/comments", data={"text": "跨站"})
    assert answer.status_code == 415


def test_a_device_likes_once_and_devices_without_id_share_an_address(square: Square) -> None:
    address = f"/client/items/{square.article_id}/likes"
    for device in ("device-0001", "device-0001", "device-0002", "短", ""):
        headers = {"X-Client-Id": device.encode().decode("latin-1")} if device else {}
        answer = square.visitor().post(address, headers=headers)
    assert answer.get_json() == {"likes": 3, "comments": 0}


def test_comments_off_and_too_fast_are_told_in_json(square: Square) -> None:
    address = f"/client/items/{square.article_id}/comments"
    square.set("portal.comments", on=False)
    answer = square.visitor().post(address, json={"text": "好"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "comments_off")
    square.set("portal.rate", per_minute=6, burst=0)
    answer = square.visitor().post(address, json={"text": "好"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "too_fast")


def test_markup_in_a_comment_stays_a_string(square: Square) -> None:
    address = f"/client/items/{square.article_id}/comments"
    answer = square.visitor().post(address, json={"text": "<script>alert(1)</script>"})
    assert answer.content_type == "application/json"
    assert answer.get_json()["text"] == "<script>alert(1)</script>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
