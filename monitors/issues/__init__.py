"""Issues (舆情议题): found by machine from counts, judged by people. Detection may run as often as one likes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.db import insert_for
from core.errors import CheckFailed, RuleError, TransitionNotAllowed
from core.house import House
from core.models import Issue, TermState
from core.models.words import IssueState, Level, Role
from core.ports import Problem
from monitors.detection import VERSION
from monitors.detection.echoes import OwnWords, beyond, is_expected, not_quoted
from monitors.detection.gates import Said, large_stir, listen, many_people
from monitors.detection.merging import ITEM_MARK, Burst, merge
from monitors.detection.series import Alarm
from monitors.issues.records import Found, record_cluster
from monitors.issues.series import (
    CURSOR,
    Findings,
    Past,
    attach_followers,
    episodes,
    find_bursts,
    mentions_of,
    own_words_of,
)

MOVES: dict[str, frozenset[str]] = {
    IssueState.FOUND: frozenset({IssueState.CONFIRMED, IssueState.DISMISSED, IssueState.CLOSED}),
    IssueState.CONFIRMED: frozenset({IssueState.CLOSED, IssueState.DISMISSED}),
    IssueState.DISMISSED: frozenset({IssueState.FOUND, IssueState.CONFIRMED}),
    IssueState.CLOSED: frozenset({IssueState.FOUND, IssueState.CONFIRMED}),
}
"""What a person may make of an issue; the machine itself only reopens (monitors.issues.records)."""
NEED_REASON = (IssueState.DISMISSED, IssueState.CLOSED)


def detect(house: House) -> list[int]:
    """Find bursts in what was scored since the last run; returns the ids of issues opened or extended, without doubles.

    Reads and reckons outside any writing transaction; issues, evidence and checkpoints are written in one.
    """
    now = house.clock.now()
    with house.db.read() as session:
        findings = find_bursts(session, now)
        clusters = _clusters(session, findings)
    if findings.cursor is None:
        return []
    touched: list[int] = []
    with house.db.write() as session:
        for found in clusters:
            issue_id = record_cluster(session, found, now)
            touched += [issue_id] if issue_id else []
        touched += attach_followers(session, findings.since, now)
        _keep_states(session, findings)
    return list(dict.fromkeys(touched))


def _clusters(session: Session, findings: Findings) -> list[Found]:
    """One cluster an issue, of the bursts in which many people say more than the item they stand under."""
    said: dict[int, Said] = {}
    heard: list[tuple[Burst, dict[int, Said]]] = []
    episodes_found = _episodes(session, findings)
    own = own_words_of(session, {one.article_id for _term, _group, mentions in episodes_found for one in mentions})
    for term, group, mentions in episodes_found:
        spoken = _spoken(term, _inside(group, mentions), own)
        heard.append((Burst(term, group, frozenset(spoken), is_expected(term, spoken.values(), own)), spoken))
    bursts = _loud_enough(heard, findings.baseline_bins)
    for burst, spoken in heard:
        if burst in bursts:
            said |= spoken
    item_of = {mention_id: one.article_id for mention_id, one in said.items()}
    return [
        Found(cluster, {mention_id: said[mention_id] for mention_id in cluster.mentions}, findings.baseline_bins)
        for cluster in merge(bursts, item_of)
    ]


def _loud_enough(heard: list[tuple[Burst, dict[int, Said]]], baseline_bins: int) -> list[Burst]:
    """The bursts that may become issues: words first, since an item's stir is judged by whether a word names it."""
    words = [
        burst for burst, spoken in heard if not burst.is_item and many_people(listen(spoken.values()), baseline_bins)
    ]
    naming: set[int] = set().union(*(burst.mentions for burst in words if not burst.expected))
    stirs = [
        burst
        for burst, spoken in heard
        if burst.is_item and large_stir(listen(spoken.values()), named=bool(naming & burst.mentions))
    ]
    return words + stirs


def _spoken(term: str, inside: dict[int, Said], own: dict[int, OwnWords]) -> dict[int, Said]:
    """The evidence of a burst: what is left once what our own item said first is taken out."""
    counted = not_quoted(inside.values(), own) if term.startswith(ITEM_MARK) else beyond(inside.values(), own)
    return {one.mention_id: one for one in counted}


