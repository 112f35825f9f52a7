"""Home page, column pages, sitemap and RSS of the published site, rebuilt from the copies that are live.

They are not part of what was approved and may be written again at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path

from sqlalchemy import select

from core.clock import shanghai
from core.db import Database
from core.models import Copy, Revision
from core.models.words import CopyState
from publisher.channels.website.pages import Site, column_tags, list_page
from publisher.wire import write_whole

SHOWN, IN_FEED, IN_SITEMAP = 50, 20, 50_000
MARK = ".lists"


@dataclass(frozen=True)
class Entry:
    """One live page."""

    link: str
    title: str
    summary: str
    column: str
    published_at: datetime


def rebuild_lists(db: Database, account_id: int, place: Path, site: Site) -> bool:
    """Write every list anew if the live pages changed since the last time; True when it did."""
    place.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        entries = _live(db, account_id)
        digest = hashlib.sha256(repr(entries).encode()).hexdigest()
        mark = place / MARK
        if mark.exists() and mark.read_text("ascii") == digest and (place / "index.html").exists():
            return False
        for name, content in _lists(site, entries):
            write_whole(place / name, content.encode())
        write_whole(mark, digest.encode())
    return True


def column_name(column: str) -> str:
    """Path of a column's page below the site."""
    return f"columns/{hashlib.sha256(column.encode()).hexdigest()[:8]}.html"


def _lists(site: Site, entries: list[Entry]) -> Iterator[tuple[str, str]]:
    home = [["ColumnName", "首页"], ["ColumnDescription", f"{site.name}首页"], ["ColumnKeywords", site.name],
            ["ColumnType", "首页"]]  # fmt: skip
    yield "index.html", list_page(site, site.name, home, [_row(entry) for entry in entries[:SHOWN]])
    for column in sorted({entry.column for entry in entries}):
        rows = [_row(entry) for entry in entries if entry.column == column][:SHOWN]
        yield column_name(column), list_page(site, column, column_tags(column), rows)
    yield "sitemap.xml", _sitemap(entries)
    yield "rss.xml", _rss(site, entries)


def _row(entry: Entry) -> tuple[str, str, str]:
    return entry.link, entry.title, f"{shanghai(entry.published_at):%Y-%m-%d}"


def _sitemap(entries: list[Entry]) -> str:
    rows = "".join(
        f"<url><loc>{escape(entry.link)}</loc><lastmod>{entry.published_at.isoformat()}</lastmod></url>"
        for entry in entries[:IN_SITEMAP]
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">{rows}</urlset>\n'


def _rss(site: Site, entries: list[Entry]) -> str:
    items = "".join(
        f"<item><title>{escape(entry.title)}</title><link>{escape(entry.link)}</link>"
        f"<guid>{escape(entry.link)}</guid><description>{escape(entry.summary)}</description>"
        f"<pubDate>{format_datetime(entry.published_at)}</pubDate></item>"
        for entry in entries[:IN_FEED]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{escape(site.name)}</title><link>{escape(site.url)}/</link>"
        f"<description>{escape(site.name)}发布</description>{items}</channel></rss>\n"
    )


def _live(db: Database, account_id: int) -> list[Entry]:
    with db.read() as session:
        rows = session.execute(
            select(Copy, Revision)
            .join(Revision, Revision.id == Copy.revision_id)
            .where(Copy.account_id == account_id, Copy.state == CopyState.LIVE.value)
            .order_by(Copy.published_at.desc(), Copy.id.desc())
            .limit(IN_SITEMAP)
        ).all()
        return [
            Entry(
                copy.url,
                revision.title,
                revision.summary,
                revision.column or "工作动态",
                copy.published_at or copy.created_at,
            )
            for copy, revision in rows
        ]


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One builder at a time over all processes of this machine."""
    with (place / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
