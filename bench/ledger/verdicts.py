"""Judging the runs by the truth: the sandbox's own rows, the portal's answers, the ledger's states and times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from bench.ledger.harness import Harness, Started, group_by_class
from core.models import Delivery, Observation, Step
from core.models.words import Operation
from portal.web import create_app
from publisher.channels import channel_class
from publisher.delivery import audit, figures
from publisher.workflow import State

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
    classes = {}
    for kind, entries in sorted(group_by_class(harness.started).items()):
        classes[kind] = _judge_class(harness, client, entries)
    with harness.office.house.db.read() as session:
        duty = figures(session, harness.office.house.clock.now(), harness.office.settings)
        taken = session.scalars(select(Observation.detail).where(Observation.source == "takeover")).all()
        findings = [f"{found.rule}: {found.text}" for found in audit(session)]
    return {
        "runs": {kind: result["runs"] for kind, result in classes.items()},
        "kills": harness.tally.kills,
        "stops": harness.tally.stops,
        "stopped_and_resumed": harness.tally.outlived,
        "rows_taken_over": len(taken),
        "taken_over_with_open_call": sum(bool(detail.get("open")) for detail in taken),
        "two_copies": sum(result["faults"].get("two copies", 0) for result in classes.values()),
        "faults": sum(sum(result["faults"].values()) for result in classes.values()),
        "undecided_outside_foreign": sum(
            result["undecided_asked"] for kind, result in classes.items() if kind != "foreign"
        ),
        "slow_rows": sum(result["slow_rows"] for result in classes.values()),
        "classes": classes,
        "duplicates_figure": duty.duplicates,
        "audit": findings,
        "notes": harness.tally.notes,
    }


def _judge_class(harness: Harness, client: FlaskClient, entries: list[Started]) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    examples: list[str] = []
    states: Counter[str] = Counter()
    slow, slowest = 0, 0.0
    asked = 0
    for entry in entries:
        for verdict in _verdicts(harness, client, entry):
            states[f"{verdict.channel} {verdict.state}"] += 1
            asked += verdict.state == State.UNKNOWN and verdict.asked
            if verdict.fault:
                faults[verdict.fault] += 1
                examples.append(f"{entry.run.name} article {entry.article_id} {verdict}")
        for over in _times(harness, entry):
            slow += over > 0
            slowest = max(slowest, over)
    return {
        "runs": len(entries), "faults": dict(faults), "undecided_asked": asked, "states": dict(sorted(states.items())),
        "slow_rows": slow, "slowest_over_bound_s": round(slowest, 2), "examples": examples[:10],
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


def _times(harness: Harness, entry: Started) -> list[float]:
    """Seconds beyond 3 × lease + settle that rows took from their last once-only call to an end or a question."""
    over = []
    with harness.office.house.db.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.article_id == entry.article_id)).all()
        for row in rows:
            steps = session.scalars(select(Step.intent_at).where(Step.delivery_id == row.id, Step.once.is_(True))).all()
            ended = row.ended_at or row.asked_at
            if not steps or ended is None:
                continue
            settle = harness.pace.settle(channel_class(row.account.kind).settle_s).total_seconds()
            bound = 3 * harness.pace.lease_s + settle + harness.pace.call_s
            over.append((ended - max(steps)).total_seconds() - bound)
    return over
