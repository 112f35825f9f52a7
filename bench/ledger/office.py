"""A press office ready to publish: settings, people, accounts at the sandbox, approved articles with payloads."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy.orm import Session

from bench.ledger.sandbox import Sandbox
from core.audit import Actor
from core.config import Settings
from core.house import House, create_tables, open_house
from core.models import Account, Article, Media, Payload, Person, ReviewStep, Revision, RoleGrant
from core.models.words import Role
from core.ports import Content
from publisher.channels import open_channel
from publisher.delivery import ensure_scopes
from publisher.review import package_digest

SITE_URL = "http://127.0.0.1:8001"
PEOPLE = {
    "editor": [Role.EDITOR], "first": [Role.REVIEWER1], "second": [Role.REVIEWER2], "third": [Role.REVIEWER3],
    "publisher": [Role.PUBLISHER],
}  # fmt: skip


def make_settings(home: Path | str, sandbox: Sandbox | None, **changes: Any) -> Settings:
    """Settings of an office in `home` whose platforms are the sandbox."""
    where = {}
    if sandbox:
        where = {
            "allow_private": sandbox.address, "weibo_base_url": sandbox.base_url, "wechat_base_url": sandbox.base_url,
            "jpush_base_url": sandbox.base_url,
        }  # fmt: skip
    return Settings.model_validate({"home": home, "site_url": SITE_URL, **where, **changes})


class Office:
    """One house with people and accounts; `article` makes approved articles."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.house: House = open_house(settings, create=True)
        create_tables(self.house.db)
        self.people: dict[str, Actor] = {}
        with self.house.db.write() as session:
            for name, roles in PEOPLE.items():
                person = Person(username=name, display_name=name, password_hash="!")
                person.grants = [RoleGrant(role=role.value) for role in roles]
                session.add(person)
                session.flush()
                self.people[name] = Actor(person.id, name, frozenset(role.value for role in roles))
            self.cover = _picture(session)

    @property
    def publisher(self) -> Actor:
        """Who releases."""
        return self.people["publisher"]

    def account(self, kind: str, name: str, settings: dict[str, Any], secret: dict[str, str]) -> int:
        """An enabled account with its freeze row."""
        with self.house.db.write() as session:
            account = Account(kind=kind, name=name, settings=settings)
            account.secret = self.house.vault.encrypt_json(secret) if secret else None
            session.add(account)
            session.flush()
            ensure_scopes(session, [account.id])
            return account.id

    def accounts(self, sandbox: Sandbox, name: str = "") -> dict[str, int]:
        """The four channels on fresh accounts of the sandbox; account ids by kind."""
        return self.account_set(sandbox, name, {})[0]

    def account_set(
        self, sandbox: Sandbox, name: str, settings: dict[str, dict[str, Any]]
    ) -> tuple[dict[str, int], dict[str, str]]:
        """(our account ids by kind, the sandbox's by kind); `settings` of the sandbox by platform."""
        weibo = sandbox.account("weibo", **settings.get("weibo", {}))
        app = sandbox.account("wechat", **settings.get("wechat", {}))
        push = sandbox.account("jpush", **settings.get("jpush", {}))
        ours = {
            "website": self.account("website", f"网站{name}", {}, {}),
            "weibo": self.account(
                "weibo", f"微博{name}", {"uid": weibo["uid"]}, {"access_token": weibo["access_token"]}
            ),
            "wechat": self.account(
                "wechat", f"公众号{name}", {"appid": app["appid"], "resubmit": True},
                {"secret": app["secret"], "callback_token": app["callback_token"]},
            ),
            "client": self.account(
                "client", f"客户端{name}", {"app_key": push["app_key"], "push": True},
                {"master_secret": push["master_secret"]},
            ),
        }  # fmt: skip
        return ours, {"weibo": weibo["id"], "wechat": app["id"], "client": push["id"]}

    def article(self, title: str, account_ids: Sequence[int], *, picture: bool = True, text: str = "") -> int:
        """An article with three approvals of the payloads for these accounts."""
        with self.house.db.write() as session:
            article = Article(author_id=self.people["editor"].person_id, state="approved", title=title)
            session.add(article)
            session.flush()
            article.canonical_link = f"{SITE_URL}/articles/{article.id}.html"
            self.revise(session, article, title, account_ids, picture=picture, text=text)
            return article.id

    def revise(
        self, session: Session, article: Article, title: str, account_ids: Sequence[int], *, picture: bool = True,
        text: str = "",
    ) -> Revision:  # fmt: skip
        """A new approved head revision; earlier approvals are voided."""
        for standing in session.query(ReviewStep).filter_by(article_id=article.id, voided_at=None):
            standing.voided_at = datetime.now(UTC)
        number = session.query(Revision).filter_by(article_id=article.id).count() + 1
        image = f'<img src="media:{self.cover}" alt="图">' if picture else ""
        body = f"<p>{text or title}。请相互转告。</p>{image}"
        revision = Revision(
            article_id=article.id, number=number, title=title, summary=f"{title}摘要", body_html=body,
            source="市政府办公室", author="编辑部", column="工作动态", cover_sha256=self.cover,
            digest=f"{article.id}:{number}",
            editor_id=self.people["editor"].person_id,
        )  # fmt: skip
        session.add(revision)
        session.flush()
        article.head_id, article.state = revision.id, "approved"
        for account_id in account_ids:
            channel = open_channel(self.house, session.get_one(Account, account_id))
            content = _content(article, revision, self.cover)
            assert not [p for p in channel.check(content) if p.severity == "block"], channel.check(content)
            payload = channel.render(content)
            session.add(
                Payload(
                    revision_id=revision.id, account_id=account_id, template=payload.template, digest=payload.digest
                )
            )
        session.flush()
        digest = package_digest(session, revision.id)
        for step, name in enumerate(("first", "second", "third"), 1):
            session.add(
                ReviewStep(
                    article_id=article.id, revision_id=revision.id, step=step, decision="approve",
                    person_id=self.people[name].person_id, digest=digest,
                )
            )  # fmt: skip
        session.flush()
        return revision


def _content(article: Article, revision: Revision, cover: str) -> Content:
    return Content(
        article_id=article.id, revision_id=revision.id, kind=article.kind, title=revision.title,
        summary=revision.summary, body_html=revision.body_html, body_text=revision.title, source=revision.source,
        author=revision.author, keywords="", column=revision.column, cover_sha256=cover,
        media_types={cover: "image/png"}, media_sizes={cover: 100}, canonical_link=article.canonical_link,
    )  # fmt: skip


def _picture(session: Session) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (180, 35, 42)).save(buffer, "PNG")
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    if session.get(Media, sha256) is None:
        session.add(Media(sha256=sha256, mime="image/png", size=len(content), width=40, height=30, content=content))
        session.flush()
    return sha256
