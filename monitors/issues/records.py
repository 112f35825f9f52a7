"""Turns clusters of bursting terms into issue rows: finds the issue they belong to, extends it or makes a new one.

`Issue.reasons` holds every number the issue rests on, as JSON:
`expected observed z bin_s bin_at` (of the term that stands out most; weighted counts a bin), `term` (empty: the
item's stir as a whole), `terms` [{term, expected, observed, z, mentions}], `mentions authors sources negative
opinions negative_share copy_share` (opinions: mentions with text, the base of the share), `channels` {kind: mentions},
`kinds` {kind: mentions}, `reposts views hourly usual_hourly`, `article_id item`, `voice` (what people say, in one
clause), `first_post` (a mention id), `top_posts` [mention ids], `coverage` {state, share, note}, `baseline` {bins,
short}, `grade` [[code, text]], `graded` (the highest level the machine found), `detector`, `relapsed_at`,
`person` {level, at, name, note}.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import Article, Copy, Evidence, Issue, Snapshot
from core.models.words import IssueState
from monitors.detection import VERSION, grading, wording
from monitors.detection.gates import SHORT_BASELINE_BINS, Said, listen
from monitors.detection.merging import Cluster, main_item, overlap
from monitors.figures.coverage import reading_of
from monitors.issues.series import evidence_of
from monitors.scoring import BIN_S, chunks

SAME_MENTIONS = 0.3
SAME_TERMS = 0.5
MEMORY = timedelta(days=14)
"""How long an issue can be extended by terms alone; shared mentions always count."""
QUIET_BEFORE_NEW = timedelta(hours=72)
KEPT_TERMS = 20
SIDE_REMARK = 0.5


@dataclass(frozen=True)
class Found:
    """A cluster with the mentions behind it, ready to be written."""

    cluster: Cluster
    said: dict[int, Said]
    baseline_bins: int

    @property
    def first_at(self) -> datetime:
        """When the first of its mentions was posted."""
        return min(one.posted_at for one in self.said.values())

    @property
    def last_at(self) -> datetime:
        """When the last of its mentions was posted."""
        return max(one.posted_at for one in self.said.values())


def record_cluster(session: Session, found: Found, now: datetime) -> int | None:
    """Extend the issue this belongs to or open a new one; its id, or None when nothing new was found."""
    issue = _issue_of(session, found)
    if issue is None:
        issue = Issue(
            fingerprint=fingerprint(found),
            title="",
            version=VERSION,
            first_at=found.first_at,
            last_at=found.last_at,
            created_at=now,
            reasons={},
        )
        session.add(issue)
        session.flush()
    if not add_evidence(session, issue, found.said, now) and issue.reasons:
        return None
    _reopen(issue, found, now)
    _renew(session, issue, found, now)
    return issue.id


def fingerprint(found: Found) -> str:
    """Names an issue by its strongest terms, its item and the day it began."""
    cluster = found.cluster
    parts = [*sorted(cluster.terms[:3]), str(cluster.article_id), f"{found.first_at:%Y-%m-%d}"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def add_evidence(session: Session, issue: Issue, said: dict[int, Said], now: datetime) -> int:
    """Attach mentions to an issue; returns how many were not yet attached."""
    have = set(session.scalars(select(Evidence.mention_id).where(Evidence.issue_id == issue.id)))
    new = sorted(set(said) - have)
    rows = [{"issue_id": issue.id, "mention_id": mention_id, "added_at": now} for mention_id in new]
    if rows:
        session.execute(insert_for(session, Evidence.__table__).on_conflict_do_nothing(), rows)
    return len(rows)


def _issue_of(session: Session, found: Found) -> Issue | None:
    return _by_mentions(session, found) or _by_terms(session, found) or _by_print(session, found)


def _by_mentions(session: Session, found: Found) -> Issue | None:
    shared: Counter[int] = Counter()
    for part in chunks(sorted(found.said)):
        shared.update(session.scalars(select(Evidence.issue_id).where(Evidence.mention_id.in_(part))))
    if not shared:
        return None
    issue_id, count = max(shared.items(), key=lambda pair: (pair[1], -pair[0]))
    size = session.scalar(select(func.count()).select_from(Evidence).where(Evidence.issue_id == issue_id)) or 1
    near = count / min(len(found.said), size) >= SAME_MENTIONS
    return session.get(Issue, issue_id) if near else None


def _by_terms(session: Session, found: Found) -> Issue | None:
    """An issue about the same item with the same words not long ago, or one this is a side remark of."""
    query = select(Issue).where(Issue.last_at >= found.first_at - MEMORY).order_by(Issue.last_at.desc())
    for issue in session.scalars(query):
        if issue.reasons.get("article_id") != found.cluster.article_id:
            continue
        near = overlap(set(issue.terms[:KEPT_TERMS]), set(found.cluster.terms[:KEPT_TERMS])) >= SAME_TERMS
        if near and issue.last_at >= found.first_at - QUIET_BEFORE_NEW:
            return issue
        small = len(found.said) < SIDE_REMARK * issue.reasons.get("mentions", 0)
        if found.cluster.article_id is not None and small:
            return issue
    return None


def _by_print(session: Session, found: Found) -> Issue | None:
    return session.scalar(select(Issue).where(Issue.fingerprint == fingerprint(found)))


def _reopen(issue: Issue, found: Found, now: datetime) -> None:
    """New evidence after closing is a relapse. What a person dismissed stays dismissed, unless its level rises."""
    if issue.state == IssueState.CLOSED and found.last_at > issue.last_at:
        issue.state = IssueState.FOUND
        issue.reasons = {**issue.reasons, "relapsed_at": now.isoformat()}


def _renew(session: Session, issue: Issue, found: Found, now: datetime) -> None:
    said = _all_said(session, issue, found)
    issue.first_at = min([issue.first_at, found.first_at])
    issue.last_at = max([issue.last_at, found.last_at])
    common = wording.common_terms(said)
    issue.terms = list(dict.fromkeys([*found.cluster.terms, *issue.terms, *common]))[:KEPT_TERMS]
    article_id = main_item((one.mention_id for one in said), {one.mention_id: one.article_id for one in said})
    spread = _spread(session, said, found, article_id)
    grade = grading.grade(said, spread)
    item = _item_title(session, article_id)
    voice = wording.clearest_clause(said, issue.terms)
    _raise_level(issue, grade)
    issue.reasons = {
        **issue.reasons,
        **_burst_numbers(issue, found),
        **_voice_numbers(said),
        "article_id": article_id,
        "item": item,
        "voice": voice,
        "reposts": spread.reposts,
        "views": spread.views,
        "hourly": spread.hourly,
        "usual_hourly": round(spread.usual_hourly, 2),
        "top_posts": [one.mention_id for one in wording.top_posts(said, issue.terms)],
        "coverage": _coverage(session, found, now),
        "baseline": {"bins": found.baseline_bins, "short": found.baseline_bins < SHORT_BASELINE_BINS},
        "grade": [list(reason) for reason in grade.reasons],
        "detector": VERSION,
    }
    if issue.state == IssueState.FOUND:
        issue.title = wording.title(voice, issue.terms, item)
    issue.demo = any(one.demo for one in said)
    issue.updated_at = now


def _all_said(session: Session, issue: Issue, found: Found) -> list[Said]:
    """The mentions just found, and the issue's earlier evidence with its numbers kept."""
    earlier = {one.mention_id: one for one in evidence_of(session, issue.id)}
    return list({**earlier, **found.said}.values())


