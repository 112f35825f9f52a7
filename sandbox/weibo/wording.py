"""Weibo's rules of text: links, safe domains, topics, length, repeated text, mids. Pure."""

import hashlib
import re
from urllib.parse import urlsplit

URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
TOPIC = re.compile(r"#[^#\n]+#")
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINK_UNITS = 20  # a link counts as about ten characters, that is twenty half-width units


def shorten(text: str) -> tuple[str, list[dict[str, object]]]:
    """The text with short links and without topics, and its `url_objects` in order of appearance."""
    links: list[dict[str, object]] = []

    def replace(match: re.Match[str]) -> str:
        long = match[0].rstrip(".,;:!?)'")
        links.append({"url_short": short_link(long), "url_long": long, "type": 0, "result": True})
        return f"\0{len(links) - 1}\0{match[0][len(long) :]}"

    bare = TOPIC.sub("", URL.sub(replace, text))
    kept = re.sub(r"\0(\d+)\0", lambda m: str(links[int(m[1])]["url_short"]), bare)
    return kept.strip(), links


def short_link(url: str) -> str:
    """The t.cn form of a link, always the same for the same link."""
    number = int.from_bytes(hashlib.sha1(url.encode()).digest()[:6], "big")  # noqa: S324  a short name, no secret
    return "http://t.cn/A6" + encode_62(number)[:7].rjust(7, "0")


def holds_domain(links: list[dict[str, object]], domains: list[str]) -> bool:
    """Whether at least one link lies under one of the safe domains (the domain or a name below it)."""
    hosts = [(urlsplit(str(link["url_long"])).hostname or "").lower() for link in links]
    plain = [domain.lower().split(":")[0] for domain in domains]
    return any(host == domain or host.endswith("." + domain) for host in hosts for domain in plain)


def measure(text: str) -> int:
    """Length in Chinese characters: two ASCII characters are one, a link is ten."""
    links = URL.findall(text)
    rest = URL.sub("", text)
    units = sum(1 if ord(char) < 128 else 2 for char in rest) + LINK_UNITS * len(links)
    return (units + 1) // 2


def encode_62(number: int) -> str:
    """A number in base 62, digits before small before capital letters."""
    digits = ""
    while True:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
        if not number:
            return digits


def mid_of(number: int) -> str:
    """The mid in a page address: groups of seven decimal digits from the right, each four base-62 digits."""
    text, parts = str(number), []
    while text:
        text, group = text[:-7], text[-7:]
        parts.append(encode_62(int(group)).rjust(4, "0") if text else encode_62(int(group)))
    return "".join(reversed(parts))


def id_of(mid: str) -> int:
    """The number behind a mid. ValueError for anything that is not a mid."""
    text, parts = mid, []
    while text:
        text, group = text[:-4], text[-4:]
        number = 0
        for char in group:
            number = number * 62 + ALPHABET.index(char)
        parts.append(str(number).rjust(7, "0") if text else str(number))
    if not parts:
        raise ValueError("empty mid")
    return int("".join(reversed(parts)))
