"""Templates, slots, and the proof that a wire body is the approved one."""

from __future__ import annotations

import copy

import pytest

from publisher.wire import SlotError, bind, digest_of, is_approved_body, joined, media, slot, slots_of, unbind

SHA = "ab" * 32
TEMPLATE = {
    "title": "通告",
    "content": joined('<p>见图</p><img src="', media(SHA), '"><a href="', slot("copy_link"), '">原文</a>'),
    "list": [{"at": slot("published_at")}, 3, None],
}
VALUES = {f"media:{SHA}": "http://mmbiz.qpic.cn/a", "copy_link": "http://x.gov.cn/1?c=2", "published_at": "2026"}


def test_binding_fills_every_slot() -> None:
    body = bind(TEMPLATE, VALUES)
    assert body["content"] == ('<p>见图</p><img src="http://mmbiz.qpic.cn/a"><a href="http://x.gov.cn/1?c=2">原文</a>')
    assert body["list"] == [{"at": "2026"}, 3, None]
    assert slots_of(TEMPLATE) == set(VALUES)


def test_unbinding_what_was_bound_gives_the_approved_digest() -> None:
    body = bind(TEMPLATE, VALUES)
    assert unbind(TEMPLATE, body, VALUES) == TEMPLATE
    assert is_approved_body(TEMPLATE, digest_of(TEMPLATE), body, VALUES)


@pytest.mark.parametrize("change", ["title", "word", "slot", "more", "key", "item", "shorter"])
def test_any_change_of_the_wire_body_is_not_the_approved_one(change: str) -> None:
    body = copy.deepcopy(bind(TEMPLATE, VALUES))
    changes = {
        "title": lambda: body.update(title="通知"),
        "word": lambda: body.update(content=body["content"].replace("见图", "见文")),
        "slot": lambda: body.update(content=body["content"].replace("qpic.cn/a", "qpic.cn/b")),
        "more": lambda: body.update(content=body["content"] + "<p>广告</p>"),
        "key": lambda: body.update(extra="x"),
        "item": lambda: body["list"].append(1),
        "shorter": lambda: body.update(content=body["content"][:-4]),
    }
    changes[change]()
    assert not is_approved_body(TEMPLATE, digest_of(TEMPLATE), body, VALUES)


def test_the_list_of_slots_is_closed() -> None:
    with pytest.raises(SlotError):
        slot("author")
    with pytest.raises(SlotError):
        slot("media")
    with pytest.raises(SlotError):
        bind({"$slot": "author"}, {"author": "x"})


def test_a_missing_value_is_an_error_and_never_an_empty_text() -> None:
    with pytest.raises(SlotError):
        bind(TEMPLATE, {})


def test_pictures_count_by_the_digest_of_their_bytes() -> None:
    assert digest_of({"pic": media(SHA)}) != digest_of({"pic": media("cd" * 32)})
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