def _raise_level(issue: Issue, grade: grading.Grade) -> None:
    """Raise to what the machine finds now; a level a person lowered rises only when the machine finds a higher one."""
    before = issue.reasons.get("graded")
    if before is None or grading.higher(before, grade.level) != before:
        issue.level = grading.higher(issue.level, grade.level)
        issue.reasons = {**issue.reasons, "graded": grade.level}
        if issue.state == IssueState.DISMISSED:
            issue.state = IssueState.FOUND


def _burst_numbers(issue: Issue, found: Found) -> dict[str, Any]:
    """The burst that stands out most of all seen so far, and this run's terms."""
    burst = found.cluster.peak
    peak = burst.peak
    words = [each for each in found.cluster.bursts if not each.is_item]
    terms = [
        {
            "term": each.term,
            "expected": round(each.peak.expected, 2),
            "observed": round(each.peak.observed, 2),
            "z": round(each.peak.z, 2),
            "mentions": len(each.mentions),
        }
        for each in sorted(words, key=lambda each: (-each.peak.z, each.term))[:KEPT_TERMS]
    ]
    if issue.reasons.get("z", 0) > peak.z:
        return {"terms": terms}
    return {
        "term": "" if burst.is_item else burst.term,
        "expected": round(peak.expected, 2),
        "observed": round(peak.observed, 2),
        "z": round(peak.z, 2),
        "bin_s": peak.bin_s,
        "bin_at": datetime.fromtimestamp(peak.bin * peak.bin_s, found.first_at.tzinfo).isoformat(),
        "terms": terms,
    }


