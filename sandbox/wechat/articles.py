"""WeChat's rules for one article of a draft: limits, cleaning of the body, digest. Knows no network."""

import html
import re
from collections.abc import Callable
from typing import Any

from ..world import World
from .entry import refuse
from .media import find_material

TITLE_CHARACTERS, AUTHOR_CHARACTERS, DIGEST_CHARACTERS = 32, 16, 120
CONTENT_CHARACTERS, CONTENT_BYTES, LINK_BYTES = 20_000, 1024 * 1024, 1024
AUTO_DIGEST_CHARACTERS, ARTICLES, PICTURES = 54, 8, 20
SCRIPT = re.compile(r"<script\b.*?</script\s*>|<script\b[^>]*/?>", re.IGNORECASE | re.DOTALL)
HANDLER = re.compile(r"\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SOURCE = re.compile(r"\b(?:data-)?src\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
Fits = Callable[[Any], bool]


def some_text(most: int) -> Fits:
    """Text is needed, of at most so many characters."""
    return lambda value: isinstance(value, str) and 0 < len(value) <= most


def short_text(most: int) -> Fits:
    """No text, or at most so many characters."""
    return lambda value: len(value or "") <= most


RULES: tuple[tuple[str, int, Fits], ...] = (  # (field, errcode, what fits), asked in this order
    ("title", 45003, some_text(TITLE_CHARACTERS)),
    ("author", 40192, short_text(AUTHOR_CHARACTERS)),
    ("digest", 45004, short_text(DIGEST_CHARACTERS)),
    ("content", 44004, lambda value: isinstance(value, str) and value != ""),
    ("content", 45002, lambda value: len(value) < CONTENT_CHARACTERS and len(value.encode()) < CONTENT_BYTES),
    ("content_source_url", 45005, lambda value: len((value or "").encode()) <= LINK_BYTES),
)
CROP = re.compile(r"^(0(\.\d{1,6})?|1(\.0{1,6})?)(_(0(\.\d{1,6})?|1(\.0{1,6})?)){3}$")


def check_articles(world: World, account: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    """The articles of `draft/add` as stored; 44003 when there is none, 45008 beyond eight."""
    articles = body.get("articles")
    if not isinstance(articles, list) or not articles:
        raise refuse(44003, "[articles]")
    if len(articles) > ARTICLES:
        raise refuse(45008)
    stored = [check_article(world, account, article) for article in articles]
    if len(stored) == 1 and not stored[0]["digest"]:
        stored[0]["digest"] = plain_text(stored[0]["content"])[:AUTO_DIGEST_CHARACTERS]
    return stored


def check_article(world: World, account: dict[str, Any], article: Any) -> dict[str, Any]:
    """One article, checked and cleaned, with every documented field."""
    if not isinstance(article, dict):
        raise refuse(47001, "[articles]")
    kind = article.get("article_type", "news")
    if kind not in ("news", "newspic"):
        raise refuse(40035, "[article_type]")
    check_lengths(article)
    check_covers(world, account, article, kind)
    if article.get("need_open_comment") in (1, True) and not account["may_comment"]:
        raise refuse(88000)
    return {
        "article_type": kind,
        "title": article["title"],
        "author": article.get("author", ""),
        "digest": article.get("digest", ""),
        "content": clean(world, account["id"], article["content"]),
        "content_source_url": article.get("content_source_url", ""),
        "thumb_media_id": article.get("thumb_media_id", ""),
        "show_cover_pic": 0,
        "need_open_comment": int(article.get("need_open_comment") or 0),
        "only_fans_can_comment": int(article.get("only_fans_can_comment") or 0),
        **({"image_info": article["image_info"]} if kind == "newspic" else {}),
    }


def check_lengths(article: dict[str, Any]) -> None:
    """Title, author, digest, body and link against their limits, with the code each has."""
    for name, code, fits in RULES:
        if not fits(article.get(name)):
            raise refuse(code)


def check_covers(world: World, account: dict[str, Any], article: dict[str, Any], kind: str) -> None:
    """`news` needs a permanent picture as thumb, `newspic` 1-20 pictures; crops must be fractions (53402)."""
    if kind == "news":
        find_material(world, account["id"], article.get("thumb_media_id"), "image")
    else:
        listed = (article.get("image_info") or {}).get("image_list") or []
        if not 1 <= len(listed) <= PICTURES:
            raise refuse(40007, "[image_list]")
        for picture in listed:
            find_material(world, account["id"], picture.get("image_media_id"), "image")
    for name in ("pic_crop_235_1", "pic_crop_1_1"):
        if article.get(name) and not CROP.match(article[name]):
            raise refuse(53402)


def clean(world: World, account: str, content: str) -> str:
    """The body without scripts and event handlers; pictures of unknown origin vanish without a word."""

    def keep(match: re.Match[str]) -> str:
        source = SOURCE.search(match[0])
        url = html.unescape(source[1] or source[2] or "") if source else ""
        known = world.store.one("SELECT media_id FROM wechat_media WHERE url = ? AND account = ?", url, account)
        return match[0] if known else ""

    return IMAGE.sub(keep, HANDLER.sub("", SCRIPT.sub("", content)))


def plain_text(content: str) -> str:
    """The body's text without tags and doubled white space."""
    return re.sub(r"\s+", " ", html.unescape(TAG.sub("", content))).strip()
