"""A stored payload as a reviewer reads it: every part of the template, slots by name, nothing left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PARTS = {
    "title": "标题",
    "summary": "摘要",
    "digest": "摘要",
    "html": "正文",
    "content": "正文",
    "body": "正文",
    "body_html": "正文",
    "text": "文字",
    "status": "微博文字",
    "alert": "推送文字",
    "author": "作者",
    "source": "来源",
    "keywords": "关键词",
    "column": "栏目",
    "cover": "封面",
    "thumb": "封面",
    "thumb_media_id": "封面",
    "pic": "配图",
    "pictures": "图片",
    "link": "链接",
    "canonical_link": "固定链接",
    "content_source_url": "原文链接",
    "comment": "回复文字",
    "meta": "页面标签",
    "push": "推送",
    "audience": "推送对象",
    "published_at": "发布时间",
    "operation": "操作",
}
SLOTS = {"published_at": "发布时间", "key": "平台编号", "copy_link": "带标记的稿件链接", "media": "图片"}


@dataclass(frozen=True)
class Part:
    """One leaf of a template: its path in words, and its text, HTML, or the digest of a picture."""

    word: str
    text: str = ""
    html: str = ""
    picture: str = ""


def parts_of(template: dict[str, Any]) -> list[Part]:
    """Every leaf of the template in order; technical leaves keep their own name."""
    return [part for name, value in template.items() for part in _parts(PARTS.get(name, name), value)]


def plain_parts(template: dict[str, Any]) -> str:
    """The same as text, for comparing two payloads word by word."""
    return "\n".join(f"{part.word}：{part.text or part.html or part.picture}" for part in parts_of(template))


def _parts(word: str, value: Any) -> list[Part]:
    if isinstance(value, dict):
        if "$slot" in value:
            return [_slot(word, value)]
        return [part for name, each in value.items() for part in _parts(f"{word} · {PARTS.get(name, name)}", each)]
    if isinstance(value, list):
        return _list(word, value)
    return [_leaf(word, value)] if value not in (None, "") else []


def _list(word: str, values: list[Any]) -> list[Part]:
    """A list is text cut by slots when it holds text, else parts one by one."""
    if any(isinstance(value, str) for value in values):
        pieces = [_words(value) for value in values]
        return [_leaf(word, "".join(pieces))]
    return [part for number, value in enumerate(values, 1) for part in _parts(f"{word} {number}", value)]


def _leaf(word: str, value: Any) -> Part:
    text = {True: "是", False: "否"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return Part(word, html=text) if "</" in text or "<img" in text or "<br" in text else Part(word, text=text)


def _slot(word: str, slot: dict[str, Any]) -> Part:
    if slot["$slot"] == "media":
        return Part(word, picture=str(slot.get("sha256", "")))
    return Part(word, text=f"‹{SLOTS.get(slot['$slot'], slot['$slot'])}，发出时填入›")


def _words(value: Any) -> str:
    """A piece of cut text; a picture in HTML becomes the reference the page can show."""
    if isinstance(value, dict) and value.get("$slot") == "media":
        return f"media:{value.get('sha256', '')}"
    if isinstance(value, dict) and "$slot" in value:
        return f"‹{SLOTS.get(value['$slot'], value['$slot'])}›"
    return str(value)
