"""An office on a scripted outbound door and a fixed clock: platforms answer what a test says, time moves by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.ledger.office import Office, make_settings
from core import alarms
from core.budget import Budget
from core.claims import register
from core.clock import FixedClock
from core.http import Request, Response, Unanswered
from core.models import Article, Copy, Delivery
from core.ports import Receipt
from core.tokens import Broker
from publisher.delivery import DutyFigures, Lookout, figures, plan, withdraw
from publisher.delivery.claiming import claim_due
from publisher.delivery.delivering import Delivering
from publisher.delivery.outcomes import News, learn
from publisher.delivery.pace import pace_of

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LOST = Unanswered("lost")


class ScriptedDoor:
    """Answers by a part of the address; an answer is a body, a function of the request, or an error to raise."""

    def __init__(self) -> None:
        self.on: dict[str, Any] = {}
        self.calls: list[str] = []
        self.requests: list[Request] = []

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        for part, answer in self.on.items():
            if part in request.url:
                self.calls.append(part)
                self.requests.append(request)
                body = answer(request) if callable(answer) else answer
                if isinstance(body, Exception):
                    raise body
                return Response(200, {}, json.dumps(body).encode())
        raise AssertionError(f"no answer is scripted for {request.url}")

    def count(self, part: str) -> int:
        return self.calls.count(part)

    def close(self) -> None:
        """Nothing is open."""


class Desk:
    """One office, its worker and its lookout, without threads."""

    def __init__(self, home: Path, database_url: str = "") -> None:
        self.office = Office(make_settings(home, None, database_url=database_url))
        self.clock, self.door = FixedClock(START), ScriptedDoor()
        house = self.office.house
        self.db, self.publisher = house.db, self.office.publisher
        tokens, budget = Broker(house.db, house.vault, self.clock, 30), Budget(house.db, self.clock)
        services: dict[str, Any] = {"clock": self.clock, "door": self.door, "tokens": tokens, "budget": budget}
        self.house = self.office.house = replace(house, **services)
        self.pace = pace_of(house.settings)
        self.holder = register(self.db, "worker", lease_s=30, clock=self.clock, beating=False)
        self.lookout = Lookout(self.house)
        self.lookout._holder = register(self.db, "lookout", lease_s=30, clock=self.clock, beating=False)
        self.lookout._tend = lambda: None  # type: ignore[method-assign]

    def weibo(self) -> int:
        return self.office.account("weibo", "微博", {"uid": "77", "requests_a_day": 10**6}, {"access_token": "t"})

    def website(self) -> int:
        return self.office.account("website", "网站", {}, {})

    def client(self) -> int:
        return self.office.account("client", "客户端", {"app_key": "k", "push": True}, {"master_secret": "s"})

    def wechat(self) -> int:
        self.door.on["stable_token"] = {"access_token": "tok", "expires_in": 7200}
        secret = {"secret": "s", "callback_token": "c"}
        return self.office.account("wechat", "公众号", {"appid": "wx", "resubmit": True}, secret)

    def planned(self, account_id: int, due_in: timedelta = timedelta(0)) -> int:
        article_id = self.office.article("关于道路施工的通告", [account_id], picture=False)
        now = self.clock.now()
        with self.db.write() as session:
            [row] = plan(session, self.publisher, article_id, now + due_in, now, late_policy="send")
            return row.id

    def article(self, *account_ids: int) -> int:
        """An approved article for these accounts, not planned yet."""
        return self.office.article("关于道路施工的通告", list(account_ids), picture=False)

    def plan(self, article_id: int, **policy: Any) -> list[int]:
        """Release the head revision now; the rows' numbers."""
        now = self.clock.now()
        with self.db.write() as session:
            return [row.id for row in plan(session, self.publisher, article_id, now, now, **policy)]

    def revise(self, article_id: int, account_ids: list[int], title: str) -> None:
        """A new approved head revision."""
        with self.db.write() as session:
            article = session.get_one(Article, article_id)
            self.office.revise(session, article, title, account_ids, picture=False)

    def withdraw(self, article_id: int, reason: str = "内容有误") -> list[int]:
        """Take the article back; the numbers of the withdrawals."""
        with self.db.write() as session:
            return [row.id for row in withdraw(session, self.publisher, article_id, reason, self.clock.now())]

    def hear(self, delivery_id: int, source: str, receipt: Receipt) -> None:
        """News of a row from elsewhere: a stale worker's answer (`late_call`), or the platform's own event."""
        with self.db.write() as session:
            row = session.get_one(Delivery, delivery_id)
            learn(session, row, News(source, receipt), self.clock.now())

    def row(self, delivery_id: int) -> Delivery:
        with self.db.read() as session:
            row = session.get_one(Delivery, delivery_id)
            session.expunge(row)
            return row

    def alarms(self) -> set[str]:
        """Kinds of the alarms that stand: the part of their key before the number."""
        with self.db.read() as session:
            return {alarm.dedup_key.partition(":")[0] for alarm in alarms.standing(session)}

    def duty(self) -> DutyFigures:
        with self.db.read() as session:
            return figures(session, self.clock.now(), self.house.settings)

    def deliver(self) -> None:
        self.holder.beat()
        for claimed in claim_due(self.db, self.holder, self.clock.now(), 8):
            Delivering(self.house, self.holder, claimed, self.pace).run()

    def look(self, *waits_s: float) -> None:
        for wait_s in waits_s:
            self.clock.advance(wait_s)
            self.lookout._holder.beat()  # type: ignore[union-attr]
            self.lookout.run()

    def act(self, verb: Callable[..., Delivery], delivery_id: int, *words: object) -> int:
        """A person's decision about a row, or about the copy behind it."""
        with self.db.write() as session:
            return verb(session, self.publisher, delivery_id, *words, self.clock.now()).id

    def state(self, delivery_id: int) -> str:
        with self.db.read() as session:
            return session.get_one(Delivery, delivery_id).state

    def copy(self, delivery_id: int) -> Copy:
        with self.db.read() as session:
            copy = session.get_one(Copy, session.get_one(Delivery, delivery_id).copy_id)
            session.expunge(copy)
            return copy

    def close(self) -> None:
        self.lookout.close()
        self.house.close()
