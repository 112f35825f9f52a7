"""The government website: our own page, written by rename. Every step may be repeated, nothing can be uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from html import escape
from typing import ClassVar

from core.clock import shanghai
from core.errors import Refused
from core.house import House
from core.models import Account
from core.ports import (
    Absent,
    Content,
    Effect,
    Gone,
    Journal,
    Key,
    Live,
    Payload,
    Problem,
    Receipt,
    Reconcile,
    Severity,
    Undecided,
)
from publisher.channels.website.lists import rebuild_lists
from publisher.channels.website.pages import Site, article_page, column_tags, read_back
from publisher.wire import (
    bind,
    digest_of,
    joined,
    media,
    pictures_of,
    prove,
    remove_whole,
    slot,
    with_media,
    write_media,
    write_whole,
)


class Website:
    """One site directory. The digest covers the article block with its tags, not navigation and lists."""

    kind: ClassVar[str] = "website"
    limits: ClassVar[Mapping[str, int]] = {"title": 100}
    reconcile: ClassVar[Reconcile] = Reconcile.OWN
    settle_s: ClassVar[float] = 0
    can_correct: ClassVar[bool] = True
    can_withdraw: ClassVar[bool] = True
    publishes_later: ClassVar[bool] = False
    once_steps: ClassVar[frozenset[str]] = frozenset()
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({"picture", "page", "remove"})
    list_window: ClassVar[int] = 0
    list_reads: ClassVar[int] = 0
    tend_s: ClassVar[float] = 1

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house
        self.place = house.settings.site_path
        settings = house.settings
        self.site = Site(
            account.settings.get("site_name") or settings.site_name, settings.site_domain, settings.site_id_code,
            settings.site_url.rstrip("/"),
        )  # fmt: skip

    def check(self, content: Content) -> list[Problem]:
        """Title length and the tags the guideline demands."""
        problems = []
        if len(content.title) > self.limits["title"]:
            problems.append(Problem("title", f"网站标题不能超过 {self.limits['title']} 字，请缩短。"))
        if not content.source:
            text = "没有填写来源，网页的 ContentSource 将写为本网站名称；如需注明请填写。"
            problems.append(Problem("source", text, Severity.WARN))
        return problems

    def render(self, content: Content) -> Payload:
        """Column and article tags, and the article block; the publication time and pictures are slots."""
        source = content.source or self.site.name
        image = [["Image", joined(self.site.url, media(content.cover_sha256))]] if content.cover_sha256 else []
        optional = [["Keywords", content.keywords], ["Author", content.author], ["Description", content.summary]]
        meta = [
            *column_tags(content.column), ["ArticleTitle", content.title], ["PubDate", slot("published_at")],
            ["ContentSource", source], *[pair for pair in optional if pair[1]], *image,
            ["Url", content.canonical_link],
        ]  # fmt: skip
        author = f"　作者：{escape(content.author)}" if content.author else ""
        facts = f'<p class="facts">来源：{escape(source)}{author}　发布时间：<time>'
        body = with_media(content.body_html)["$join"]
        html = joined(
            f"<article><h1>{escape(content.title)}</h1>{facts}",
            slot("published_at"),
            "</time></p>",
            *body,
            "</article>",
        )
        template = {"meta": meta, "html": html}
        return Payload(template, digest_of(template))

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Pictures, then the page. `published_at` checks freeze, fence and withdrawal right before the page appears."""
        return self._write(payload, key, journal)

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        """The same page anew; its publication time stays."""
        return self._write(payload, key, journal)

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        """Remove the page; gone already is success. The portal then answers 410 for it."""
        path = self.place / "articles" / f"{key.article_id}.html"
        journal.repeatable("remove", partial(remove_whole, path))
        return Receipt("sent", str(key.article_id), live.url)

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """The site has no answers of its own."""
        raise Refused(Effect.REFUSED, "reply", "网站评论不支持官方回复")

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        """Our own file tells."""
        page = self._read(key.article_id)
        return self._receipt(key) if page is not None else Absent({"path": f"articles/{key.article_id}.html"})

    def poll(self, receipt: Receipt) -> Receipt:
        """Nothing is ever pending here."""
        return receipt

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided:
        """The page as it lies on the disk; `data["body"]` is what it shows."""
        page = self._read(int(receipt.remote_id or 0))
        if page is None:
            return Gone()
        body = read_back(page)
        return Live(body["html"], receipt.url, {"body": body})

    def tend(self) -> int:
        """Home page, columns, sitemap and RSS follow what is live."""
        return int(rebuild_lists(self.house.db, self.account.id, self.place, self.site))

    def _write(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        values = {}
        for name, sha256, _use in pictures_of(payload.template):
            values[name] = journal.repeatable("picture", partial(self._picture, sha256, journal))
        at = journal.published_at()
        values["published_at"] = f"{shanghai(at):%Y-%m-%d %H:%M}"
        page = article_page(self.site, bind(payload.template, values), key.article_id)
        prove(payload, read_back(page), values)
        path = self.place / "articles" / f"{key.article_id}.html"
        journal.repeatable("page", lambda: write_whole(path, page.encode()))
        return self._receipt(key)

    def _picture(self, sha256: str, journal: Journal) -> str:
        return "/" + write_media(self.place, sha256, journal.media_type(sha256), journal.media(sha256))

    def _receipt(self, key: Key) -> Receipt:
        return Receipt("confirmed", str(key.article_id), key.link or f"{self.site.url}/articles/{key.article_id}.html")

    def _read(self, article_id: int) -> str | None:
        try:
            return (self.place / "articles" / f"{article_id}.html").read_bytes().decode()
        except FileNotFoundError:
            return None
