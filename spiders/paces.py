"""How many requests a day a source may make, and how far apart its runs are so that the day's share lasts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DAY_S = 86_400.0
WEIBO_ORDINARY = 100  # one app x one user, newest published rule; a commercial contract has its own figure
WECHAT_LIST = 5_000  # comment/list is in no published table: a figure of our own that leaves room for everything else
COLLECTING = 0.6  # what core.budget leaves to collecting
SHARES = {"weibo_comments": 0.6, "weibo_counts": 0.25, "weibo_reposts": 0.15}
LEFT_TO_OTHERS = {"weibo_reposts": 0.3}  # of a small budget: one long list must not silence the comments for a day
PLENTY = 5_000  # from here on the day's budget is no reason to wait


def requests_a_day(kind: str, settings: Mapping[str, Any]) -> int:
    """The account's daily limit: its setting `requests_a_day`, else the platform's for an ordinary app. 0: no limit."""
    given = str(settings.get("requests_a_day") or "").strip()
    if given.isdecimal():
        return int(given)
    return {"weibo": WEIBO_ORDINARY, "wechat": WECHAT_LIST}.get(kind, 0)


def may_use(spider: str, limit: int) -> int:
    """The limit a spider reckons with: the account's, or less where it leaves something to more urgent ones."""
    return limit if limit >= PLENTY else round(limit * (1 - LEFT_TO_OTHERS.get(spider, 0.0)))


def is_ordinary(settings: Mapping[str, Any]) -> bool:
    """Whether a Weibo account has so few requests that reading post by post is out of the question."""
    return requests_a_day("weibo", settings) < PLENTY


def spread_s(spider: str, kind: str, settings: Mapping[str, Any], interval_s: float) -> float:
    """Seconds between two runs: the interval, or longer when the day's budget would be gone by noon."""
    limit = requests_a_day(kind, settings)
    if not limit or limit >= PLENTY:
        return interval_s
    return max(interval_s, DAY_S / (limit * COLLECTING * SHARES.get(spider, 1.0)))
