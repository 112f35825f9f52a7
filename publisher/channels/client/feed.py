"""The feed's rows of one app; the portal shows them. The only table an adapter writes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from core.db import insert_for
from core.house import House
from core.models import Account, FeedEntry
from core.ports import Json, Key


class Feed:
    """The entries of one account."""

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house

    def put(self, content: Json, digest: str, key: Key, at: datetime) -> None:
        """Write the entry, or write it anew."""
        row = {"content": content, "digest": digest, "copy_id": key.copy_id, "published_at": at, "removed_at": None}
        owner = {"account_id": self.account.id, "article_id": key.article_id}
        with self.house.db.write() as session:
            insert = insert_for(session, FeedEntry).values(**owner, **row)
            changed = {**row, "changed_at": self.house.clock.now()}
            session.execute(insert.on_conflict_do_update(index_elements=list(owner), set_=changed))

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
