"""Quiet signals: matters so rare and severe that one to three posts are enough, by the words that name them. Pure."""

from __future__ import annotations

import re

MATTERS: dict[str, str] = {
    "injury": "死亡 身亡 遇难 坠亡 溺亡 触电 烧伤 重伤 昏迷 抢救无效 出人命 砸伤",
    "poisoning": "食物中毒 集体中毒 上吐下泻 呕吐腹泻 煤气中毒 农药中毒",
    "minors": "虐童 猥亵 性侵 校园霸凌 校园欺凌 体罚 被拐 失踪儿童 未成年人受",
    "collective": "聚集 围堵 堵路 游行 罢工 罢市 静坐 拉横幅 集体上访 集体维权 群体性事件",
    "selfharm": "自杀 跳楼 轻生 割腕 喝农药 不想活 活不下去 同归于尽",
}
_KINDS = {word: kind for kind, words in MATTERS.items() for word in words.split()}
_ANY = re.compile("|".join(sorted(map(re.escape, _KINDS), key=lambda word: (-len(word), word))))
MOST_POSTS = 3
USUAL_A_DAY = 0.34
"""Above one such post in three days from a place the matter is no longer rare there."""


def matters_of(text: str) -> list[str]:
    """The severe matters a text names."""
    return list(dict.fromkeys(_KINDS[word] for word in _ANY.findall(text)))
