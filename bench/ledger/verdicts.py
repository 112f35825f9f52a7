"""Judging the runs by the truth: the sandbox's own rows, the portal's answers, the ledger's states and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.ledger.harness import Harness, Started, group_by_class
from core.models import Delivery, Observation, Step
from core.models.words import Operation
from portal.web import create_app
from publisher.channels import channel_class
from publisher.delivery import audit, figures
from publisher.delivery.rows import ABSENT
from publisher.workflow import State

MOST_LEASES = 3  # a row is final or asked so many leases after the channel's settle time, counted from the intent
PLATFORM = {"weibo": "weibo", "wechat": "wechat", "client": "jpush"}


@dataclass(frozen=True)
class Verdict:
    """One row of one run: how many copies ever came to be, how many are live, and what the ledger says."""

    channel: str
    ever: int
    live: int
    state: str
    asked: bool
    withdrawn: bool

    @property
    def fault(self) -> str:
        """What is wrong; empty when nothing is."""
        if self.ever > 1 or self.live > 1:
            return "two copies"
        if self.state == State.UNKNOWN:
            return "" if self.asked else "undecided and nobody asked"
        if self.withdrawn:
            return "live after withdrawal" if self.live else ""
        if self.state == State.CONFIRMED:
            return "" if self.live == 1 else "confirmed but not live"
        if self.live:
            return f"live but {self.state}"
        return "" if self.state == State.REFUSED else f"not published ({self.state})"


def judge(harness: Harness) -> dict[str, Any]:
    """The result of a run of the harness, as printed."""
    client = create_app(harness.office.house).test_client()
    groups = sorted(group_by_class(harness.started).items())
    classes = {kind: _judge_class(harness, client, entries) for kind, entries in groups}
    with harness.office.house.db.read() as session:
        duty = figures(session, harness.office.house.clock.now(), harness.office.settings)
        findings = [f"{found.rule}: {found.text}" for found in audit(session)]
        taken_over = _taken_over(session)
    return {
        "runs": {kind: result["runs"] for kind, result in classes.items()},
        "faults_fired": harness.sandbox.faults_fired(),
        "kills": harness.tally.kills,
        "stops": harness.tally.stops,
        "stopped_and_resumed": harness.tally.outlived,
        **taken_over,
        "two_copies": sum(result["faults"].get("two copies", 0) for result in classes.values()),
        "faults": sum(sum(result["faults"].values()) for result in classes.values()),
        "undecided_outside_foreign": sum(
            result["undecided_asked"] for kind, result in classes.items() if kind != "foreign"
        ),
        "slow_rows": sum(result["slow_rows"] for result in classes.values()),
        "longest_over_settle_leases": max(result["longest_over_settle_leases"] for result in classes.values()),
        "waited_for_processor_s": round(harness.lag.total_s, 2),
        "classes": classes,
        "duplicates_figure": duty.duplicates,
        "audit": findings,
        "notes": harness.tally.notes,
    }


def is_good(result: dict[str, Any]) -> bool:
    """Whether nothing at all went wrong."""
    wrong = ("faults", "undecided_outside_foreign", "slow_rows", "duplicates_figure", "audit", "notes")
    return not any(result[name] for name in wrong)


def _taken_over(session: Session) -> dict[str, int]:
    """Where the kills and stops struck: before the intent, or with a call open that was done, or was not."""
    taken = session.execute(
        select(Observation.delivery_id, Observation.detail).where(Observation.source == "takeover")
    ).all()
    open_rows = {row_id for row_id, detail in taken if detail.get("open")}
    ends: Counter[str] = Counter()
    for row_id in open_rows:
        effects = session.scalars(select(Step.effect).where(Step.delivery_id == row_id, Step.once.is_(True)))
        ends["absent" if ABSENT in effects else "done"] += 1
    return {
        "rows_taken_over": len(taken), "taken_over_with_open_call": len(open_rows),
        "of_these_found_live": ends["done"], "of_these_proved_absent": ends["absent"],
    }  # fmt: skip


def _judge_class(harness: Harness, client: FlaskClient, entries: list[Started]) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    examples: list[str] = []
    states: Counter[str] = Counter()
    times: list[Time] = []
    asked = 0
    for entry in entries:
        for verdict in _verdicts(harness, client, entry):
            states[f"{verdict.channel} {verdict.state}"] += 1
            asked += verdict.state == State.UNKNOWN and verdict.asked
            if verdict.fault:
                faults[verdict.fault] += 1
                examples.append(f"{entry.run.name} article {entry.article_id} {verdict}")
        times += _times(harness, entry)
    slow = [time for time in times if time.over_s > MOST_LEASES * harness.pace.lease_s]
    examples += [f"slow: delivery {time.delivery_id} {time.over_s:.2f} s over settle" for time in slow]
    longest_s = max((time.over_s for time in times), default=0.0)
    return {
        "runs": len(entries), "faults": dict(faults), "undecided_asked": asked,
        "states": dict(sorted(states.items())), "slow_rows": len(slow),
        "longest_over_settle_leases": round(longest_s / harness.pace.lease_s, 2), "examples": examples[:10],
    }  # fmt: skip


def _verdicts(harness: Harness, client: FlaskClient, entry: Started) -> list[Verdict]:
    truth = harness.sandbox.copies(entry.link)
    with harness.office.house.db.read() as session:
        rows = session.scalars(
            select(Delivery).where(
                Delivery.article_id == entry.article_id, Delivery.operation == Operation.PUBLISH.value
            )
        ).all()
        found = []
        for row in rows:
            kind = row.account.kind
            if kind == "website":
                live = client.get(f"/articles/{entry.article_id}.html").status_code == 200
                ever, shown = int(live), int(live)
            else:
                copies = truth[PLATFORM[kind]]
                ever, shown = len(copies), sum(copy["live"] for copy in copies)
                ever += len(truth["wechat_in_audit"]) if kind == "wechat" else 0
            if kind == "client" and not entry.withdrawn and row.state == State.CONFIRMED:
                shown = min(shown, int(client.get(f"/client/items/{entry.article_id}").status_code == 200))
            found.append(Verdict(kind, ever, shown, row.state, row.asked_at is not None, entry.withdrawn))
    return found


@dataclass(frozen=True)
class Time:
    """How long one once-only call kept its row open beyond the channel's settle time, the machine's lag taken off."""

    delivery_id: int
    over_s: float


def _times(harness: Harness, entry: Started) -> list[Time]:
    """Each once-only call: from its intent until it was decided (live, absent, refused) or a person was asked."""
    times = []
    with harness.office.house.db.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.article_id == entry.article_id)).all()
        for row in rows:
            settle_s = harness.pace.settle(channel_class(row.account.kind).settle_s).total_seconds()
            for since, until in _open_calls(session, row):
                lag_s = harness.lag.between(since, until)
                times.append(Time(row.id, (until - since).total_seconds() - settle_s - lag_s))
    return times


def _open_calls(session: Session, row: Delivery) -> Iterator[tuple[datetime, datetime]]:
    """(intent, end) of each uncertain or answered call of a row."""
    steps = session.execute(
        select(Step.intent_at, Step.effect)
        .where(Step.delivery_id == row.id, Step.once.is_(True), Step.effect.in_(("", "unknown", "done", "absent")))
        .order_by(Step.intent_at)
    ).all()
    absent_at = session.scalars(
        select(Observation.seen_at).where(Observation.delivery_id == row.id, Observation.verdict == ABSENT)
    ).all()
    since: datetime | None = None
    for place, (intent_at, effect) in enumerate(steps):
        since = since or intent_at
        next_at = steps[place + 1].intent_at if place + 1 < len(steps) else datetime.max.replace(tzinfo=UTC)
        decided = [at for at in absent_at if intent_at < at < next_at] if effect == ABSENT else []
        if decided:
            yield since, max(decided)
            since = None
    ends = [at for at in (row.asked_at, row.ended_at) if at]
    if since and ends:
        yield since, min(ends)
