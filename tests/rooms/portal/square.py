"""The public square of one test: an app over a house with one item live on the site and in the client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.audit import Actor
from core.clock import FixedClock
from core.house import House
from core.models import Account, Article, CommentDecision, Copy, FeedEntry, Person, SiteComment
from core.runtime import store
from portal.web import create_app

TOKEN = "callback-token-of-the-account"


class Browser(FlaskClient):
    """A browser that reads every answer to its end, so that files are closed."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **options})


@dataclass
class Square:
    """App, house and the ids of what is in it."""

    app: Flask
    house: House
    clock: FixedClock
    article_id: int
    website: int
    wechat: int
    person: int

    def visitor(self) -> FlaskClient:
        """A browser of its own."""
        return self.app.test_client()

    def csrf(self, browser: FlaskClient, address: str = "") -> str:
        """The token in the form of a page this browser opened."""
        page = browser.get(address or f"/items/{self.article_id}/comments").text
        match = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert match, page
        return match.group(1)

    def comment(self, browser: FlaskClient, text: str = "什么时候通水？", **fields: str) -> TestResponse:
        form = {"csrf_token": self.csrf(browser), "author": "东城老周", "text": text, **fields}
        return browser.post(f"/items/{self.article_id}/comments", data=form)

    def store_comment(self, text: str = "好", channel: str = "website", state: str = "", **fields: object) -> int:
        """A comment already there, decided when a state is given."""
        values = {"author_name": "网友", "author_hash": "h", "posted_at": self.clock.now(), **fields}
        with self.house.db.write() as session:
            row = SiteComment(article_id=self.article_id, channel=channel, text=text, **values)
            session.add(row)
            session.flush()
            if state:
                session.add(CommentDecision(comment_id=row.id, state=state, person_id=self.person))
            return row.id

    def decide(self, comment_id: int, state: str) -> None:
        with self.house.db.write() as session:
            session.merge(CommentDecision(comment_id=comment_id, state=state, person_id=self.person))

    def set(self, key: str, **value: object) -> None:
        with self.house.db.write() as session:
            store(session, Actor.system("test"), key, value, self.clock.now())

    def copy_state(self, state: str) -> None:
        with self.house.db.write() as session:
            session.query(Copy).filter_by(article_id=self.article_id).update({"state": state})

    def signed(self, path: str, shift_s: int = 0) -> dict[str, str]:
        """The collector's headers for a path, `shift_s` seconds away from now."""
        moment = str(int(self.clock.now().timestamp()) + shift_s)
        return {
            "X-Wenzheng-Time": moment,
            "X-Wenzheng-Signature": self.house.vault.sign("collector", f"{moment}\n{path}"),
        }


def open_square(house: House, clock: FixedClock) -> Square:
    """An app over the house; comments are on, and the rate is generous."""
    with house.db.write() as session:
        person = Person(username="editor", display_name="编辑", password_hash="!")
        website = Account(kind="website", name="门户网站")
        client = Account(kind="client", name="客户端")
        secret = house.vault.encrypt_json({"secret": "s", "callback_token": TOKEN})
        wechat = Account(kind="wechat", name="公众号", secret=secret)
        session.add_all([person, website, client, wechat])
        session.flush()
        article = Article(author_id=person.id, title="停水<通告>", state="released")
        session.add(article)
        session.flush()
        site_copy = Copy(article_id=article.id, account_id=website.id, state="live")
        app_copy = Copy(article_id=article.id, account_id=client.id, state="live")
        session.add_all([site_copy, app_copy])
        session.flush()
        content = {
            "title": "停水通告",
            "summary": "今晚停水",
            "html": "<p>今晚停水。</p>",
            "link": "http://s/articles/1.html",
        }
        session.add(
            FeedEntry(
                account_id=client.id, article_id=article.id, copy_id=app_copy.id, content=content,
                digest="d", published_at=clock.now(),
            )
        )  # fmt: skip
        ids = (article.id, website.id, wechat.id, person.id)
    app = create_app(house)
    app.test_client_class = Browser
    app.testing = False  # errors are answered as they are in service
    square = Square(app, house, clock, *ids)
    square.set("portal.comments", on=True)
    square.set("portal.rate", per_minute=6000, burst=1000)
    return square
