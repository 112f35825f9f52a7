"""A desk for the authoring tests: people with their roles, two accounts, and a channel that only checks and renders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from core.audit import Actor
from core.house import House
from core.models import Account, Article
from core.models.words import Role
from core.ports import Content, Payload, Problem
from publisher import authoring, review
from publisher.authoring import Draft, submission

SITE = "http://127.0.0.1:8001"
BODY = "<p>全市老旧小区改造今天开工。</p><p>改造涉及十二个小区。</p>"


class PaperChannel:
    """Checks that there is a title and writes the words down; it has no network side."""

    limits = {"text": 140}

    def __init__(self, account: Account) -> None:
        self.account = account

    def check(self, content: Content) -> list[Problem]:
        if "渠道不收" in content.title:
            return [Problem("title", "这个渠道不收这样的标题，请修改。", code="paper")]
        return []

    def render(self, content: Content) -> Payload:
        template = {"text": content.variant_text or content.body_text, "title": content.title}
        canonical = json.dumps(template, sort_keys=True, ensure_ascii=False)
        return Payload(template, hashlib.sha256(canonical.encode()).hexdigest())


@dataclass
class Desk:
    """The office of one test."""

    house: House
    people: Callable[..., Actor]
    accounts: list[int]
    actors: dict[str, Actor] = field(default_factory=dict)

    def actor(self, name: str, *roles: str) -> Actor:
        if name not in self.actors:
            self.actors[name] = self.people(name, *(roles or (name,)))
        return self.actors[name]

    def draft(self, title: str = "老旧小区改造开工", body: str = BODY, **more: object) -> Draft:
        return Draft(title=title, body_html=body, source="市住建局", **more)  # type: ignore[arg-type]

    def write(self, draft: Draft | None = None) -> int:
        with self.house.db.write() as session:
            now = self.house.clock.now()
            article = authoring.create_article(session, self.actor("editor"), draft or self.draft(), SITE, now)
            return article.id

    def save(self, article_id: int, draft: Draft, who: str = "editor") -> int:
        with self.house.db.write() as session:
            version = session.get_one(Article, article_id).version
            now = self.house.clock.now()
            return authoring.save_revision(session, self.actor(who), article_id, version, draft, now).id

    def submit(self, article_id: int, accounts: list[int] | None = None, reason: str = "") -> list[Problem]:
        with self.house.db.write() as session:
            return authoring.submit(
                self.house, session, self.actor("editor"), article_id,
                self.accounts if accounts is None else accounts, reason=reason,
            )  # fmt: skip

    def head(self, article_id: int) -> tuple[int, str]:
        """Head revision and its package digest, as a reviewer's page reads them."""
        with self.house.db.read() as session:
            head = session.get_one(Article, article_id).head_id or 0
            return head, review.package_digest(session, head)

    def decide(self, article_id: int, who: Actor, decision: str = "approve", reason: str = "", digest: str = "") -> int:
        head, stored = self.head(article_id)
        with self.house.db.write() as session:
            now = self.house.clock.now()
            step = review.decide(
                session, who, article_id, review.Judgement(head, digest or stored, decision, reason), now
            )
            return step.step

    def approve_all(self, article_id: int) -> None:
        for name in ("reviewer1", "reviewer2", "reviewer3"):
            self.decide(article_id, self.actor(name))

    def state(self, article_id: int) -> str:
        with self.house.db.read() as session:
            return session.get_one(Article, article_id).state

    def approved(self, article_id: int) -> bool:
        with self.house.db.read() as session:
            return review.is_approved(session, session.get_one(Article, article_id).head_id or 0)

    def may_release(self, article_id: int, who: Actor) -> bool:
        with self.house.db.read() as session:
            return review.may_release(session, who, session.get_one(Article, article_id).head_id or 0)


def open_desk(house: House, people: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch | None = None) -> Desk:
    """A desk in that house; `people(username, *roles)` stores its persons."""
    if monkeypatch:
        monkeypatch.setattr(submission, "open_channel", lambda _house, account: PaperChannel(account))
    with house.db.write() as session:
        rows = [Account(kind="website", name="门户网站"), Account(kind="weibo", name="政务微博")]
        session.add_all(rows)
        session.flush()
        accounts = [row.id for row in rows]
    actors = {role.value: people(role.value, role.value) for role in Role}
    actors["second"] = people("second", "editor")
    return Desk(house, people, accounts, actors)
