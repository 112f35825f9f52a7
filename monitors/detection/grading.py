"""The level of an issue by a rule table. A machine raises; only a person lowers. Pure.

No national numbers exist for grading public opinion; these defaults are the product's choice. Anchors: 500 reposts or
5,000 views make one defamatory post's spread "serious" (judicial interpretation of 2013); 10,000 reposts or 100,000
views "wide", 100,000 and 1,000,000 "exceptionally wide" (national guides on grading network incidents).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.models.words import Level
from monitors.detection.gates import Said

ORDER = [level.value for level in Level]


@dataclass(frozen=True)
class Spread:
    """The numbers a level rests on; `hourly` and `usual_hourly` are mentions of the issue's terms an hour."""

    reposts: int = 0
    views: int = 0
    hourly: int = 0
    usual_hourly: float = 0.0


@dataclass(frozen=True)
class Grade:
    """A level and why, as (code, Chinese text)."""

    level: str
    reasons: tuple[tuple[str, str], ...]


VOLUME = (
    (Level.RED, 100_000, 1_000_000),
    (Level.ORANGE, 10_000, 100_000),
    (Level.YELLOW, 500, 5_000),
)
KINDS = {
    "death": ("涉及人员伤亡", "死亡 去世 死者 遇难 身亡 跳楼 自杀 坠亡 伤亡 死人 出人命 命案"),
    "mass": ("涉及聚集事件", "聚集 围堵 上访 游行 罢工 罢市 堵路 静坐 群体事件 拉横幅"),
    "minors": ("涉及未成年人受害", "虐童 性侵 猥亵 拐卖 拐骗 霸凌 失踪儿童 校园欺凌"),
    "food": ("涉及食品药品安全", "中毒 食物中毒 毒奶粉 地沟油 假药 假疫苗 过期疫苗 变质 食品安全"),
    "officials": ("涉及公职人员行为", "贪污 受贿 贪官 腐败 滥用职权 官商勾结 包庇 吃拿卡要"),
    "force": ("涉及执法动武", "打人 暴力执法 殴打 城管打人 警察打人 强拆 暴力拆迁"),
}
FLOOR_AUTHORS = 3
"""Distinct authors who must name a severe matter before it lifts the level."""
GROWTH = 3.0
GROWTH_HOURLY = 50


def higher(left: str, right: str) -> str:
    """The higher of two levels."""
    return max(left, right, key=ORDER.index)


def grade(said: Collection[Said], spread: Spread) -> Grade:
    """Blue for any issue; volume, a severe matter and fast growth lift it."""
    level: str = Level.BLUE
    reasons: list[tuple[str, str]] = [("found", "提及量明显高于平常，列为蓝色")]
    for step, reposts, views in VOLUME:
        if spread.reposts >= reposts or spread.views >= views:
            level = higher(level, step)
            reasons.append((f"volume_{step}", f"转发 {spread.reposts:,} 次、阅读 {spread.views:,} 次，达到该级数量"))
            break
    for code, text in severe_matters(said):
        level = higher(level, Level.YELLOW)
        reasons.append((code, f"{text}，不低于黄色"))
    if spread.hourly >= max(GROWTH_HOURLY, GROWTH * spread.usual_hourly):
        level = ORDER[min(ORDER.index(level) + 1, len(ORDER) - 1)]
        reasons.append(("growth", f"最高一小时 {spread.hourly:,} 条，为平常的三倍以上，上调一级"))
    return Grade(level, tuple(reasons))


def severe_matters(said: Collection[Said]) -> list[tuple[str, str]]:
    """Severe kinds that enough distinct authors name in their own words."""
    found = []
    for code, (text, words) in KINDS.items():
        marks = words.split()
        authors = {one.author for one in said if any(mark in one.text for mark in marks)}
        if len(authors) >= FLOOR_AUTHORS:
            found.append((code, text))
    return found
