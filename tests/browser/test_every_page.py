"""Every page at both sizes and in the dark: nothing hangs out of the screen, no fault in the browser's console."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from casework import intake
from core.audit import Actor
from core.clock import shanghai
from core.house import House
from core.models import Account, Alarm, Alert, Article, Copy, Delivery, Freeze, Mention, SiteComment, Step
from core.models.words import Role
from dashboards.web import create_app
from monitors import briefs
from publisher import authoring
from publisher.authoring import Draft
from scheduler.indexing import Indexer
from tests.browser.conftest import DESK, PHONE, Desk
from tests.browser.test_staff_journey import say_things

BODY = "<p>市民政局今天发布通知，冬季取暖补贴将于十二月一日起发放。</p><h2>发放对象</h2><p>城乡最低生活保障对象。</p>"
LONG = "https://www.example.gov.cn/" + "a" * 120


@pytest.fixture
def full_house(house: House) -> House:
    """A house with one of everything, long words and addresses among them."""
    with house.db.write() as session:
        now = house.clock.now()
        accounts = [Account(kind=kind, name=name, settings={}) for kind, name in ACCOUNTS]
        accounts[1].last_error, accounts[1].last_error_at = "访问令牌已过期，请重新授权。（21327）", now
        session.add_all(accounts)
        session.flush()
        session.add_all(Freeze(scope=f"account:{account.id}") for account in accounts)
    article = _article(house, accounts)
    issue = say_things(house, accounts[0], article.id)
    with house.db.write() as session:
        for mention in session.scalars(select(Mention).limit(3)):
            mention.text = f"请看 {LONG} 上的说明"
        session.add(Alert(issue_id=issue, reason="first", level="red", dedup_key="a", respond_by=now, raised_at=now))
        session.add(Alarm(dedup_key="k", level="warning", room="spiders", text="微博评论今天的请求额度已用完。"))
        session.add(
            SiteComment(article_id=article.id, channel="website", author_name="市民", author_hash="x", text=LONG)
        )
        message = intake.Incoming("portal", "m1", "暖气不热", f"请协调。{LONG}", "刘芳", "13800001234")
        intake.accept_message(session, Actor.system("portal"), message, house.vault, now)
    briefs.make(house, shanghai(house.clock.now()).date())
    Indexer().run(house)
    return house


ACCOUNTS = (
    ("website", "示例市政府网站"),
    ("weibo", "示例发布"),
    ("wechat", "示例发布公众号"),
    ("client", "示例客户端"),
)
STATES = ("confirmed", "unknown", "refused", "planned")


def _article(house: House, accounts: list[Account]) -> Article:
    """An item in review on the website, with a delivery in another state on each account."""
    now = house.clock.now()
    with house.db.write() as session:
        boss = Actor(_person(session), "作者", frozenset({"editor"}))
        draft = Draft(title="冬季取暖补贴十二月一日起发放", summary="摘要", body_html=BODY, source="新闻办公室")
        article = authoring.create_article(session, boss, draft, "http://127.0.0.1:8001", now)
        authoring.submit(house, session, boss, article.id, [accounts[0].id])
    with house.db.write() as session:
        for account, state in zip(accounts, STATES, strict=True):
            copy = Copy(article_id=article.id, account_id=account.id, url=LONG if state == "confirmed" else "")
            session.add(copy)
            session.flush()
            delivery = Delivery(
                article_id=article.id, account_id=account.id, copy_id=copy.id, revision_id=article.head_id,
                operation="publish", state=state, due_at=now - timedelta(minutes=1), step_at=now, asked_at=now,
                error_text="正文里缺少本站链接。" if state == "refused" else "", error_code="10017",
            )  # fmt: skip
            session.add(delivery)
            session.flush()
            session.add(Step(delivery_id=delivery.id, fence=1, name="share", once=True, intent_at=now, answer=LONG))
    return article


def _person(session) -> int:  # type: ignore[no-untyped-def]
    from core.models import Person

    person = Person(username="author", display_name="作者", password_hash="!")
    session.add(person)
    session.flush()
    return int(person.id)


def paths(app: Flask) -> list[str]:
    """Every page a person can open, with the first row of everything."""
    found = []
    for rule in app.url_map.iter_rules():
        names = {"kind": "weibo", "name": "mention_count"}
        apart = rule.endpoint.startswith(("assets.", "media.")) or rule.endpoint in APART
        if "GET" in (rule.methods or set()) and not apart:
            with app.test_request_context():
                built = rule.build({name: names.get(name, 1) for name in rule.arguments})
            assert built is not None
            found.append(built[1])
    return [*found, *MORE]


MORE = (
    "/search?q=补贴", "/search?q=说明&kind=mention", "/search?q=协调&kind=case", "/search?q=没有这样的话",
    "/deliveries?state=asked", "/deliveries?state=unknown", "/deliveries/2", "/deliveries/3", "/accounts/2",
    "/accounts/new/wechat", "/nothing-here",
)  # fmt: skip


APART = {
    "home.health", "home.overview", "deliveries.matrix_table", "deliveries.events", "issues.trend_csv", "session.login",
    "briefs.issue_figure",
}  # fmt: skip


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "light"), (PHONE, "dark"), (DESK, "dark")])
def test_every_page_fits_the_screen(
    full_house: House, desk: Callable[..., Desk], size: dict[str, int], theme: str
) -> None:
    boss = desk("boss", *Role, size=size)
    boss.page.context.add_cookies([{"name": "theme", "value": theme, "url": boss.address}])
    todo = paths(create_app(full_house))
    assert len(todo) > 35
    too_wide = {}
    for path in todo:
        boss.page.goto(boss.address + path)
        name = re.sub(r"[^\w]+", "-", path).strip("-") or "home"
        wide = boss.shoot(f"{name}-{theme}-{size['width']}", must_fit=False)
        if wide > 0:
            too_wide[path] = wide
    assert too_wide == {}


def test_every_delivery_can_be_read_and_pressed_on_a_phone(full_house: House, desk: Callable[..., Desk]) -> None:
    boss = desk("boss", *Role, size=PHONE)
    cells = boss.open("/deliveries/matrix").locator(".wz-cell a")
    assert cells.count() == len(STATES)
    heights = [(cells.nth(number).bounding_box() or {"height": 0})["height"] for number in range(len(STATES))]
    assert min(heights) >= 32
    assert all(cells.nth(number).is_visible() for number in range(len(STATES)))
