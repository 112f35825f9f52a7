"""Offline checks of what an article says: pure functions from content to problems, each with its fix in Chinese.

Nothing here reads a database, a file or the network; what a platform allows is checked by its own channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.ports import Content, Problem, Severity
from publisher.checks import dates, links, privacy, wording
from publisher.checks.markup import Reading, plain_text, read, sanitise
from publisher.checks.pictures import Picture, examine

__all__ = ["Picture", "Reading", "check_content", "check_cover", "examine", "plain_text", "read", "sanitise"]

TITLE_LIMIT = 100
SUMMARY_LIMIT = 120
REPLY_LIMIT = 140  # the shortest limit of the platforms that take replies
REPLY = "reply"


def check_content(content: Content, today: date, known_media: frozenset[str]) -> list[Problem]:
    """All problems of one revision, whatever the channel.

    `known_media` holds the digests of stored pictures; `today` is the Shanghai day, for dates that cannot be meant.
    """
    reading = read(content.body_html)
    if content.kind == REPLY:
        problems = _reply_fields(content)
    else:
        problems = _article_fields(content) + _pictures(content, reading, known_media)
    text = "\n".join(part for part in (content.title, content.summary, content.body_text, content.variant_text) if part)
    problems += links.check(reading.links)
    problems += privacy.check(text)
    problems += wording.check(text)
    problems += dates.check(text, today)
    return _once(problems)


def check_cover(content: Content, needs_cover: bool) -> list[Problem]:
    """A cover is asked for when any chosen channel cannot publish without one (WeChat)."""
    if content.cover_sha256 or not needs_cover or content.kind == REPLY:
        return []
    return [Problem("cover", "微信公众号文章必须有封面：请上传一张封面图片后再送审。", code="cover_missing")]


def _article_fields(content: Content) -> list[Problem]:
    problems = []
    title = content.title.strip()
    if not title:
        problems.append(Problem("title", "请填写标题。", code="title_missing"))
    elif len(title) > TITLE_LIMIT:
        text = f"标题有 {len(title)} 个字，超过 {TITLE_LIMIT} 个字的上限，请缩短。"
        problems.append(Problem("title", text, code="title_long"))
    if not content.body_text.strip():
        problems.append(Problem("body", "正文是空的，请填写正文。", code="body_missing"))
    if len(content.summary) > SUMMARY_LIMIT:
        text = f"摘要有 {len(content.summary)} 个字，部分渠道只显示前 {SUMMARY_LIMIT} 个字，建议缩短。"
        problems.append(Problem("summary", text, Severity.WARN, "summary_long"))
    return problems


def _reply_fields(content: Content) -> list[Problem]:
    text = content.body_text.strip()
    if not text:
        return [Problem("body", "回复是空的，请填写回复内容。", code="body_missing")]
    if len(text) > REPLY_LIMIT:
        fix = f"回复有 {len(text)} 个字，超过 {REPLY_LIMIT} 个字的上限，请缩短。"
        return [Problem("body", fix, code="reply_long")]
    return []


def _pictures(content: Content, reading: Reading, known: frozenset[str]) -> list[Problem]:
    problems = []
    for number, picture in enumerate(reading.pictures, start=1):
        if not picture.alt.strip():
            text = f"正文第 {number} 张图片没有文字说明，请填写，方便读屏软件朗读。"
            problems.append(Problem("body", text, code="alt_missing"))
        if picture.sha256 not in known:
            text = f"正文第 {number} 张图片不在图片库里，请重新上传后插入。"
            problems.append(Problem("body", text, code="picture_unknown"))
    if content.cover_sha256 and content.cover_sha256 not in known:
        problems.append(Problem("cover", "封面图片不在图片库里，请重新上传。", code="picture_unknown"))
    return problems


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
