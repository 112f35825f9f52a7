"""What Weibo takes of an article: one small rule each, and the words that go out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from core.ports import Content, Problem, Severity
from publisher.channels.weibo.wording import MOST, TOPIC, compose, measure
from publisher.wire import is_reply, reply_words

LIMITS = {"text": MOST, "picture_bytes": 5 * 1024 * 1024}


def words_of(content: Content) -> str:
    """The editor's own words, or title and summary with the link."""
    return content.variant_text or compose(content.title, content.summary or content.body_text, content.canonical_link)


def check(content: Content, safe_domains: Sequence[str]) -> list[Problem]:
    """Length, the link under a safe domain, topics, the picture's size; of an answer only the length."""
    if is_reply(content):
        return [*_length(reply_words(content))]
    words, link = words_of(content), content.canonical_link
    return [*_length(words), *_link(words, link), *_domain(link, safe_domains), *_topics(words), *_picture(content)]


def _length(words: str) -> Iterable[Problem]:
    length = measure(words)
    if length > LIMITS["text"]:
        yield Problem("variant", f"微博文案 {length} 字，超过 {LIMITS['text']} 字，请缩短。")


def _link(words: str, link: str) -> Iterable[Problem]:
    if link not in words:
        yield Problem("variant", f"微博文案必须包含稿件链接，请加上：{link}")


def _domain(link: str, safe_domains: Sequence[str]) -> Iterable[Problem]:
    host, safe = urlsplit(link).hostname or "", [domain.split(":")[0] for domain in safe_domains]
    if safe and not any(host == domain or host.endswith("." + domain) for domain in safe):
        yield Problem("link", f"稿件链接的域名 {host} 不在微博应用的安全域名内，请管理员登记。")


def _topics(words: str) -> Iterable[Problem]:
    if TOPIC.search(words):
        yield Problem("variant", "微博会去掉 #话题#，请改写。", Severity.WARN)


def _picture(content: Content) -> Iterable[Problem]:
    if content.media_sizes.get(content.cover_sha256, 0) >= LIMITS["picture_bytes"]:
        yield Problem("cover", "微博图片必须小于 5 MB，请压缩封面。")
