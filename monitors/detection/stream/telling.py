"""Tells an issue as one record: members, first alarm, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from monitors.detection.stream.issues import Issue
from monitors.detection.stream.mentions import MINUTE_S, Heard

TOP_POSTS = 5


def told(issue: Issue) -> dict[str, Any]:
    """The record of one issue; times in ISO 8601, UTC; ready for JSON.

    `told_by_time` counts the members that were attached because of when they came, since they say too little to tell.
    """
    first = min(issue.posts, key=lambda one: (one.at, one.id))
    return {
        "issue": issue.number + 1,
        "kind": issue.kind,
        "first_alarm_at": _iso(issue.alarm_minute * MINUTE_S),
        "members": list(issue.ids),
        "why": {
            "expected": round(issue.cause.expected, 3),
            "observed": round(issue.cause.observed, 1),
            "z": round(issue.cause.z, 2),
            "bin_s": issue.cause.bin_s,
            "mentions": len(issue.ids),
            "told_by_time": issue.untold,
            "authors": len(issue.authors),
            "sources": dict(sorted(issue.sources.items())),
            "copy_share": round(issue.copy_share, 3),
            "under": issue.under,
            "first_post": _post(first),
            "top_posts": [_post(one) for one in _telling(issue.posts, issue)],
        },
    }


def _telling(posts: Iterable[Heard], issue: Issue) -> list[Heard]:
    """Posts of different words, the post above first, then the longer ones, which say most."""
    ranked = sorted(posts, key=lambda one: (one.id != issue.under, -min(len(one.text), 140), one.at, one.id))
    chosen: dict[str, Heard] = {}
    for one in ranked:
        chosen.setdefault(one.text, one)
    return list(chosen.values())[:TOP_POSTS]


def _post(one: Heard) -> dict[str, str]:
    return {"id": one.id, "at": _iso(one.at), "author": one.author, "text": one.text[:140]}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
