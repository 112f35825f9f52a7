"""Settings changed at run time (运行设置): the table of them, what is in force, and the one way to change one.

Who needs a value asks `value_of`; a key that is not in TABLE does not exist. Settings of the installation: core.config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.db import insert_for
from core.errors import CheckFailed, RuleError
from core.models import Setting
from core.models.words import Role
from core.ports import Problem

COMMENTS, RATE, FOOTER, DUE, WORDS = "portal.comments", "portal.rate", "portal.footer", "casework.due", "monitors.words"
UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
ONE_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Entry:
    """One value of a setting; the type of `default` is its kind: switch, whole number, line or list of words.

    `least` and `most` bound a number, the length of a line, or the length of each word of a list.
    """

    name: str
    label: str
    default: bool | int | str | tuple[str, ...]
    least: int = 0
    most: int = 0
    unit: str = ""


@dataclass(frozen=True)
class RunSetting:
    """One key with its entries; `note` says what it does and when a change takes effect."""

    label: str
    note: str
    entries: tuple[Entry, ...]

    def defaults(self) -> dict[str, Any]:
        """The value in force as long as nobody has changed it."""
        return {each.name: list(each.default) if isinstance(each.default, tuple) else each.default
                for each in self.entries}  # fmt: skip


TABLE: dict[str, RunSetting] = {
    COMMENTS: RunSetting(
        "网站和客户端的评论", "先审后发：评论由人通过后才公开。立即生效。", (Entry("on", "开放评论", False),)
    ),
    RATE: RunSetting(
        "公众提交的频率", "同一网络地址的上限；评论、点赞、留言、查询各算各的。立即生效。",
        (Entry("per_minute", "每分钟", 12, 1, 6000, "次"), Entry("burst", "一次可连续提交", 6, 1, 1000, "次")),
    ),
    FOOTER: RunSetting(
        "网站页脚", "留空的行不显示；主办单位留空时显示网站名称。立即生效。",
        (
            Entry("sponsor", "主办单位", "", 0, 60), Entry("icp", "ICP 备案号", "", 0, 60),
            Entry("police", "公安备案号", "", 0, 60),
        ),
    ),
    DUE: RunSetting(
        "留言办理期限", "从收到次日起算的工作日，只按星期计算，不含法定节假日调休。对以后收到的留言生效。",
        (Entry("working_days", "办理期限", 15, 1, 90, "个工作日"),),
    ),
    WORDS: RunSetting(
        "本地词语", "地名、单位名等，分析评论时不会被拆开。对以后采集的评论生效；删掉的词在调度进程重启后不再使用。",
        (Entry("words", "词语，一行一个", (), 2, 12),),
    ),
}  # fmt: skip
MOST_WORDS = 2000


def value_of(session: Session, key: str) -> dict[str, Any]:
    """What is in force: the stored value over the defaults. KeyError for a key that does not exist."""
    defaults = TABLE[key].defaults()
    setting = session.get(Setting, key)
    return defaults if setting is None else {**defaults, **setting.value}


def change(session: Session, actor: Actor, key: str, typed: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Read what an administrator typed, store and audit it; the new value. A list is typed one word a line.

    CheckFailed names every field that is wrong and what it should hold; NotPermitted, RuleError for an unknown key.
    Unchanged values write nothing.
    """
    actor.need(Role.ADMINISTRATOR)
    if key not in TABLE:
        raise RuleError("没有这个设置，请刷新页面。")
    problems: list[Problem] = []
    value = {each.name: _read(each, typed.get(each.name, ""), problems) for each in TABLE[key].entries}
    if problems:
        raise CheckFailed(problems)
    if value != value_of(session, key):
        store(session, actor, key, value, now)
    return value


def store(session: Session, actor: Actor, key: str, value: dict[str, Any], now: datetime) -> None:
    """Write a value and its audit row; the caller has asked for the permission and checked the value."""
    before = value_of(session, key)
    changed = {"value": value, "changed_at": now, "changed_by": actor.name}
    insert = insert_for(session, Setting).values(key=key, **changed)
    session.execute(insert.on_conflict_do_update(index_elements=["key"], set_=changed))
    session.expire_all()
    record(session, actor, "setting.change", "setting", key, before=before, after=value)


def _read(entry: Entry, typed: str, problems: list[Problem]) -> Any:
    if isinstance(entry.default, bool):
        return typed == "1"
    if isinstance(entry.default, int):
        return _read_number(entry, typed.strip(), problems)
    return (
        _read_words(entry, typed, problems) if isinstance(entry.default, tuple) else _read_line(entry, typed, problems)
    )


def _read_number(entry: Entry, typed: str, problems: list[Problem]) -> int:
    if typed.isascii() and typed.isdigit() and len(typed) < 9 and entry.least <= int(typed) <= entry.most:
        return int(typed)
    text = f"“{entry.label}”应为 {entry.least} 到 {entry.most} 的整数，请改正。"
    problems.append(Problem(entry.name, text, code="not_in_range"))
    return 0


def _read_line(entry: Entry, typed: str, problems: list[Problem]) -> str:
    line = " ".join(UNSEEN.sub(" ", typed).split())
    if len(line) > entry.most:
        text = f"“{entry.label}”不能超过 {entry.most} 个字，现有 {len(line)} 个，请缩短。"
        problems.append(Problem(entry.name, text, code="too_long"))
    return line


def _read_words(entry: Entry, typed: str, problems: list[Problem]) -> list[str]:
    words = list(dict.fromkeys(word.strip() for word in typed.splitlines() if word.strip()))
    wrong = [word for word in words if not ONE_WORD.fullmatch(word) or not entry.least <= len(word) <= entry.most]
    if wrong:
        text = (
            f"“{'”“'.join(wrong[:5])}”不是 {entry.least} 到 {entry.most} 个字的词，请改正：一行一个，不含空格和标点。"
        )
        problems.append(Problem(entry.name, text, code="not_a_word"))
    if len(words) > MOST_WORDS:
        problems.append(Problem(entry.name, f"最多 {MOST_WORDS} 个词，现有 {len(words)} 个，请删减。", code="too_many"))
    return words
