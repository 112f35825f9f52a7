"""A staff app over a house, and browsers that are logged in as a person with given roles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from core.audit import Actor
from core.house import House
from core.models import Account, Article, Freeze, Payload, Person, Revision
from core.models.words import ArticleState, Role
from dashboards import passwords
from dashboards.people import NewPerson, create_person
from dashboards.web import create_app
from publisher import authoring, review
from publisher.authoring import Draft

PASSWORD = "kan-kan-shi-jie-8"
BODY = "<p>市民政局今天发布通知，冬季取暖补贴将于十二月一日起发放。</p>"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hash with little memory, so that a hundred logins do not take minutes."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


class Staff:
    """One logged-in browser. `post` takes the CSRF token from the page the form stands on."""

    def __init__(self, client: FlaskClient, person_id: int, actor: Actor) -> None:
        self.client = client
        self.person_id = person_id
        self.actor = actor

    def get(self, path: str, **options: object):  # type: ignore[no-untyped-def]
        return self.client.get(path, **options)

    def text(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.get_data(as_text=True)

    def token(self) -> str:
        found = TOKEN.search(self.client.get("/password").get_data(as_text=True))
        assert found is not None
        return found.group(1)

    def post(self, path: str, **form: object):  # type: ignore[no-untyped-def]
        return self.client.post(path, data={"csrf_token": self.token(), **form})


@pytest.fixture
def app(house: House) -> Flask:
    """The staff app; errors of ours surface in the test."""
    built = create_app(house)
    built.config["TESTING"] = True
    return built


@pytest.fixture
def staff(app: Flask, house: House) -> Callable[..., Staff]:
    """`staff("wang", Role.EDITOR)` gives a logged-in browser of a new person."""

    def enter(username: str, *roles: str) -> Staff:
        admin = Actor.system("test", Role.ADMINISTRATOR)
        with house.db.write() as session:
            person = create_person(session, admin, NewPerson(username, username, roles, PASSWORD), house.clock.now())
        client = app.test_client()
        log_in(client, username)
        return Staff(client, person.id, Actor(person.id, username, person.roles))

    return enter


def log_in(client: FlaskClient, username: str, password: str = PASSWORD):  # type: ignore[no-untyped-def]
    """Fill in the login form as a browser does."""
    page = client.get("/login").get_data(as_text=True)
    found = TOKEN.search(page)
    assert found is not None
    form = {"csrf_token": found.group(1), "username": username, "password": password}
    return client.post("/login", data=form)


@pytest.fixture
def website(house: House) -> Account:
    """A website account, the channel that needs no platform."""
    with house.db.write() as session:
        account = Account(kind="website", name="示例市政府网站", settings={}, created_at=house.clock.now())
        session.add(account)
        session.flush()
        session.add(Freeze(scope=f"account:{account.id}"))
        return account


def write_article(house: House, actor: Actor, title: str = "冬季取暖补贴十二月一日起发放") -> Article:
    """A draft written through the use case."""
    draft = Draft(title=title, summary="", body_html=BODY, source="示例市人民政府新闻办公室")
    with house.db.write() as session:
        return authoring.create_article(session, actor, draft, "http://127.0.0.1:8001", house.clock.now())


def submit_article(
    house: House, actor: Actor, account: Account, title: str = "冬季取暖补贴十二月一日起发放"
) -> Article:
    """An article in review with a stored payload."""
    article = write_article(house, actor, title)
    with house.db.write() as session:
        authoring.submit(house, session, actor, article.id, [account.id])
        return session.get_one(Article, article.id)


def approve(house: House, article_id: int, *reviewers: Actor) -> None:
    """Every reviewer approves in turn."""
    for reviewer in reviewers:
        with house.db.write() as session:
            article = session.get_one(Article, article_id)
            digest = review.package_digest(session, article.head_id)
            judgement = review.Judgement(article.head_id, digest, "approve")
            review.decide(session, reviewer, article_id, judgement, house.clock.now())


def head_of(house: House, article_id: int) -> tuple[Article, Revision, list[Payload], list[Person]]:
    """The article with its newest revision and payloads, as stored."""
    with house.db.read() as session:
        article = session.get_one(Article, article_id)
        revision = session.get_one(Revision, article.head_id)
        payloads = list(session.scalars(select(Payload).where(Payload.revision_id == revision.id)))
        return article, revision, payloads, list(session.scalars(select(Person)))


IN_REVIEW = ArticleState.IN_REVIEW.value
