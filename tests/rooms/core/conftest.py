"""Rows the core tests hang theirs on."""

from collections.abc import Callable

import pytest

from core.db import Database
from core.models import Account, Article, Copy, Person


@pytest.fixture
def add_account() -> Callable[[Database], int]:
    """`add_account(db)` stores an account and gives its id."""

    def add(db: Database, name: str = "本地微博") -> int:
        with db.write() as session:
            account = Account(kind="weibo", name=name)
            session.add(account)
            session.flush()
            return account.id

    return add


@pytest.fixture
def add_copy(add_account) -> Callable[[Database], int]:
    """`add_copy(db)` stores an article's copy on an account and gives the copy's id."""

    def add(db: Database) -> int:
        account_id = add_account(db)
        with db.write() as session:
            person = Person(username="editor", display_name="编辑", password_hash="!")
            session.add(person)
            session.flush()
            article = Article(author_id=person.id)
            session.add(article)
            session.flush()
            copy = Copy(article_id=article.id, account_id=account_id)
            session.add(copy)
            session.flush()
            return copy.id

    return add
