"""A stored payload as a reviewer reads it: every part of the template, slots by name, nothing left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

WORDS = {
    "title": "标题",
    "summary": "摘要",
    "digest": "摘要",
    "html": "正文",
    "content": "正文",
    "text": "文字",
    "status": "微博文字",
    "alert": "推送文字",
    "author": "作者",
    "source": "来源",
    "cover": "封面",
    "thumb_media_id": "封面",
    "pic": "配图",
    "link": "链接",
    "content_source_url": "原文链接",
    "meta": "页面标签",
    "push": "推送",
    "notification": "通知",
    "audience": "推送对象",
    "published_at": "发布时间",
}
SLOTS = {"published_at": "发布时间", "key": "推送编号", "copy_link": "带标记的稿件链接", "media": "图片"}
TECHNICAL = {"meta", "options", "android", "ios", "platform", "cid", "reply", "extras"}
HTML = re.compile(r"</|<img|<br")
FLAGS = {"need_open_comment": "开放评论", "only_fans_can_comment": "仅粉丝可评论"}


@dataclass(frozen=True)
class Part:
    """One leaf of a template: its path in words, and its text, HTML, or the digest of a picture.

    `technical` parts are tags and switches: shown folded, under the words people will read.
    """

    word: str
    text: str = ""
    html: str = ""
    picture: str = ""
    technical: bool = False


def parts_of(template: dict[str, Any]) -> list[Part]:
    """Every filled leaf of the template; what people will read first, tags and switches after it."""
    parts = [part for name, value in template.items() for part in _parts((name,), value)]
    return sorted(parts, key=lambda part: part.technical)


def plain_parts(template: dict[str, Any]) -> str:
    """The same as text, for comparing two payloads word by word."""
    return "\n".join(f"{part.word}：{part.text or part.html or part.picture}" for part in parts_of(template))


def _parts(path: tuple[str, ...], value: Any) -> list[Part]:
    if isinstance(value, dict) and not {"$slot", "$join"} & set(value):
        return [part for name, each in value.items() for part in _parts((*path, name), each)]
    if isinstance(value, list):
        named = [_named(path, number, each) for number, each in enumerate(value, 1)]
        return [part for place, each in named for part in _parts(place, each)]
    return [] if value in (None, "") else [_leaf(path, value)]


def _named(path: tuple[str, ...], number: int, each: Any) -> tuple[tuple[str, ...], Any]:
    """A pair [name, value], as page tags are, is named by its name; other entries by their number."""
    if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str):
        return (*path, each[0]), each[1]
    return (*path, str(number)), each


def _leaf(path: tuple[str, ...], value: Any) -> Part:
    word = " · ".join(WORDS.get(name, name) for name in path)
    technical = bool(TECHNICAL & set(path))
    if path[-1] in FLAGS:
        return Part(FLAGS[path[-1]], text="是" if value else "否", technical=True)
    pieces = value["$join"] if isinstance(value, dict) and "$join" in value else [value]
    if _is_picture(pieces):
        return Part(word, picture=str(pieces[-1].get("sha256", "")), technical=technical)
    text = "".join(_words(piece) for piece in pieces)
    if HTML.search(text):
        return Part(word, html=text, technical=technical)
    return Part(word, text=text, technical=technical)


def _is_picture(pieces: list[Any]) -> bool:
    """A picture alone, or an address that ends in one."""
    last = pieces[-1]
    return len(pieces) <= 2 and isinstance(last, dict) and last.get("$slot") == "media"


def _words(piece: Any) -> str:
    """A piece of cut text; a picture in HTML becomes the reference the page can show."""
    if isinstance(piece, dict) and piece.get("$slot") == "media":
        return f"media:{piece.get('sha256', '')}"
    if isinstance(piece, dict) and "$slot" in piece:
        return f"‹{SLOTS.get(piece['$slot'], piece['$slot'])}，发出时填入›"
    return str(piece)
