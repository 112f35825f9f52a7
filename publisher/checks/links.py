"""Links in an article: only http and https to a public host; what a reader cannot open is named before review."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from core.ports import Problem, Severity

LOCAL_NAMES = ("localhost", ".local", ".internal", ".lan")


def check(links: Iterable[str]) -> list[Problem]:
    """Problems of the link targets found in the text, in order."""
    return [problem for link in links if (problem := _judge(link.strip()))]


def _judge(link: str) -> Problem | None:
    shown = link if len(link) <= 60 else link[:57] + "…"
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").lower()
    except ValueError:
        return Problem("body", f"链接“{shown}”写法不对，请重新填写。", code="link_broken")
    if parts.scheme.lower() not in {"http", "https"}:
        return Problem("body", f"链接“{shown}”不能使用，只支持 http 和 https 地址，请改正或删除。", code="link_scheme")
    if not host or any(character.isspace() for character in link):
        return Problem("body", f"链接“{shown}”不完整，请填写完整网址。", code="link_broken")
    if parts.username or parts.password:
        return Problem("body", f"链接“{shown}”里带有用户名或密码，请删除。", code="link_credentials")
    return _judge_host(host, shown)


def _judge_host(host: str, shown: str) -> Problem | None:
    if _private(host):
        return Problem("body", f"链接“{shown}”指向内部地址，公众打不开，请换成公开网址。", code="link_private")
    if "." not in host and ":" not in host:
        text = f"链接“{shown}”的域名不完整，请核对后再送审。"
        return Problem("body", text, Severity.CONFIRM, "link_broken")
    return None


def _private(host: str) -> bool:
    if host.endswith(LOCAL_NAMES):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
