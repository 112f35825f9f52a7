"""A stored payload as parts a person can read."""

from __future__ import annotations

from dashboards.payloads import parts_of, plain_parts

TEMPLATE = {
    "title": "通告",
    "html": ['<p>甲</p><img src="', {"$slot": "media", "sha256": "ab12"}, '" alt="图">'],
    "status": ["正文 ", {"$slot": "copy_link"}],
    "thumb": {"$slot": "media", "sha256": "cd34"},
    "when": {"$slot": "published_at"},
    "deep": {"need_open_comment": True, "list": [{"name": "乙"}]},
    "empty": "",
}


def test_every_filled_leaf_of_the_template_is_shown() -> None:
    parts = {part.word: part for part in parts_of(TEMPLATE)}
    assert parts["标题"].text == "通告"
    assert 'src="media:ab12"' in parts["正文"].html
    assert parts["微博文字"].text == "正文 ‹带标记的稿件链接›"
    assert parts["封面"].picture == "cd34"
    assert parts["when"].text == "‹发布时间，发出时填入›"
    assert parts["deep · need_open_comment"].text == "是"
    assert parts["deep · list 1 · name"].text == "乙"
    assert len(parts) == 7


def test_two_payloads_that_differ_in_a_picture_differ_as_text() -> None:
    other = TEMPLATE | {"thumb": {"$slot": "media", "sha256": "ee55"}}
    assert plain_parts(TEMPLATE) != plain_parts(other)
