"""Weibo's text: length, links, topics, comparing two texts, the mid in an address, times. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime
from typing import Any

MOST = 140
LINK_UNITS = 20  # a link counts as ten characters, that is twenty half-width units
LINK = re.compile(r"https?://[^\s一-鿿，。；！？、（）【】《》]+")
TOPIC = re.compile(r"#[^#\n]+#")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def measure(text: str) -> int:
    """Length in Chinese characters: two ASCII signs are one, a link is ten."""
    links = LINK.findall(text)
    units = sum(1 if ord(sign) < 128 else 2 for sign in LINK.sub("", text)) + LINK_UNITS * len(links)
    return (units + 1) // 2


def normal(text: str) -> str:
    """The text without links, topics, white space and case, as two posts are compared."""
    return re.sub(r"\s+", "", TOPIC.sub("", LINK.sub("", text))).lower()


def compose(title: str, summary: str, link: str) -> str:
    """【title】summary and link, the words cut with … so that the whole fits."""
    whole = f"【{title}】{summary}".strip()
    if measure(f"{whole} {link}") <= MOST:
        return f"{whole} {link}"
    lengths = range(len(whole) + 1)  # a longer beginning never measures less
    fitting = bisect_right(lengths, MOST, key=lambda length: measure(f"{whole[:length]}… {link}"))
    return f"{whole[: max(fitting - 1, 0)]}… {link}"


def created_at(post: dict[str, Any]) -> datetime:
    """`Tue May 31 17:46:55 +0800 2011`, whole seconds."""
    return datetime.strptime(post["created_at"], "%a %b %d %H:%M:%S %z %Y")


def base62(number: str) -> str:
    """The mid in a post's address: seven decimal digits at a time from the right, four signs each."""
    parts: list[str] = []
    while number:
        number, group = number[:-7], number[-7:]
        value, signs = int(group), ""
        while value or not signs:
            value, rest = divmod(value, 62)
            signs = DIGITS[rest] + signs
        parts.append(signs.rjust(4, "0") if number else signs)
    return "".join(reversed(parts))
