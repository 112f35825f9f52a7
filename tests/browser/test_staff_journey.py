"""The whole road of an item through the pages, by hand in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from core.house import House
from core.models import Account, Delivery, Evidence, Freeze, Issue, Mention, MentionScore, Source
from core.models.words import Role
from monitors import briefs
from publisher.delivery import Worker, look
from tests.browser.conftest import PHONE, Desk

TITLE = "冬季取暖补贴十二月一日起发放"
FIRST = "市民政局今天发布通知，冬季取暖补贴将于十二月一日起发放。"


@pytest.fixture
def accounts(house: House) -> list[Account]:
    """The office's website and client feed: the two channels that are our own."""
    house.settings.site_path.mkdir(parents=True, exist_ok=True)
    with house.db.write() as session:
        rows = [
            Account(kind="website", name="示例市政府网站", settings={}, created_at=house.clock.now()),
            Account(kind="client", name="示例客户端", settings={"push": False}, created_at=house.clock.now()),
        ]
        session.add_all(rows)
        session.flush()
        session.add_all(Freeze(scope=f"account:{row.id}") for row in rows)
        return rows


@pytest.fixture
def worker(house: House) -> Iterator[None]:
    """A worker that delivers, and the look-out that follows up, as the scheduler would run them."""
    stop = threading.Event()
    hand = threading.Thread(target=Worker(house, "browser-test").run, args=(stop,))

    def watch() -> None:
        while not stop.wait(0.2):
            look(house)

    eye = threading.Thread(target=watch)
    hand.start()
    eye.start()
    yield
    stop.set()
    hand.join()
    eye.join()


def write(editor: Desk, picture: Path) -> str:
    """Type an item with a picture and a cover, submit it, and give its path."""
    page = editor.open("/articles/new")
    page.locator("#f-title").fill(TITLE)
    page.locator(".wz-editor-page").click()
    page.keyboard.type(FIRST)
    page.keyboard.press("Enter")
    page.keyboard.type("符合条件的家庭持身份证到户籍所在地社区服务中心办理。")
    page.once("dialog", lambda dialog: dialog.accept("社区服务中心的办事窗口"))
    page.locator("[data-editor] input[type=file]").set_input_files(picture)
    expect(page.locator(".wz-editor-page img")).to_have_attribute("alt", "社区服务中心的办事窗口")
    page.get_by_label("选择封面图片").set_input_files(picture)
    expect(page.locator("[data-cover] img")).to_be_visible()
    editor.shoot("editor-desk")
    page.get_by_role("button", name="保存并送审").first.click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.get_by_text("审核 0 / 3")).to_be_visible()
    return page.url.removeprefix(editor.address)


def approve(reviewer: Desk) -> None:
    page = reviewer.open("/reviews")
    page.get_by_role("link", name="审核", exact=True).last.click()
    expect(page.get_by_text(FIRST).first).to_be_visible()
    reviewer.shoot(f"review-{reviewer.username}")
    page.get_by_role("button", name="通过").click()
    page.wait_for_url("**/reviews")


