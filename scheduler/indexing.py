"""Brings items and citizens' messages into the search index, into a new one everything. Writes nothing but the index.

How far items and messages have come is kept in memory: a new process indexes them once more, a batch a run. Mentions
are too many for that. They come in when they are scored; only an index that was lost or emptied is filled with the
earlier ones, and how far that has come is kept in the index itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.house import House
from core.models import Article, Case, Revision
from monitors.scoring import index_again, newest_mention
from publisher.checks import plain_text

BATCH = 200
PORTION = 2_000
"""Mentions put into a new index in one run."""
UNTIL, DONE = "mentions until", "mentions done"
"""Notes in the index: the last mention it must be filled with again, and how far that has come."""
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
    """One process's progress; an index without notes is a new one, and everything is put into it once more."""

    articles: Progress = field(default_factory=Progress)
    cases: Progress = field(default_factory=Progress)

    def run(self, house: House) -> int:
        """Index one batch of each kind; how many rows were new, changed or missing."""
        until = house.index.noted(UNTIL)
        if until is None:
            self.articles, self.cases, until = Progress(), Progress(), _begin(house)
        mentions = _fill(house, until)
        with house.db.read() as session:
            articles = _articles(session, self.articles.next_ids(session, Article.id, Article.updated_at))
            cases = _cases(session, self.cases.next_ids(session, Case.id, Case.received_at))
        for kind, rows in (("article", articles), ("case", cases)):
            if rows:
                house.index.put(kind, rows)
        return len(articles) + len(cases) + mentions


def _begin(house: House) -> int:
    """Note up to which mention the new index must be filled; what is scored from now on comes in by itself."""
    until = newest_mention(house)
    house.index.note(DONE, 0)
    house.index.note(UNTIL, until)
    return until


def _fill(house: House, until: int) -> int:
    """One portion of the mentions up to `until`; a kill before the note repeats it, which changes nothing."""
    done = house.index.noted(DONE) or 0
    if done >= until:
        return 0
    reached, count = index_again(house, done, until, PORTION)
    house.index.note(DONE, reached)
    return count


def _articles(session: Session, ids: list[int]) -> list[tuple[int, str]]:
    query = select(Article.id, Revision).join(Revision, Revision.id == Article.head_id).where(Article.id.in_(ids))
    return [
        (article_id, "\n".join((head.title, head.summary, head.keywords, plain_text(head.body_html))))
        for article_id, head in session.execute(query)
    ]


def _cases(session: Session, ids: list[int]) -> list[tuple[int, str]]:
    rows = session.scalars(select(Case).where(Case.id.in_(ids)))
    return [(row.id, f"{row.number}\n{row.title}\n{row.text}") for row in rows]