def _episodes(session: Session, findings: Findings) -> list[tuple[str, tuple[Alarm, ...], list[Said]]]:
    groups = [(term, group) for term, alarms in findings.alarms.items() for group in episodes(alarms)]
    if not groups:
        return []
    since = min(alarm.bin * alarm.bin_s for _term, group in groups for alarm in group)
    until = max((alarm.bin + 1) * alarm.bin_s for _term, group in groups for alarm in group)
    window = (datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))
    mentions = mentions_of(session, sorted(findings.alarms), *window)
    return [(term, group, mentions.get(term, [])) for term, group in groups]


def _inside(alarms: tuple[Alarm, ...], mentions: list[Said]) -> dict[int, Said]:
    """The mentions posted in an alarmed bin, by id."""
    bins = {(alarm.bin_s, alarm.bin) for alarm in alarms}
    widths = {alarm.bin_s for alarm in alarms}
    return {
        one.mention_id: one
        for one in mentions
        if any((width, int(one.posted_at.timestamp()) // width) in bins for width in widths)
    }


def _keep_states(session: Session, findings: Findings) -> None:
    assert findings.cursor is not None
    known = [(term, past) for term, past in sorted(findings.pasts.items()) if any(each.mean for each in past.states)]
    rows = [_state_row(term, past) for term, past in known]  # a past of nothing but empty bins needs no row
    rows.append({"detector": VERSION, "term": CURSOR, "bin_at": findings.cursor, "state": {}})
    insert = insert_for(session, TermState.__table__)
    newer = {"bin_at": insert.excluded.bin_at, "state": insert.excluded.state}
    session.execute(insert.on_conflict_do_update(index_elements=["detector", "term"], set_=newer), rows)


def _state_row(term: str, past: Past) -> dict[str, Any]:
    scales = [[state.mean, state.variance, state.bins] for state in past.states]
    return {"detector": VERSION, "term": term, "bin_at": past.bin_at, "state": {"scales": scales}}


def judge(session: Session, actor: Actor, issue_id: int, state: str, note: str, now: datetime) -> Issue:
    """A person confirms, dismisses, closes or reopens an issue; to dismiss and to close takes a reason.

    The same state with a new note is a further judgement. Raises NotPermitted, CheckFailed, TransitionNotAllowed.
    """
    issue = _open_for(session, actor, issue_id)
    _check_move(issue, state, note)
    before = issue.state
    issue.state = IssueState(state).value
    issue.note = note.strip() or issue.note
    if issue.owner_id is None and state == IssueState.CONFIRMED:
        issue.owner_id = actor.person_id
    issue.updated_at = now
    record(session, actor, "issue.judge", "issue", issue.id, before=before, after=state, note=note)
    return issue


def _check_move(issue: Issue, state: str, note: str) -> None:
    if state not in [each.value for each in IssueState]:
        raise CheckFailed([Problem("state", "请选择研判结果")])
    if state != issue.state and state not in MOVES[issue.state]:
        raise TransitionNotAllowed("议题当前状态不能这样变更，请刷新页面后再试")
    if not note.strip() and (state == issue.state or state in NEED_REASON):
        raise CheckFailed([Problem("note", "请填写研判意见，说明理由")])


def set_level(session: Session, actor: Actor, issue_id: int, level: str, note: str, now: datetime) -> Issue:
    """A person sets an issue's level, up or down, with a reason; only a person lowers one.

    The machine lifts it again only when it finds more than it had found before. Raises NotPermitted, CheckFailed.
    """
    issue = _open_for(session, actor, issue_id)
    if level not in [each.value for each in Level]:
        raise CheckFailed([Problem("level", "请选择等级")])
    if level == issue.level:
        raise CheckFailed([Problem("level", "等级没有变化")])
    if not note.strip():
        raise CheckFailed([Problem("note", "请填写调整等级的理由")])
    before, issue.level = issue.level, Level(level).value
    person = {"level": level, "at": now.isoformat(), "name": actor.name, "note": note.strip()}
    issue.reasons = {**issue.reasons, "person": person}
    issue.updated_at = now
    record(session, actor, "issue.level", "issue", issue.id, before=before, after=level, note=note)
    return issue


def _open_for(session: Session, actor: Actor, issue_id: int) -> Issue:
    actor.need(Role.ANALYST, Role.LEADER, Role.ADMINISTRATOR)
    issue = session.get(Issue, issue_id, with_for_update=True)
    if issue is None:
        raise RuleError("没有这个议题")
    return issue
