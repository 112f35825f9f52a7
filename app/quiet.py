"""Seeds fourteen quiet days of synthetic comments, marked 演示, so that detection has a baseline to compare with."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.audit import Actor
from core.clock import day_start
from core.house import House
from core.inbox import Covered, Found, Origin, cover, put
from core.models import Article, Mention, Source
from core.models.words import ArticleState, CoverageState, MentionKind
from publisher.authoring import Draft, create_article

DAYS = 14
PER_DAY = 42
CITY = "示例市"
HOURS = [1, 0, 0, 0, 0, 0, 1, 3, 5, 5, 4, 4, 6, 4, 3, 3, 4, 5, 6, 7, 8, 7, 5, 3]  # weight of each Shanghai hour
KINDS = {"weibo_reposts": MentionKind.REPOST}


@dataclass(frozen=True)
class Remark:
    """One synthetic comment."""

    source: Source
    article: Article
    found: Found


def seed_quiet_days(house: House, actor: Actor, now: datetime) -> int:
    """Write DAYS days of about PER_DAY comments each, ending yesterday at midnight in Shanghai; returns how many."""
    script = tomllib.loads((Path(__file__).parent / "quiet_days.toml").read_text(encoding="utf-8"))
    chance = random.Random(20260101)
    with house.db.write() as session:
        sources = list(session.scalars(select(Source).where(~Source.spider.contains("counts")).order_by(Source.id)))
        articles = [quiet_article(session, actor, item, house.settings.site_url, now) for item in script["items"]]
        remarks = list(compose(script, sources, articles, now, chance))
        for remark in remarks:
            article = remark.article
            put(session, Origin(remark.source.id, None, article.id), [remark.found], now=now, vault=house.vault)
        session.execute(update(Mention).where(Mention.article_id.in_([row.id for row in articles])).values(demo=True))
        cover_days(session, sources, now)
    return len(remarks)


def quiet_article(session: Session, actor: Actor, item: dict[str, Any], site_url: str, now: datetime) -> Article:
    """An item of the quiet days; it has comments but no copies, since it was never delivered here."""
    draft = Draft(
        title=item["title"].format(city=CITY),
        summary=item["summary"],
        body_html=f"<p>{item['summary']}</p>",
        source="演示数据",
        author="演示",
        keywords="演示",
        column="演示",
        cover_sha256="",
        variants={},
    )
    article = create_article(session, actor, draft, site_url, now, demo=True)
    article.state = ArticleState.RELEASED
    return article


def compose(
    script: dict[str, Any], sources: list[Source], articles: list[Article], now: datetime, chance: random.Random
) -> Iterator[Remark]:
    """The comments, oldest first; the same every time for the same day."""
    start = day_start(now) - timedelta(days=DAYS)
    for day in range(DAYS):
        for number in range(PER_DAY + chance.randint(-6, 6)):
            index = chance.randrange(len(articles))
            source = chance.choice(sources)
            hour = chance.choices(range(24), HOURS)[0]
            at = start + timedelta(days=day, hours=hour, seconds=chance.randrange(3600))
            author = chance.choice(script["authors"])
            text = chance.choice(script["items"][index]["texts"]).format(place=chance.choice(script["places"]))
            found = Found(
                kind=KINDS.get(source.spider, MentionKind.COMMENT),
                external_id=f"quiet-{day}-{number}",
                parent_external_id="",
                author_name=author,
                author_key=author,
                text=text,
                url="",
                posted_at=at,
                likes=chance.randrange(4),
                place="",
                hidden=False,
            )
            yield Remark(source, articles[index], found)


def cover_days(session: Session, sources: list[Source], now: datetime) -> None:
    """The quiet days were read completely: one coverage row a source and day, and one for today so far."""
    start = day_start(now) - timedelta(days=DAYS)
    for source in sources:
        for day in range(DAYS + 1):
            since = start + timedelta(days=day)
            until = min(since + timedelta(days=1), now)
            cover(session, Covered(source.id, None, since, until, CoverageState.COMPLETE, None, 0, "演示数据"))
