"""A small town for the monitors' tests: a house at noon, four channels, one item, and people who talk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest

from core.audit import Actor
from core.clock import FixedClock
from core.config import Settings
from core.house import House, create_tables, open_house
from core.inbox import Covered, Found, Origin, cover, put
from core.models import Account, Article, Person, Revision, Source
from core.models.words import Sentiment
from core.ports import Score
from monitors.scoring import score_new

SPIDERS = {
    "weibo": "weibo_comments",
    "wechat": "wechat_comments",
    "website": "portal_comments",
    "client": "client_comments",
}


class WordScorer:
    """A scorer that can be seen through: 差 is negative, 好 is positive."""

    version = "words-1"

    def score_many(self, texts: Sequence[str]) -> list[Score]:
        return [self._score(text) for text in texts]

    def _score(self, text: str) -> Score:
        if not text.strip():
            return Score(Sentiment.NO_TEXT, None, self.version)
        if "差" in text:
            return Score(Sentiment.NEGATIVE, 0.1, self.version)
        return (
            Score(Sentiment.POSITIVE, 0.95, self.version)
            if "好" in text
            else Score(Sentiment.NEUTRAL, 0.6, self.version)
        )


@dataclass
class Town:
    """The house and short ways to make people talk in it."""

    house: House
    clock: FixedClock
    sources: dict[str, int]
    author_id: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def item(self, title: str = "关于停水的通告", summary: str = "") -> int:
        """A new item's id."""
        with self.house.db.write() as session:
            article = Article(author_id=self.author_id, title=title)
            session.add(article)
            session.flush()
            revision = Revision(
                article_id=article.id,
                number=1,
                title=title,
                summary=summary,
                body_html="",
                digest="",
                editor_id=self.author_id,
            )
            session.add(revision)
            session.flush()
            article.head_id = revision.id
            return article.id

    def say(
        self,
        text: str,
        at: datetime,
        author: str = "",
        channel: str = "weibo",
        item: int | None = None,
        kind: str = "comment",
    ) -> None:
        """One collected comment; without a name the author is somebody new."""
        self.hear([self.remark(text, at, author, kind)], channel, item)

    def remark(self, text: str, at: datetime, author: str = "", kind: str = "comment") -> Found:
        """What a spider hands over for one comment."""
        number = next(self.numbers)
        name = author or f"网友{number}"
        return Found(kind, f"x{number}", "", name, name, text, "", at)

    def hear(self, remarks: list[Found], channel: str = "weibo", item: int | None = None) -> None:
        """Comments collected in one go."""
        with self.house.db.write() as session:
            put(
                session,
                Origin(self.sources[channel], None, item),
                remarks,
                now=self.clock.now(),
                vault=self.house.vault,
            )

    def read_all(self, since: datetime, until: datetime, state: str = "complete") -> None:
        """Coverage of every source."""
        with self.house.db.write() as session:
            for source_id in self.sources.values():
                cover(session, Covered(source_id, None, since, until, state))

    def quiet_days(self, days: int = 14, item: int | None = None) -> None:
        """Days before now with one remark every three hours, read completely."""
        start = self.clock.now() - timedelta(days=days)
        remarks = ("图书馆周末开门真好", "菜市场新开了", "公园的花开了，好看", "路灯修好了")
        for step in range(days * 8):
            self.say(
                remarks[step % 4], start + timedelta(hours=3 * step, minutes=7), author=f"街坊{step % 9}", item=item
            )
        self.read_all(start, self.clock.now())

    def burst(self, text: str, people: int, item: int | None = None, spread_s: int = 600) -> None:
        """Now `people` different authors say much the same within the last ten minutes."""
        step = timedelta(seconds=spread_s / people)
        now = self.clock.now()
        self.hear(
            [self.remark(f"{text}，{number}号楼", now - step * (people - number)) for number in range(people)],
            item=item,
        )

    def score(self) -> int:
        """Score everything there is."""
        done = total = score_new(self.house, WordScorer())
        while done:
            done = score_new(self.house, WordScorer())
            total += done
        return total

    def pass_time(self, **span: float) -> None:
        """Move the clock on, everything read meanwhile."""
        since = self.clock.now()
        self.clock.advance(timedelta(**span).total_seconds())
        self.read_all(since, self.clock.now())


def found_town(settings: Settings, clock: FixedClock) -> Town:
    """A house with tables, accounts and sources."""
    house = open_house(settings, create=True, clock=clock)
    create_tables(house.db)
    sources = {}
    with house.db.write() as session:
        person = Person(username="bianji", display_name="编辑", password_hash="!")
        session.add(person)
        session.flush()
        for kind, spider in SPIDERS.items():
            account = Account(kind=kind, name=kind)
            session.add(account)
            session.flush()
            source = Source(spider=spider, account_id=account.id, name=kind)
            session.add(source)
            session.flush()
            sources[kind] = source.id
        return Town(house, clock, sources, person.id)


@pytest.fixture
def town(settings: Settings, clock: FixedClock) -> Iterator[Town]:
    """The town on SQLite."""
    made = found_town(settings, clock)
    yield made
    made.house.close()


@pytest.fixture
def either_town(either_settings: Settings, clock: FixedClock) -> Iterator[Town]:
    """The town on SQLite and on PostgreSQL."""
    made = found_town(either_settings, clock)
    yield made
    made.house.close()


@pytest.fixture
def analyst(town: Town, add_person: Callable[..., Actor]) -> Actor:
    """A person who may judge issues."""
    return add_person(town.house.db, "fenxi", "analyst")
