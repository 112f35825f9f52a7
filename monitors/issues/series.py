"""Reads the terms' counts, replays them through the burst test and gathers the mentions behind each burst."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.db import insert_for
from core.models import (
    Account,
    Article,
    Evidence,
    Issue,
    Mention,
    MentionScore,
    MentionTerm,
    Revision,
    Source,
    TermCount,
    TermState,
)
from core.models.words import IssueState
from monitors.detection import VERSION
from monitors.detection.echoes import OwnWords
from monitors.detection.gates import Said
from monitors.detection.series import SCALES, Alarm, Reading, Replay, State, coarser, weigh
from monitors.figures.coverage import bin_at, first_read_at, reading_of
from monitors.scoring import BIN_S, bin_start, chunks

HISTORY = timedelta(days=28)
SETTLED = timedelta(hours=2)
"""Bins older than this are checkpointed; a later arrival throws the checkpoint away (monitors.scoring)."""
SCORED_OVERLAP = timedelta(minutes=10)
EPISODE_S = 12 * 3600
"""Alarms of one term further apart than this belong to different episodes."""
FOLLOWED = timedelta(hours=24)
"""How long after its last mention an open issue still gathers trailing ones."""
CORE_TERMS = 8
TAG = re.compile(r"<[^>]*>")
CURSOR = ""


@dataclass(frozen=True)
class Past:
    """Checkpoint of one term: its states by scale, all learned up to `bin_at` (a whole hour)."""

    bin_at: datetime
    states: tuple[State, ...]


@dataclass
class Findings:
    """What one run found: alarms and new checkpoints by term, and how much history there was."""

    alarms: dict[str, list[Alarm]] = field(default_factory=dict)
    pasts: dict[str, Past] = field(default_factory=dict)
    began_at: datetime | None = None  # the start of all history
    baseline_bins: int = 0  # quarters of an hour since then
    since: datetime | None = None  # newest scored mention of the run before
    cursor: datetime | None = None  # newest scored mention of this run


def find_bursts(session: Session, now: datetime) -> Findings:
    """Replay every term that new mentions hold; nothing is written."""
    row = session.get(TermState, (VERSION, CURSOR))
    began = first_read_at(session) or session.scalar(select(func.min(TermCount.bin_at)))
    findings = Findings(began_at=began, since=row.bin_at if row else None)
    findings.baseline_bins = max(0, int((now - began).total_seconds() // BIN_S)) if began else 0
    findings.cursor = session.scalar(select(func.max(Mention.scored_at)))
    terms = _touched(session, findings.since)
    horizon = bin_start(now - SETTLED, 3600)
    pasts = _pasts(session, terms)
    counts = _counts(session, terms, pasts, now)
    if not counts:
        return findings
    start = min(series[0][0] for series in counts.values())
    readings = _readings(
        session, min([start, *(int(past.bin_at.timestamp()) // BIN_S for past in pasts.values())]), now
    )
    for term, series in counts.items():
        past = pasts.get(term) or _unseen(series, findings.began_at, now)
        alarms, past = _replay(series, past, readings, (horizon, now))
        findings.pasts[term] = past
        if alarms:
            findings.alarms[term] = alarms
    return findings


def _touched(session: Session, since: datetime | None) -> list[str]:
    """The terms of every mention scored since the run before; a little earlier too, for transactions that ran late."""
    query = select(MentionTerm.term).join(Mention, Mention.id == MentionTerm.mention_id).distinct()
    if since:
        query = query.where(Mention.scored_at > since - SCORED_OVERLAP)
    return sorted(session.scalars(query))


def _pasts(session: Session, terms: Sequence[str]) -> dict[str, Past]:
    found: dict[str, Past] = {}
    for part in chunks(terms):
        query = select(TermState).where(TermState.detector == VERSION, TermState.term.in_(part))
        for row in session.scalars(query):
            states = tuple(State(*values) for values in row.state["scales"])
            found[row.term] = Past(row.bin_at, states)
    return found


Series = list[tuple[int, float]]


def _counts(session: Session, terms: Sequence[str], pasts: dict[str, Past], now: datetime) -> dict[str, Series]:
    """Weighted counts by quarter of an hour, from each term's checkpoint on."""
    found: dict[str, Series] = {}
    for part in chunks(terms):
        oldest = min([pasts[term].bin_at if term in pasts else now - HISTORY for term in part], default=now - HISTORY)
        query = (
            select(TermCount.term, TermCount.bin_at, TermCount.total, TermCount.negative)
            .where(TermCount.term.in_(part), TermCount.bin_at >= oldest)
            .order_by(TermCount.term, TermCount.bin_at)
        )
        for term, at, total, negative in session.execute(query):
            if term not in pasts or at >= pasts[term].bin_at:
                found.setdefault(term, []).append((int(at.timestamp()) // BIN_S, weigh(total, negative)))
    return found


def _readings(session: Session, start: int, now: datetime) -> list[Reading]:
    fine = reading_of(session, bin_at(start - start % 4, BIN_S), now, BIN_S)
    return [fine if scale.bin_s == BIN_S else fine.coarser(scale.bin_s // BIN_S) for scale in SCALES]


def _unseen(series: Series, began_at: datetime | None, now: datetime) -> Past:
    """The past of a term without checkpoint: nothing but empty bins before its first count."""
    first = bin_start(bin_at(series[0][0], BIN_S), 3600)
    oldest = max(began_at or first, now - HISTORY)
    quiet_s = max(0.0, (first - oldest).total_seconds())
    return Past(first, tuple(State(bins=int(quiet_s // scale.bin_s)) for scale in SCALES))


def _replay(
    series: Series, past: Past, readings: list[Reading], times: tuple[datetime, datetime]
) -> tuple[list[Alarm], Past]:
    """All alarms after the checkpoint, and the checkpoint at the horizon."""
    horizon, now = times
    edge = max(horizon, past.bin_at)
    alarms: list[Alarm] = []
    states: list[State] = []
    for scale, reading, state in zip(SCALES, readings, past.states, strict=True):
        counts = series if scale.bin_s == BIN_S else coarser(series, scale.bin_s // BIN_S)
        replay = Replay(scale, reading, state, int(past.bin_at.timestamp()) // scale.bin_s)
        split = int(edge.timestamp()) // scale.bin_s
        replay.run([pair for pair in counts if pair[0] < split], split)
        replay.advance(split)
        states.append(replay.state)
        replay.run([pair for pair in counts if pair[0] >= split], int(now.timestamp()) // scale.bin_s)
        alarms += replay.alarms
    return alarms, Past(edge, tuple(states))


def episodes(alarms: Iterable[Alarm]) -> list[tuple[Alarm, ...]]:
    """Alarms of one term, cut where they lie more than twelve hours apart."""
    groups: list[list[Alarm]] = []
    end = 0
    for alarm in sorted(alarms, key=lambda alarm: alarm.bin * alarm.bin_s):
        start = alarm.bin * alarm.bin_s
        if not groups or start - end > EPISODE_S:
            groups.append([])
        groups[-1].append(alarm)
        end = max(end, start + alarm.bin_s)
    return [tuple(group) for group in groups]


def mentions_of(session: Session, terms: Sequence[str], since: datetime, until: datetime) -> dict[str, list[Said]]:
    """The mentions posted in since <= t < until that hold each term."""
    found: dict[str, dict[int, Said]] = {}
    for part in chunks(terms):
        query = (
            select(MentionTerm.term, Mention, MentionScore.label, Account.kind)
            .join(Mention, Mention.id == MentionTerm.mention_id)
            .join(Source, Source.id == Mention.source_id)
            .outerjoin(Account, Account.id == Source.account_id)
            .outerjoin(MentionScore, MentionScore.mention_id == Mention.id)
            .where(MentionTerm.term.in_(part), Mention.posted_at >= since, Mention.posted_at < until)
            .order_by(Mention.id, MentionScore.id)
        )
        for term, mention, label, channel in session.execute(query):
            found.setdefault(term, {})[mention.id] = said_of(mention, label, channel)
    return {term: list(rows.values()) for term, rows in found.items()}


def own_words_of(session: Session, article_ids: Iterable[int | None]) -> dict[int, OwnWords]:
    """What each of our items says in its newest revision, by article id."""
    found: dict[int, OwnWords] = {}
    for part in chunks(sorted({each for each in article_ids if each is not None})):
        query = (
            select(Article.id, Revision.title, Revision.summary, Revision.body_html)
            .join(Revision, Revision.id == Article.head_id)
            .where(Article.id.in_(part))
        )
        for article_id, title, summary, body in session.execute(query):
            found[article_id] = OwnWords.of(title, summary, unescape(TAG.sub("\n", body)))
    return found


def said_of(mention: Mention, label: str | None, channel: str | None) -> Said:
    """A mention row as the pure rules read it."""
    return Said(
        mention_id=mention.id,
        author=mention.author_hash,
        text=mention.text,
        posted_at=mention.posted_at,
        source_id=mention.source_id,
        channel=channel or "",
        kind=mention.kind,
        label=label or "",
        article_id=mention.article_id,
        likes=mention.likes,
        demo=mention.demo,
    )


def evidence_of(session: Session, issue_id: int) -> list[Said]:
    """Every mention attached to an issue, oldest first."""
    query = (
        select(Mention, MentionScore.label, Account.kind)
        .join(Evidence, Evidence.mention_id == Mention.id)
        .join(Source, Source.id == Mention.source_id)
        .outerjoin(Account, Account.id == Source.account_id)
        .outerjoin(MentionScore, MentionScore.mention_id == Mention.id)
        .where(Evidence.issue_id == issue_id)
        .order_by(Mention.posted_at, Mention.id, MentionScore.id)
    )
    found = {mention.id: said_of(mention, label, channel) for mention, label, channel in session.execute(query)}
    return list(found.values())


def attach_followers(session: Session, since: datetime | None, now: datetime) -> list[int]:
    """Attach newly scored mentions that hold two of an open issue's first terms; returns the issues that grew.

    After the burst itself a stir trails off under the alarm threshold; its remarks still belong to the issue.
    """
    open_issues = session.scalars(
        select(Issue).where(Issue.state.in_([IssueState.FOUND, IssueState.CONFIRMED]), Issue.last_at >= now - FOLLOWED)
    )
    grown = []
    for issue in open_issues:
        new = _followers(session, issue, since)
        rows = [{"issue_id": issue.id, "mention_id": mention_id, "added_at": now} for mention_id in new]
        if rows:
            session.execute(insert_for(session, Evidence.__table__).on_conflict_do_nothing(), rows)
            issue.last_at = max([issue.last_at, *new.values()])
            issue.reasons = {**issue.reasons, "mentions": issue.reasons.get("mentions", 0) + len(rows)}
            issue.updated_at = now
            grown.append(issue.id)
    return grown


def _followers(session: Session, issue: Issue, since: datetime | None) -> dict[int, datetime]:
    held = select(Evidence.mention_id).where(Evidence.issue_id == issue.id)
    query = (
        select(Mention.id, Mention.posted_at)
        .join(MentionTerm, MentionTerm.mention_id == Mention.id)
        .where(MentionTerm.term.in_(issue.terms[:CORE_TERMS]), Mention.id.not_in(held))
        .where(Mention.posted_at >= issue.first_at)
        .group_by(Mention.id, Mention.posted_at)
        .having(func.count() >= 2)
    )
    if since is not None:
        query = query.where(Mention.scored_at > since - SCORED_OVERLAP)
    if issue.reasons.get("article_id") is not None:
        query = query.where(Mention.article_id == issue.reasons["article_id"])
    return {row.id: row.posted_at for row in session.execute(query)}
