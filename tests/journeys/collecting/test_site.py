"""Comments of the real portal: web pages under robots.txt, the client's JSON, and what waits for a decision."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from sqlalchemy import select

from core.config import Settings
from core.house import House, create_tables, open_house
from core.models import (
    Account,
    Article,
    CommentDecision,
    Copy,
    Coverage,
    CrawlRun,
    FeedEntry,
    ItemLike,
    Mention,
    Person,
    SiteComment,
    Snapshot,
    Source,
)
from portal.web import create_app
from spiders.runner import ensure_sources, run_sources


class Quiet(WSGIRequestHandler):
    """Keeps a list of paths instead of writing to standard error."""

    seen: list[str] = []

    def log_message(self, format: str, *args: Any) -> None:
        self.seen.append(str(args[0]).split()[1])


class Site:
    """A house whose portal answers on a port of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        now = house.clock.now()
        with house.db.write() as session:
            author = Person(username="bianji", display_name="李编辑", password_hash="!")
            website, client = Account(kind="website", name="门户"), Account(kind="client", name="客户端")
            session.add_all([author, website, client])
            session.flush()
            article = Article(author_id=author.id, title="停水通知", state="released")
            session.add(article)
            session.flush()
            live = {"article_id": article.id, "state": "live", "remote_id": str(article.id), "published_at": now}
            copies = [Copy(account_id=each.id, **live) for each in (website, client)]
            session.add_all(copies)
            session.flush()
            session.add(FeedEntry(account_id=client.id, article_id=article.id, copy_id=copies[1].id, content={},
                                  digest="d", published_at=now))  # fmt: skip
            ensure_sources(session, now)
            self.article_id, self.person_id = article.id, author.id
            self.copies = {"website": copies[0].id, "client": copies[1].id}

    def comment(self, channel: str, text: str, state: str = "", parent: int | None = None) -> int:
        """Somebody comments; with a `state` a person decided on it."""
        with self.house.db.write() as session:
            row = SiteComment(
                article_id=self.article_id, channel=channel, author_name="赵六", author_hash="h", text=text,
                parent_id=parent, posted_at=self.house.clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            number = row.id
        if state:
            self.decide(number, state)
        return number

    def decide(self, number: int, state: str) -> None:
        """A person decides on a comment."""
        with self.house.db.write() as session:
            session.merge(CommentDecision(comment_id=number, state=state, person_id=self.person_id))

    def crawl(self, spider: str) -> CrawlRun:
        """Run one spider to its end."""
        with self.house.db.read() as session:
            source_id = session.scalars(select(Source.id).where(Source.spider == spider)).one()
        assert run_sources(self.house, [source_id]) == 1
        with self.house.db.read() as session:
            runs = select(CrawlRun).where(CrawlRun.source_id == source_id).order_by(CrawlRun.id.desc())
            return session.scalars(runs).first()

    def held(self) -> dict[str, Mention]:
        """What was collected, by its words."""
        with self.house.db.read() as session:
            return {row.text: row for row in session.scalars(select(Mention))}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The portal on a loopback port."""
    server = make_server("127.0.0.1", 0, None, WSGIServer, Quiet)
    address = f"127.0.0.1:{server.server_port}"
    Quiet.seen.clear()
    settings = Settings(_env_file=None, home=tmp_path / "home", site_url=f"http://{address}", allow_private=address,
                        time_factor=20.0)  # fmt: skip
    house = open_house(settings, create=True)
    create_tables(house.db)
    server.set_app(create_app(house))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Site(house)
    server.shutdown()
    thread.join()
    server.server_close()
    house.close()


def test_site_comments_come_in_over_page_borders_and_pending_ones_as_not_public(site: Site) -> None:
    first = site.comment("website", "第一条", "accepted")
    site.comment("website", "答第一条", "accepted", parent=first)
    waiting = site.comment("website", "等着看的")
    site.comment("website", "骂人的", "rejected")
    for number in range(60):
        site.comment("website", f"凑数{number}", "accepted")
    site.comment("client", "别处的", "accepted")
    run = site.crawl("portal_comments")
    assert (run.state, run.added, run.note) == ("done", 63, "")
    held = site.held()
    assert set(held) == {"第一条", "答第一条", "等着看的", *(f"凑数{number}" for number in range(60))}
    assert (held["答第一条"].kind, held["答第一条"].parent_external_id) == ("reply", str(first))
    assert held["等着看的"].hidden
    assert not held["第一条"].hidden
    assert held["第一条"].copy_id == site.copies["website"]
    assert "/robots.txt" in Quiet.seen
    site.decide(waiting, "accepted")
    assert site.crawl("portal_comments").added == 0
    assert not site.held()["等着看的"].hidden


def test_a_rejected_comment_leaves_the_list_and_is_marked(site: Site) -> None:
    waiting = site.comment("website", "等着看的")
    in_app = site.comment("client", "应用里等着的")
    site.comment("client", "应用里的", "accepted")
    site.crawl("portal_comments")
    site.crawl("client_comments")
    assert site.held()["应用里等着的"].hidden
    site.decide(waiting, "rejected")
    site.decide(in_app, "rejected")
    site.crawl("portal_comments")
    site.crawl("client_comments")
    held = site.held()
    assert held["等着看的"].deleted_at is not None
    assert held["应用里等着的"].deleted_at is not None
    assert held["应用里的"].deleted_at is None


def test_client_comments_are_read_after_a_cursor_and_decisions_are_followed(site: Site) -> None:
    waiting = site.comment("client", "先等着")
    numbers = [site.comment("client", f"第{n}条", "accepted") for n in range(450)]
    first = site.crawl("client_comments")
    assert (first.added, first.requests) == (451, 3)
    site.comment("client", "后来的", "accepted")
    site.decide(waiting, "accepted")
    assert site.crawl("client_comments").added == 1
    assert not site.held()["先等着"].hidden
    third = site.crawl("client_comments")
    assert (third.added, third.requests) == (0, 1), "nothing waits any more: only the last numbers are read again"
    assert len(site.held()) == len(numbers) + 2


def test_likes_and_comment_counts_become_snapshots(site: Site) -> None:
    site.comment("website", "好", "accepted")
    with site.house.db.write() as session:
        for number in range(3):
            session.add(ItemLike(article_id=site.article_id, channel="website", visitor_hash=str(number)))
        session.add(ItemLike(article_id=site.article_id, channel="client", visitor_hash="0"))
    site.crawl("portal_counts")
    site.crawl("client_counts")
    with site.house.db.read() as session:
        rows = session.scalars(select(Snapshot)).all()
    counts = {row.copy_id: (row.likes, row.comments) for row in rows}
    assert counts == {site.copies["website"]: (3, 1), site.copies["client"]: (1, 0)}


def test_a_withdrawn_item_is_told_once_and_not_asked_for_again_within_the_hour(site: Site) -> None:
    with site.house.db.write() as session:
        copy = session.get_one(Copy, site.copies["website"])
        copy.state, copy.ended_at = "withdrawn", site.house.clock.now() - timedelta(minutes=1)
    run = site.crawl("portal_comments")
    assert (run.state, run.requests) == ("done", 2), "robots.txt and one page"
    assert "410" in run.note
    assert site.crawl("portal_comments").requests == 0
    with site.house.db.read() as session:
        states = [(row.copy_id, row.state) for row in session.scalars(select(Coverage).order_by(Coverage.id))]
    assert states == [(site.copies["website"], "skipped"), (None, "complete"), (None, "complete")]


def test_pages_that_robots_txt_forbids_are_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.comment("website", "好", "accepted")
    monkeypatch.setattr("portal.site.ROBOTS", "User-agent: *\nDisallow: /items/\n")
    run = site.crawl("portal_comments")
    assert run.added == 0
    assert "robots.txt" in run.note
    assert not [path for path in Quiet.seen if path.startswith("/items/")]
