"""What WeChat takes of an article: limits, and the template of one draft. Pure."""

from __future__ import annotations

from core.ports import Content, Json, Payload, Problem, Severity
from publisher.wire import digest_of, media, slot, with_media

LIMITS = {"title": 32, "author": 16, "digest": 120, "content": 20_000, "picture_bytes": 1024 * 1024}
URL_ROOM = 200  # a picture's address at WeChat is longer than our name for it
BODY_TYPES = frozenset({"image/jpeg", "image/png"})


def check(content: Content) -> list[Problem]:
    """Cover, lengths and pictures; the platform drops pictures it does not know without a word."""
    if content.kind == "reply":
        return []
    problems = [
        Problem(field, f"微信{name}不能超过 {LIMITS[limit]} 字，请缩短。")
        for field, name, limit, text in (
            ("title", "标题", "title", content.title), ("author", "作者", "author", content.author),
        )
        if len(text) > LIMITS[limit]
    ]  # fmt: skip
    if not content.cover_sha256:
        problems.append(Problem("cover", "微信文章必须有封面，请上传封面图片。"))
    if len(content.body_html) + URL_ROOM * content.body_html.count("media:") >= LIMITS["content"]:
        problems.append(Problem("body_html", "微信正文（含标签）不能超过 2 万字，请缩短。"))
    if len(content.summary) > LIMITS["digest"]:
        problems.append(Problem("summary", "微信摘要超过 120 字，将只取前 120 字。", Severity.WARN))
    for sha256, mime in content.media_types.items():
        if f"media:{sha256}" in content.body_html and (
            mime not in BODY_TYPES or content.media_sizes.get(sha256, 0) >= LIMITS["picture_bytes"]
        ):
            problems.append(Problem("body_html", "微信正文图片须为 1 MB 以内的 JPEG 或 PNG，请更换。"))
    return problems


def render(content: Content, comments: bool) -> Payload:
    """One article; the source link carries the copy's mark, by which a lost submit is found again."""
    if content.kind == "reply":
        receipt = content.answers.get("receipt") or {}
        place = {
            "msg_data_id": str(receipt.get("msg_data_id", "")),
            "user_comment_id": str(content.answers.get("comment_id", "")).rpartition(":")[2],
        }
        template: Json = {"text": content.variant_text or content.body_text, "reply": place}
        return Payload(template, digest_of(template))
    template = {
        "title": content.title, "author": content.author, "digest": content.summary[: LIMITS["digest"]],
        "content": with_media(content.body_html), "content_source_url": slot("copy_link"),
        "thumb_media_id": media(content.cover_sha256, "cover"),
        "need_open_comment": int(comments),
        "only_fans_can_comment": 0,
    }  # fmt: skip
    return Payload(template, digest_of(template))
