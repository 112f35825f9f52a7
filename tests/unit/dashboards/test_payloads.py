"""A stored payload as parts a person can read."""

from __future__ import annotations

from dashboards.formats import safe_html
from dashboards.payloads import parts_of, plain_parts

PICTURE = {"$slot": "media", "sha256": "ab" * 32}
TEMPLATE = {
    "meta": [["ArticleTitle", "通告"], ["PubDate", {"$slot": "published_at"}]],
    "title": "通告",
    "html": {"$join": ['<p>甲</p><img src="http://127.0.0.1:8001', PICTURE, '" alt="图">']},
    "status": {"$join": ["正文 ", {"$slot": "copy_link"}]},
    "cover": {"$join": ["http://127.0.0.1:8001", PICTURE]},
    "thumb_media_id": {"$slot": "media", "sha256": "cd" * 32},
    "push": {"notification": {"alert": "快看", "ios": {"alert": "快看"}}, "options": {"time_to_live": 86400}},
    "need_open_comment": 0,
    "empty": "",
}


def test_every_filled_leaf_of_the_template_is_shown() -> None:
    parts = {part.word: part for part in parts_of(TEMPLATE)}
    assert parts["标题"].text == "通告"
    assert parts["微博文字"].text == "正文 ‹带标记的稿件链接，发出时填入›"
    assert parts["封面"].picture in {"ab" * 32, "cd" * 32}
    assert parts["推送 · 通知 · 推送文字"].text == "快看"
    assert parts["页面标签 · ArticleTitle"].text == "通告"
    assert parts["页面标签 · PubDate"].text == "‹发布时间，发出时填入›"
    assert parts["开放评论"].text == "否"
    assert len(parts_of(TEMPLATE)) == 11


def test_what_people_will_read_comes_before_tags_and_switches() -> None:
    flags = [part.technical for part in parts_of(TEMPLATE)]
    assert flags == sorted(flags)
    assert [part.word for part in parts_of(TEMPLATE)][:2] == ["标题", "正文"]


def test_a_picture_in_the_text_is_shown_from_this_site() -> None:
    html = next(part.html for part in parts_of(TEMPLATE) if part.word == "正文")
    assert f'src="/media/{"ab" * 32}"' in safe_html(html)


def test_two_payloads_that_differ_in_a_picture_differ_as_text() -> None:
    other = TEMPLATE | {"thumb_media_id": {"$slot": "media", "sha256": "ee" * 32}}
    assert plain_parts(TEMPLATE) != plain_parts(other)
