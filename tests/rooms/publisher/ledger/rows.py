"""Rows the ledger's tests start from, written straight into the tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from core.db import Database
from core.models import Account, Article, Copy, Delivery, Person, Revision

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def add_person(db: Database, username: str = "editor") -> int:
    """A person by that name, made once."""
    with db.write() as session:
        known = session.execute(select(Person.id).where(Person.username == username)).scalar_one_or_none()
        if known is not None:
            return known
        person = Person(username=username, display_name=username, password_hash="-")
        session.add(person)
        session.flush()
        return person.id


def add_account(db: Database, kind: str = "website", name: str = "", **settings: Any) -> int:
    """An enabled account of that kind."""
    with db.write() as session:
        account = Account(kind=kind, name=name or kind, settings=settings)
        session.add(account)
        session.flush()
        return account.id


def add_article(db: Database, title: str = "关于道路施工的通告") -> tuple[int, int]:
    """(article id, revision id) of an approved article."""
    person_id = add_person(db)
    with db.write() as session:
        article = Article(author_id=person_id, state="approved", title=title)
        session.add(article)
        session.flush()
        article.canonical_link = f"http://www.example.gov.cn/articles/{article.id}.html"
        revision = Revision(
            article_id=article.id, number=1, title=title, body_html=f"<p>{title}</p>", digest="d", editor_id=person_id
        )
        session.add(revision)
        session.flush()
        article.head_id = revision.id
        return article.id, revision.id


def add_delivery(db: Database, **columns: Any) -> int:
    """A planned publish row with its copy; `columns` override."""
    account_id = columns.pop("account_id", None) or add_account(db, name=f"account {datetime.now(UTC).timestamp()}")
    article_id, revision_id = columns.pop("article", None) or add_article(db)
    with db.write() as session:
        copy = Copy(article_id=article_id, account_id=account_id)
        session.add(copy)
        session.flush()
        delivery = Delivery(
            **{
                "article_id": article_id, "account_id": account_id, "copy_id": copy.id, "revision_id": revision_id,
                "operation": "publish", "due_at": START, **columns,
            }
        )  # fmt: skip
        session.add(delivery)
        session.flush()
        return delivery.id
