"""The runs of the harness: which class disturbs which channel how, and the faults scripted for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SET_SIZE = 50  # runs that share one sandbox account a platform
CLASSES = ("kills", "lost", "late", "stops", "withdrawals", "foreign")
REMOTE = {
    "weibo": ("weibo", "statuses/share"),
    "wechat": ("wechat", "freepublish/submit"),
    "client": ("jpush", "push"),
}
LOST_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "timeout_after"},
    {"kind": "timeout_after", "connection": "close"},
    {"kind": "http_500", "after": True},
    {"kind": "bad_json"},
    {"kind": "cut", "bytes": 7},
)
MOST_LATE_S, LIST_LAG_S = 60, 15


@dataclass(frozen=True)
class Run:
    """One article on the website and one remote channel."""

    name: str
    kind: str  # class of the disturbance
    channel: str
    set_number: int


def make_runs(counts: dict[str, int]) -> Iterator[Run]:
    """Every run of every class; each 50 of a class share their accounts."""
    set_number = 0
    for kind in CLASSES:
        for number in range(counts[kind]):
            if number % SET_SIZE == 0:
                set_number += 1
            yield Run(f"{kind} {number + 1}", kind, _channel(kind, number), set_number)


def _channel(kind: str, number: int) -> str:
    if kind == "foreign":
        return "weibo"
    if kind == "withdrawals":  # WeChat deletes ten articles a day
        return ("weibo", "client", "wechat", "client", "weibo")[number % 5]
    return ("weibo", "wechat", "client")[number % 3]


def account_settings(kind: str) -> dict[str, dict[str, Any]]:
    """Sandbox settings by platform for the accounts of a class."""
    if kind == "late":
        return {"weibo": {"list_lag_s": LIST_LAG_S}, "wechat": {"list_lag_s": LIST_LAG_S}}
    return {}


def faults(kind: str, set_number: int, sandbox_ids: dict[str, str], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The faults of one set of accounts; `sandbox_ids` by channel."""
    for channel, (platform, api) in REMOTE.items():
        where = {"platform": platform, "account": sandbox_ids[channel]}
        if kind == "lost":
            spec = LOST_KINDS[(set_number + len(channel)) % len(LOST_KINDS)]
            often = 0.6 if channel == "client" else 1.0  # a lost push is looked up by sending it again
            yield {**where, "api": api, "probability": often, **spec}
        elif kind == "late":
            for place in range(SET_SIZE):
                late_s = rng.uniform(1, MOST_LATE_S)
                skip = place * 2 if channel == "client" else place  # a lost push is looked up by sending it again
                yield {**where, "api": api, "kind": "accept_late", "times": 1, "skip": skip, "seconds": late_s}
        elif kind == "foreign" and channel == "weibo":
            yield {**where, "api": api, "kind": "foreign_posts", "count": 5, "probability": 1.0}
            yield {**where, "api": api, "kind": "timeout_after", "probability": 1.0}
        elif kind == "withdrawals" and channel == "wechat":
            yield {**where, "kind": "late_callback", "seconds": 60, "probability": 0.5}
            yield {**where, "kind": "duplicate_callback", "count": 2, "probability": 1.0}
