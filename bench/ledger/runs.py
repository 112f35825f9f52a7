"""The runs of the harness: which class disturbs which channel how, and the faults scripted for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

USUAL_SET_SIZE = 50  # runs that share one sandbox account a platform
SET_SIZE = {"foreign": 17}  # as many Weibo posts an account as elsewhere: Weibo refuses the 31st of an hour
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
GIVEN_UP_S = 10  # after so many seconds the client has given up a call
MOST_LATE_S, LIST_LAG_S = 60, 15  # a late accept, counted from there; how long lists lag behind


@dataclass(frozen=True)
class Run:
    """One article on the website and one remote channel."""

    name: str
    kind: str  # class of the disturbance
    channel: str
    set_number: int


def make_runs(counts: dict[str, int]) -> Iterator[Run]:
    """Every run of every class; so many of a class share their accounts."""
    set_number = 0
    for kind in CLASSES:
        for number in range(counts[kind]):
            if number % set_size(kind) == 0:
                set_number += 1
            yield Run(f"{kind} {number + 1}", kind, _channel(kind, number), set_number)


def set_size(kind: str) -> int:
    """How many runs of a class share their accounts."""
    return SET_SIZE.get(kind, USUAL_SET_SIZE)


def _channel(kind: str, number: int) -> str:
    if kind == "foreign":
        return "weibo"
    if (
        kind == "withdrawals"
    ):  # WeChat deletes ten articles a day, and a deletion whose worker was killed counts as well
        return ("weibo", "client", "wechat", "client", "weibo", "client", "weibo")[number % 7]
    return ("weibo", "wechat", "client")[number % 3]


def account_settings(kind: str) -> dict[str, dict[str, Any]]:
    """Sandbox settings by platform for the accounts of a class."""
    if kind == "late":
        return {"weibo": {"list_lag_s": LIST_LAG_S}, "wechat": {"list_lag_s": LIST_LAG_S}}
    return {}


def faults(runs: list[Run], sandbox_ids: dict[str, str], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The faults for the runs that share one set of accounts; `sandbox_ids` by channel."""
    kind, set_number = runs[0].kind, runs[0].set_number
    for channel, (platform, api) in REMOTE.items():
        where = {"platform": platform, "account": sandbox_ids[channel]}
        mine = [run for run in runs if run.channel == channel]
        if kind == "lost":
            spec = LOST_KINDS[(set_number + len(channel)) % len(LOST_KINDS)]
            fault = {**where, "api": api, **spec}
            yield from _first_calls(channel, mine, fault) if channel == "client" else [{**fault, "probability": 1.0}]
        elif kind == "late":
            for fault in _first_calls(channel, mine, {**where, "api": api, "kind": "accept_late"}):
                yield {**fault, "seconds": GIVEN_UP_S + rng.uniform(0, MOST_LATE_S)}
        elif kind == "foreign" and channel == "weibo":
            yield {**where, "api": api, "kind": "foreign_posts", "count": 5, "probability": 1.0}
            yield {**where, "api": api, "kind": "timeout_after", "probability": 1.0}
        elif kind == "withdrawals" and channel == "wechat":
            yield {**where, "kind": "late_callback", "seconds": 60, "probability": 0.5}
            yield {**where, "kind": "duplicate_callback", "count": 2, "probability": 1.0}


def _first_calls(channel: str, runs: list[Run], spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As many faults as runs, one a call. A push is known by its text: looking it up sends it again, undisturbed."""
    for place, run in enumerate(runs):
        yield {**spec, "times": 1, **({"contains": title_of(run)} if channel == "client" else {"skip": place})}


def title_of(run: Run) -> str:
    """The title of a run's article; no title is the beginning of another."""
    return f"通告（{run.name}）"
