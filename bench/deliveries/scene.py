"""The scene of the measurement: a sandbox in its own process, many accounts of each kind, approved items to send."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bench.ledger.office import Office, make_settings
from bench.ledger.sandbox import Sandbox
from core.models import Account, Article, Copy, Delivery, Payload, Revision
from publisher.delivery import plan
from publisher.workflow import State

LATENCY_MS = 100
IN_FLIGHT = 32  # calls at a time, on every side
THREADS = 48  # deliveries at a time: while some write what they learned, others call
SUBMITS_A_DAY = 80  # of WeChat's hundred, what the budget lets a publish use
WITHOUT_END: dict[str, Any] = {
    "quotas": {"*": 10**6, "push": 10**6, "day": 10**6, "post_hour": 10**6, "ip_hour": 10**6}
}
PLATFORMS: dict[str, dict[str, Any]] = {
    "weibo": WITHOUT_END | {"repeat_window_s": 0, "regime": "commercial"},
    "wechat": WITHOUT_END,
    "jpush": WITHOUT_END,
}
KINDS = ("weibo", "wechat", "client")
ROWS_AT_ONCE = 1000


@dataclass
class Scene:
    """An office whose platforms are the sandbox; `accounts` by kind."""

    office: Office
    sandbox: Sandbox
    accounts: dict[str, list[int]]

    def items(self, count: int, due_at: Sequence[datetime]) -> list[int]:
        """`count` items, the kinds and accounts in turn, planned for these instants; the article numbers."""
        articles = []
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            turn = self.accounts[kind]
            account_id = turn[number // len(KINDS) % len(turn)]
            articles.append(self.office.article(f"第{number}号通告", [account_id], picture=False))
            with self.office.house.db.write() as session:
                at = due_at[number]
                plan(session, self.office.publisher, articles[-1], at, at, late_policy="send")
        return articles

    def distant(self, count: int, begins_at: datetime, hours: float) -> None:
        """`count` rows that are due later, evenly over the next hours: what a full calendar looks like to a claim."""
        with self.office.house.db.write() as session:
            pattern = session.scalars(select(Payload)).first()
            assert pattern
            first = (session.scalar(select(func.max(Article.id))) or 0) + 1
            account_id, author = pattern.account_id, self.office.people["editor"].person_id
            for start in range(first, first + count, ROWS_AT_ONCE):
                numbers = range(start, min(start + ROWS_AT_ONCE, first + count))
                session.execute(
                    insert(Article),
                    [{"id": n, "author_id": author, "state": "released", "title": str(n)} for n in numbers],
                )
                session.execute(
                    insert(Revision),
                    [
                        {"id": n + 10**6, "article_id": n, "number": 1, "title": "t", "body_html": "", "digest": "d",
                         "editor_id": author} for n in numbers
                    ],
                )  # fmt: skip
                copies = [{"id": n + 10**6, "article_id": n, "account_id": account_id} for n in numbers]
                session.execute(insert(Copy), copies)
                gap_s = hours * 3600 / count
                session.execute(
                    insert(Delivery),
                    [
                        {"article_id": n, "account_id": account_id, "copy_id": n + 10**6, "revision_id": n + 10**6,
                         "operation": "publish", "state": "planned",
                         "due_at": begins_at + timedelta(seconds=gap_s * (n - first))} for n in numbers
                    ],
                )  # fmt: skip

    def settled(self, articles: Sequence[int]) -> dict[str, int]:
        """How many of these items' rows stand in each state."""
        with self.office.house.db.read() as session:
            query = select(Delivery.state, func.count(Delivery.id)).where(
                Delivery.article_id >= articles[0], Delivery.article_id <= articles[-1]
            )
            return dict(session.execute(query.group_by(Delivery.state)).all())

    def wait(self, articles: Sequence[int], most_s: float) -> dict[str, int]:
        """Until none of them is planned or on its way; RuntimeError after `most_s`."""
        until = time.monotonic() + most_s
        while True:
            states = self.settled(articles)
            if not states.keys() & {State.PLANNED.value, State.INTENDED.value}:
                return states
            if time.monotonic() > until:
                raise RuntimeError(f"not delivered in {most_s:.0f} s: {states}")
            time.sleep(0.1)

    def sandbox_cpu_s(self) -> float:
        """Processor seconds the sandbox has used so far."""
        used = psutil.Process(self.sandbox.process.pid).cpu_times()
        return used.user + used.system


@contextmanager
def open_scene(home: Path, items: int) -> Iterator[Scene]:
    """A fresh office and sandbox with accounts enough for `items` items; both end with the block."""
    sandbox = Sandbox(home / "sandbox.db", time_factor=1, latency_ms=LATENCY_MS, regime="commercial")
    try:
        settings = make_settings(home / "office", sandbox, deliver_threads=THREADS)
        office = Office(settings)
        sets = max(8, items // len(KINDS) // SUBMITS_A_DAY + 1)
        accounts: dict[str, list[int]] = {kind: [] for kind in KINDS}
        for number in range(sets):
            ours, _theirs = office.account_set(sandbox, str(number), PLATFORMS)
            for kind in KINDS:
                accounts[kind].append(ours[kind])
        with office.house.db.write() as session:
            _lift_budget(session, accounts["weibo"])
        try:
            yield Scene(office, sandbox, accounts)
        finally:
            office.house.close()
    finally:
        sandbox.stop()


def _lift_budget(session: Session, account_ids: Sequence[int]) -> None:
    for account in session.scalars(select(Account).where(Account.id.in_(account_ids))):
        account.settings = {**account.settings, "requests_a_day": 10**6}
