"""Quiet signals: one to three posts that name a severe matter at a place where that is rare. Pure.

They are told apart from bursts and take no mention from them: what grows later becomes a burst with the same posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitors.detection.stream.issues import Cause, Issue
from monitors.detection.stream.severity import MOST_POSTS, USUAL_A_DAY
from monitors.detection.stream.tables import Table
from monitors.detection.stream.window import Window

DAY_MINUTES = 1440
DEAF_MINUTES = 3 * DAY_MINUTES  # at the beginning nothing is known to be rare


@dataclass
class Watch:
    """Remembers for a day what it warned of; `warned` maps the bucket of a matter at a place to a minute."""

    table: Table
    window: Window
    warned: dict[int, int] = field(default_factory=dict)

    def warn(self, number: int, matters: Sequence[int], now: int, begin: int) -> Issue | None:
        """The issue (not numbered yet) of a mention that names severe matters at places, or None."""
        self.warned = {each: minute for each, minute in self.warned.items() if now - minute < DAY_MINUTES}
        new = [matter for matter in matters if matter not in self.warned]
        if not new or now - begin < DEAF_MINUTES:
            return None
        rate = float(self.table.rates(np.array(new[:1], np.int32))[0]) * 24
        posts = self.window.holding(new[0])
        if number not in posts or len(posts) > MOST_POSTS or rate > USUAL_A_DAY:
            return None
        self.warned |= dict.fromkeys(new, now)
        issue = Issue(-1, now, Cause(0.0, float(len(posts)), rate, DAY_MINUTES * 60), kind="quiet")
        for each in posts:
            issue.take(*self.window.member(each), told=True)
        return issue
