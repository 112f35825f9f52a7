"""The feed's rows of one app; the portal shows them. The only table an adapter writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from core.db import insert_into
from core.house import House
from core.models import Account, FeedEntry
from core.models.base import Base
from core.ports import Json, Key

TABLE = Base.metadata.tables[FeedEntry.__tablename__]
OWNER = ("account_id", "article_id")
CHANGED = ("content", "digest", "copy_id", "published_at", "removed_at")


class Feed:
    """The entries of one account."""

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house

    def put(self, content: Json, digest: str, key: Key, at: datetime) -> None:
        """Write the entry, or write it anew."""
        row = {"content": content, "digest": digest, "copy_id": key.copy_id, "published_at": at, "removed_at": None}
        owner = {"account_id": self.account.id, "article_id": key.article_id}
        self.house.db.gathered(_put, {**owner, **row, "now": self.house.clock.now()})

    def remove(self, key: Key) -> None:
        """Take the entry away; gone already is success."""
        with self.house.db.write() as session:
            session.execute(
                update(FeedEntry)
                .where(FeedEntry.account_id == self.account.id, FeedEntry.article_id == key.article_id)
                .where(FeedEntry.removed_at.is_(None))
                .values(removed_at=self.house.clock.now())
            )

    def entry(self, article_id: int) -> FeedEntry | None:
        """The entry that is shown, or None."""
        with self.house.db.read() as session:
            return session.scalar(
                select(FeedEntry).where(
                    FeedEntry.account_id == self.account.id,
                    FeedEntry.article_id == article_id,
                    FeedEntry.removed_at.is_(None),
                )
            )


def _put(session: Session, rows: Sequence[Json]) -> list[None]:
    connection = session.connection()
    connection.execute(_putting(connection.dialect.name), rows)
    return [None] * len(rows)


@cache
def _putting(dialect: str) -> Any:
    """An entry that stands already is written anew and keeps its number."""
    insert = insert_into(dialect, TABLE)
    changed = {name: insert.excluded[name] for name in CHANGED}
    now = bindparam("now", type_=TABLE.c.changed_at.type)
    return insert.on_conflict_do_update(index_elements=list(OWNER), set_={**changed, "changed_at": now})