def _voice_numbers(said: list[Said]) -> dict[str, Any]:
    voices = listen(said)
    opinions = sum(one.label in ("positive", "neutral", "negative") for one in said)
    return {
        "mentions": voices.mentions,
        "authors": voices.authors,
        "sources": voices.sources,
        "negative": voices.negative,
        "opinions": opinions,
        "negative_share": round(voices.negative / opinions, 3) if opinions else None,
        "copy_share": round(voices.copy_share, 3),
        "channels": dict(Counter(one.channel or "other" for one in said)),
        "kinds": dict(Counter(one.kind for one in said)),
        "first_post": min(said, key=lambda one: (one.posted_at, one.mention_id)).mention_id,
    }


def _spread(session: Session, said: list[Said], found: Found, article_id: int | None) -> grading.Spread:
    """Reposts and views of the item's copies by their newest snapshots (reposts at least those collected)."""
    hours = Counter(int(one.posted_at.timestamp()) // 3600 for one in said)
    usual = max((burst.peak.expected * 3600 / burst.peak.bin_s for burst in found.cluster.bursts), default=0.0)
    reposts = sum(one.kind == "repost" for one in said)
    views = 0
    if article_id is not None:
        for row in newest_snapshots(session, article_id):
            views += row.reads or 0
            reposts = max(reposts, row.reposts or 0)
    return grading.Spread(reposts, views, max(hours.values(), default=0), usual)


def newest_snapshots(session: Session, article_id: int) -> list[Snapshot]:
    """The newest snapshot of every copy of an item."""
    newest = (
        select(func.max(Snapshot.id)).join(Copy, Copy.id == Snapshot.copy_id).where(Copy.article_id == article_id)
    ).group_by(Snapshot.copy_id)
    return list(session.scalars(select(Snapshot).where(Snapshot.id.in_(newest))))


def _item_title(session: Session, article_id: int | None) -> str:
    article = session.get(Article, article_id) if article_id is not None else None
    return article.title if article else ""


def _coverage(session: Session, found: Found, now: datetime) -> dict[str, Any]:
    """How much was read in the hour the burst peaked."""
    peak = found.cluster.peak.peak
    start = datetime.fromtimestamp(peak.bin * peak.bin_s, found.first_at.tzinfo)
    reading = reading_of(session, start, min(now, start + timedelta(seconds=peak.bin_s - 1)), BIN_S)
    share = sum(reading.shares) / len(reading.shares) if reading.shares else 0.0
    if share >= 0.99:
        return {"state": "complete", "share": round(share, 2), "note": "该时段各信源均已采集"}
    return {"state": "partial", "share": round(share, 2), "note": "该时段有信源未采集完整，实际数量可能更多"}
