"""When an alert goes out and until when somebody must answer. Pure rules, fed with values and an instant.

Clocks: an exceptionally serious or serious matter is answered with authoritative word within 5 h and a press conference
within 24 h (国办发〔2016〕80号), any other within 48 h (国办发〔2016〕61号). Acknowledging: red 15 min, orange 30 min,
yellow 1 h, blue by the end of the day; these four are the product's defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import day_start
from core.models.words import AlertReason, IssueState, Level

ORDER = [level.value for level in Level]
ACKNOWLEDGE: dict[str, timedelta] = {
    Level.RED: timedelta(minutes=15),
    Level.ORANGE: timedelta(minutes=30),
    Level.YELLOW: timedelta(hours=1),
}
RESPOND_URGENT = timedelta(hours=5)
CONFERENCE = timedelta(hours=24)
RESPOND = timedelta(hours=48)
MAX_REPEATS = 3
SUBSIDED_AFTER = timedelta(hours=12)
"""Without new evidence for this long a stir has subsided."""
RETRY_S = (30, 120, 600, 1800, 3600)
"""Waits after failed tries of one message."""
MAX_TRIES = 12


@dataclass(frozen=True)
class Standing:
    """What the rules need of an issue."""

    issue_id: int
    state: str
    level: str
    found_at: datetime
    last_at: datetime  # newest evidence, by time of posting
    relapsed_at: datetime | None = None


@dataclass(frozen=True)
class Past:
    """One alert already raised about it, oldest first in a sequence."""

    reason: str
    level: str
    raised_at: datetime
    acknowledged_at: datetime | None = None


@dataclass(frozen=True)
class Due:
    """An alert to raise now; the dedup key makes raising it twice impossible."""

    reason: str
    level: str
    dedup_key: str
    acknowledge_by: datetime
    respond_by: datetime
    conference_by: datetime | None = None


def decide(issue: Standing, past: Sequence[Past], now: datetime) -> Due | None:
    """The alert due now, or None. At most one: worse before relapsed before subsided before repeat."""
    if issue.state == IssueState.DISMISSED:
        return None
    reason = _reason(issue, past, now)
    if reason is None:
        return None
    count = sum(each.reason == reason for each in past) + 1
    return Due(
        reason=reason,
        level=issue.level,
        dedup_key=f"issue:{issue.issue_id}:{reason}:{count}",
        acknowledge_by=acknowledge_by(issue.level, now),
        respond_by=respond_by(issue.level, issue.found_at),
        conference_by=issue.found_at + CONFERENCE if issue.level == Level.RED else None,
    )


def _reason(issue: Standing, past: Sequence[Past], now: datetime) -> str | None:
    if not past:
        return None if issue.state == IssueState.CLOSED else AlertReason.FIRST
    if issue.state == IssueState.CLOSED:
        return None
    if ORDER.index(issue.level) > max(ORDER.index(each.level) for each in past):
        return AlertReason.WORSE
    last = past[-1]
    if _relapsed(issue, past):
        return AlertReason.RELAPSED
    if last.reason == AlertReason.SUBSIDED:
        return None
    if now - max(issue.last_at, last.raised_at) >= SUBSIDED_AFTER:
        return AlertReason.SUBSIDED
    return AlertReason.REPEAT if _repeats(past, now) else None


def _relapsed(issue: Standing, past: Sequence[Past]) -> bool:
    """New evidence after it had subsided, or after a person had closed it."""
    last = past[-1]
    if last.reason == AlertReason.SUBSIDED and issue.last_at > last.raised_at:
        return True
    return issue.relapsed_at is not None and all(each.raised_at < issue.relapsed_at for each in past)


def _repeats(past: Sequence[Past], now: datetime) -> bool:
    """Nobody has acknowledged since the last fresh alert, its time is up, and it was not repeated often enough."""
    fresh = max(number for number, each in enumerate(past) if each.reason != AlertReason.REPEAT)
    episode = past[fresh:]
    if any(each.acknowledged_at for each in episode) or len(episode) > MAX_REPEATS:
        return False
    return now >= acknowledge_by(episode[-1].level, episode[-1].raised_at)


def acknowledge_by(level: str, raised_at: datetime) -> datetime:
    """Until when somebody must have seen an alert; blue: the end of the Shanghai day, at least an hour."""
    if level in ACKNOWLEDGE:
        return raised_at + ACKNOWLEDGE[level]
    return max(day_start(raised_at) + timedelta(days=1), raised_at + timedelta(hours=1))


def respond_by(level: str, found_at: datetime) -> datetime:
    """Until when the public must have had an answer."""
    return found_at + (RESPOND_URGENT if level == Level.RED else RESPOND)


def retry_after(tries: int) -> timedelta:
    """The wait after the given number of failed tries (1, 2, …)."""
    return timedelta(seconds=RETRY_S[min(max(tries, 1), len(RETRY_S)) - 1])
