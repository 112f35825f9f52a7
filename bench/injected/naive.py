"""The baseline: a word is an issue when two hours hold at least five mentions and three times its seven-day mean.

The words are jieba's, as `monitors.text.terms_of` gives them; alarms of one word within a day are one issue.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import groupby

from monitors.detection.stream.mentions import Heard
from monitors.text import terms_of

HOUR_S, WINDOW_HOURS, WEEK_HOURS = 3600, 2, 168
LEAST, TIMES = 5, 3.0
EPISODE_HOURS = 24


def find(heard: Sequence[Heard]) -> list[list[str]]:
    """The members of each issue; a mention may be in several."""
    weeks: dict[str, deque[tuple[int, list[str]]]] = defaultdict(deque)
    issues: list[dict[str, None]] = []
    open_since: dict[str, tuple[int, int]] = {}
    for hour, group in groupby(heard, key=lambda one: int(one.at // HOUR_S)):
        holders: dict[str, list[str]] = defaultdict(list)
        for one in group:
            for word in terms_of(one.text):
                holders[word].append(one.id)
        for word, ids in holders.items():
            week = weeks[word]
            week.append((hour, ids))
            while week[0][0] <= hour - WEEK_HOURS:
                week.popleft()
            recent = [each for at, found in week if at > hour - WINDOW_HOURS for each in found]
            mean = sum(len(found) for _at, found in week) * WINDOW_HOURS / WEEK_HOURS
            if len(recent) >= LEAST and len(recent) > TIMES * mean:
                last, number = open_since.get(word, (-EPISODE_HOURS - 1, -1))
                if hour - last > EPISODE_HOURS:
                    number = len(issues)
                    issues.append({})
                issues[number].update(dict.fromkeys(recent))
                open_since[word] = (hour, number)
    return [list(members) for members in issues]
