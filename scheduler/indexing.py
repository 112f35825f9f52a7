"""Brings items and citizens' messages into the search index. Reads rows, writes nothing but the index.

How far it has come is kept in memory only: a new process indexes everything once more, a batch a run, and so heals an
index file that was deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.house import House
from core.models import Article, Case, Revision
from publisher.checks import plain_text

BATCH = 200
OVERLAP = timedelta(minutes=2)
"""Changes this shortly before the newest one seen are looked for again: transactions may end out of order."""
START = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass
class Progress:
    """How far one kind has come: the newest change, and what was done since a little before it (id: change)."""

    newest: datetime = START
    done: dict[int, datetime] = field(default_factory=dict)

    def next_ids(
        self, session: Session, row_id: InstrumentedAttribute[int], at: InstrumentedAttribute[datetime]
    ) -> list[int]:
        """The ids of one batch of changes not yet done, oldest first; they count as done from here on."""
        since = self.newest - OVERLAP
        changes = session.execute(select(row_id, at).where(at > since).order_by(at, row_id)).all()
        new = [(each, when) for each, when in changes if self.done.get(each) != when][:BATCH]
        self.done.update(new)
        self.newest = max([self.newest, *(when for _id, when in new)])
        self.done = {each: when for each, when in self.done.items() if when > self.newest - OVERLAP}
        return [each for each, _when in new]


@dataclass
class Indexer:
    """One process's progress with items and messages."""

    articles: Progress = field(default_factory=Progress)
    cases: Progress = field(default_factory=Progress)

    def run(self, house: House) -> int:
        """Index one batch of each kind; how many rows were new or changed."""
        with house.db.read() as session:
            articles = _articles(session, self.articles.next_ids(session, Article.id, Article.updated_at))
            cases = _cases(session, self.cases.next_ids(session, Case.id, Case.received_at))
        for kind, rows in (("article", articles), ("case", cases)):
            if rows:
                house.index.put(kind, rows)
        return len(articles) + len(cases)


def _articles(session: Session, ids: list[int]) -> list[tuple[int, str]]:
    query = select(Article.id, Revision).join(Revision, Revision.id == Article.head_id).where(Article.id.in_(ids))
    return [
        (article_id, "\n".join((head.title, head.summary, head.keywords, plain_text(head.body_html))))
        for article_id, head in session.execute(query)
    ]


def _cases(session: Session, ids: list[int]) -> list[tuple[int, str]]:
    rows = session.scalars(select(Case).where(Case.id.in_(ids)))
    return [(row.id, f"{row.number}\n{row.title}\n{row.text}") for row in rows]
