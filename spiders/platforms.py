"""What a platform's answer to a reading call means: by the code in its body, never by the HTTP status alone.

Effects are those of core.ports.Effect with two of reading's own: `again` (nothing is wrong with us, ask once more) and
`absent` (the thing read is not there; the run goes on with the next).
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import core

AGAIN, ABSENT = "again", "absent"
DONE, THROTTLED, CREDENTIAL, DISABLED, REFUSED = "done", "throttled", "credential", "disabled", "refused"
AGAIN_S, MINUTE_S = 2.0, 60.0
TABLES = Path(core.__file__).parent / "platforms"
WEIBO_TIME = "%a %b %d %H:%M:%S %z %Y"  # EEE MMM dd HH:mm:ss Z yyyy, always in English


@dataclass(frozen=True)
class Judgement:
    """One answer judged: effect, the platform's code, Chinese text, seconds to wait."""

    effect: str
    code: str = ""
    text: str = ""
    wait_s: float = 0.0


NOT_THERE = {  # codes that say of one item that it cannot be read, in addition to the tables of core
    "weibo": {"20101": "这条微博不存在", "20112": "没有查看这条微博的权限", "20201": "评论不存在"},
    "wechat": {"88001": "这篇文章没有留言数据", "88002": "这篇文章的留言受限", "88011": "这篇文章的留言受限"},
}


@dataclass(frozen=True)
class Rule:
    """One line of core/platforms/*.toml as a reader takes it."""

    effect: str
    text: str
    wait_s: float = 0.0


@cache
def rules_of(platform: str) -> dict[str, Rule]:
    """code -> rule. The tables speak of publishing: what is `unknown` there can simply be asked again by a reader."""
    table = tomllib.loads((TABLES / f"{platform}.toml").read_text("utf-8"))
    rules: dict[str, Rule] = {}
    for line in table["code"]:
        if line.get("endpoint", "*") == "*":
            effect = AGAIN if line["effect"] in ("unknown", "not_sent") else line["effect"]
            text = str(line["text"]).partition("，不能断定")[0]
            rules[str(line["code"])] = Rule(effect, text, float(line.get("retry_s", AGAIN_S)))
    absent = {code: Rule(ABSENT, text) for code, text in NOT_THERE.get(platform, {}).items()}
    return {**rules, **absent}


def judge(platform: str, status: int, body: bytes) -> Judgement:
    """Judge one answer of `weibo`, `wechat` or `site` (our own portal and client feed, by HTTP status)."""
    if platform == "site":
        return _judge_site(status)
    try:
        content = json.loads(body)
    except ValueError:
        return Judgement(AGAIN, str(status), f"平台的回答无法解析（HTTP {status}）", AGAIN_S)
    code = _code_of(platform, content)
    if code in ("", "0"):
        if status >= 500:
            return Judgement(AGAIN, str(status), f"平台服务出错（HTTP {status}）", AGAIN_S)
        return Judgement(DONE)
    rule = rules_of(platform).get(code) or Rule(REFUSED, f"平台拒绝读取（{_message_of(content)}）")
    return Judgement(rule.effect, code, f"{rule.text}（{code}）", rule.wait_s)


def _judge_site(status: int) -> Judgement:
    if status == 200:
        return Judgement(DONE)
    if status in (404, 410):
        return Judgement(ABSENT, str(status), f"页面不存在（HTTP {status}）")
    if status == 429:
        return Judgement(THROTTLED, str(status), "站点要求放慢（HTTP 429）", MINUTE_S)
    if status >= 500:
        return Judgement(AGAIN, str(status), f"站点出错（HTTP {status}）", AGAIN_S)
    return Judgement(REFUSED, str(status), f"站点拒绝读取（HTTP {status}）")


def _code_of(platform: str, content: Any) -> str:
    """The error code as text: Weibo's documents show a string, its servers send a number."""
    if not isinstance(content, dict):
        return ""
    return str(content.get("error_code" if platform == "weibo" else "errcode") or "")


def _message_of(content: Any) -> str:
    words = content.get("error") or content.get("errmsg") or "没有说明"
    return str(words)[:120]


def parse_weibo_time(text: str) -> datetime:
    """`Tue May 31 17:46:55 +0800 2011` as an aware instant; ValueError when it is something else."""
    return datetime.strptime(text, WEIBO_TIME)  # noqa: DTZ007 - the format holds %z