def test_from_the_first_word_to_the_leaders_brief(
    house: House, desk: Callable[..., Desk], accounts: list[Account], worker: None, tmp_path: Path
) -> None:
    picture = tmp_path / "window.png"
    Image.new("RGB", (900, 500), (40, 90, 160)).save(picture)
    editor = desk("wang", Role.EDITOR, Role.REVIEWER1)
    article = write(editor, picture)
    number = article.rsplit("/", 1)[1]

    editor.open(f"/reviews/{number}")
    expect(editor.page.get_by_text("作者不能审核自己的稿件")).to_be_visible()
    reviewers = [desk(f"shen{step}", f"reviewer{step}", f"reviewer{step % 3 + 1}") for step in (1, 2, 3)]
    approve(reviewers[0])
    reviewers[0].open(f"/reviews/{number}")
    expect(reviewers[0].page.get_by_text("同一人不能办理两个审次")).to_be_visible()

    page = editor.open(f"{article}/edit")
    page.locator(".wz-editor-page p").last.click()
    page.keyboard.press("End")
    page.keyboard.type("咨询电话12345。")
    page.get_by_role("button", name="保存并送审").first.click()
    expect(page.get_by_text("审核 0 / 3")).to_be_visible()
    expect(page.get_by_text("已作废")).to_be_visible()
    page.goto(f"{editor.address}{article}/compare")
    expect(page.locator("ins.wz-ins", has_text="12345")).to_be_visible()
    for reviewer in reviewers:
        approve(reviewer)

    publisher = desk("qian", Role.PUBLISHER)
    page = publisher.open("/")
    page.get_by_role("link", name=TITLE).first.click()
    page.get_by_role("button", name="排入分发").click()
    page.wait_for_url("**/deliveries/matrix")
    expect(page.locator("td[data-state=confirmed]")).to_have_count(2, timeout=30_000)  # it refreshes by itself
    publisher.shoot("matrix-desk")
    page.locator("td[data-state=confirmed] a").first.click()
    expect(page.get_by_text("写入网页：已办成")).to_be_visible()
    publisher.shoot("story-desk")
    assert FIRST in (house.settings.site_path / "articles" / f"{number}.html").read_text("utf-8")

    issue = say_things(house, accounts[0], int(number))
    analyst = desk("sun", Role.ANALYST)
    page = analyst.open("/mentions")
    page.keyboard.press("j")
    expect(page.locator(".wz-mention.is-at")).to_have_count(1)
    page.locator("#sentiment").select_option("negative")
    page.wait_for_url("**/mentions?sentiment=negative")
    expect(page.get_by_text("共 20 条")).to_be_visible()
    analyst.shoot("mentions-desk")
    page = analyst.open(f"/issues/{issue}")
    expect(page.locator(".wz-chart canvas")).to_be_visible()
    analyst.shoot("issue-desk")
    page.get_by_label("意见").fill("情况属实，请民政局答复。")
    page.get_by_role("button", name="认定").click()
    expect(page.get_by_text("研判已记下")).to_be_visible()

    briefs.make(house, house.clock.now().astimezone().date())
    leader = desk("zhou", Role.LEADER, size=PHONE)
    page = leader.page
    page.locator(".wz-bottom").get_by_role("link", name="简报").click()
    expect(page.get_by_role("link", name="补贴办理反复跑腿")).to_be_visible()
    leader.shoot("brief-phone")
    page.locator("a.wz-n").first.click()
    expect(page.get_by_text("SELECT").first).to_be_visible()
    leader.shoot("figure-phone")


def say_things(house: House, account: Account, article_id: int) -> int:
    """Forty comments under the website's copy, half of them cross, and the issue they make; gives the issue's id."""
    now = house.clock.now()
    with house.db.write() as session:
        copy_id = session.scalar(select(Delivery.copy_id).where(Delivery.account_id == account.id))
        source = Source(spider="portal_comments", account_id=account.id, name="网站评论")
        session.add(source)
        session.flush()
        rows = [
            Mention(
                month="2026-11", source_id=source.id, copy_id=copy_id, article_id=article_id, kind="comment",
                external_id=str(n), author_name=f"网友{n}", author_hash=str(n), scored_at=now,
                text="跑了三趟还没办下来" if n % 2 else "好消息", posted_at=now - timedelta(minutes=3 * n),
            )
            for n in range(40)
        ]  # fmt: skip
        issue = Issue(
            fingerprint="journey", title="补贴办理反复跑腿", level="yellow", terms=["三趟"], version="test",
            first_at=now - timedelta(hours=2), last_at=now, created_at=now, updated_at=now,
            reasons={"term": "三趟", "terms": [], "mentions": 20, "negative": 20, "authors": 20, "sources": 1},
        )  # fmt: skip
        session.add_all([*rows, issue])
        session.flush()
        for row in rows:
            cross = row.text.startswith("跑了")
            session.add(MentionScore(mention_id=row.id, version="test", label="negative" if cross else "positive"))
            if cross:
                session.add(Evidence(issue_id=issue.id, mention_id=row.id))
        return issue.id


def test_what_was_typed_comes_back_after_the_session_has_ended(
    desk: Callable[..., Desk], accounts: list[Account]
) -> None:
    editor = desk("wang", Role.EDITOR)
    page = editor.open("/articles/new")
    page.locator("#f-title").fill("写到一半的通知")
    page.locator(".wz-editor-page").click()
    page.keyboard.type("第一段写到这里。")
    expect(page.locator("#autosave-state")).to_contain_text("已暂存在本机")
    page.context.clear_cookies()
    page.get_by_role("button", name="保存并送审").first.click()
    expect(page.get_by_text("登录已过期")).to_be_visible()
    page.get_by_label("用户名").fill("wang")
    page.get_by_label("密码").fill("kan-kan-shi-jie-8")
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/articles/new")
    expect(page.locator("#restored")).to_contain_text("已恢复")
    expect(page.locator("#f-title")).to_have_value("写到一半的通知")
    expect(page.locator(".wz-editor-page")).to_contain_text("第一段写到这里。")
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url("**/edit")
    page.goto(f"{editor.address}/articles/new")
    expect(page.locator("#f-title")).to_have_value("")
