"""What WeChat takes of an article: limits, and the template of one draft. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.ports import Content, Json, Payload, Problem, Severity
from publisher.wire import digest_of, is_reply, media, render_reply, slot, with_media

LIMITS = {"title": 32, "author": 16, "digest": 120, "content": 20_000, "picture_bytes": 1024 * 1024}
URL_ROOM = 200  # a picture's address at WeChat is longer than our name for it
BODY_TYPES = frozenset({"image/jpeg", "image/png"})


def check(content: Content) -> list[Problem]:
    """Cover, lengths and pictures; the platform drops pictures it does not know without a word."""
    if is_reply(content):
        return []
    return [*_lengths(content), *_cover(content), *_body(content), *_pictures(content)]


def _lengths(content: Content) -> Iterable[Problem]:
    for field, name, text in (("title", "标题", content.title), ("author", "作者", content.author)):
        if len(text) > LIMITS[field]:
            yield Problem(field, f"微信{name}不能超过 {LIMITS[field]} 字，请缩短。")
    if len(content.summary) > LIMITS["digest"]:
        yield Problem("summary", f"微信摘要超过 {LIMITS['digest']} 字，将只取前 {LIMITS['digest']} 字。", Severity.WARN)


def _cover(content: Content) -> Iterable[Problem]:
    if not content.cover_sha256:
        yield Problem("cover", "微信文章必须有封面，请上传封面图片。")


def _body(content: Content) -> Iterable[Problem]:
    if len(content.body_html) + URL_ROOM * content.body_html.count("media:") >= LIMITS["content"]:
        yield Problem("body_html", "微信正文（含标签）不能超过 2 万字，请缩短。")


def _pictures(content: Content) -> Iterable[Problem]:
    for sha256, mime in content.media_types.items():
        small = content.media_sizes.get(sha256, 0) < LIMITS["picture_bytes"]
        if f"media:{sha256}" in content.body_html and not (mime in BODY_TYPES and small):
            yield Problem("body_html", "微信正文图片须为 1 MB 以内的 JPEG 或 PNG，请更换。")


def render(content: Content, comments: bool) -> Payload:
    """One article; the source link carries the copy's mark, by which a lost submit is found again."""
    if is_reply(content):
        receipt, comment = content.answers.get("receipt") or {}, str(content.answers.get("comment_id", ""))
        place = {"msg_data_id": receipt.get("msg_data_id", ""), "user_comment_id": comment.rpartition(":")[2]}
        return render_reply(content, place)
    template: Json = {
        "title": content.title, "author": content.author, "digest": content.summary[: LIMITS["digest"]],
        "content": with_media(content.body_html), "content_source_url": slot("copy_link"),
        "thumb_media_id": media(content.cover_sha256, "cover"),
        "need_open_comment": int(comments),
        "only_fans_can_comment": 0,
    }  # fmt: skip
    return Payload(template, digest_of(template))
