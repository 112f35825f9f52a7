"""The staff app on a real port, a headless Chromium, and people who log in by typing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from core.audit import Actor
from core.house import House
from core.models.words import Role
from dashboards import passwords
from dashboards.people import NewPerson, create_person
from dashboards.web import create_app

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "kan-kan-shi-jie-8"
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
SHOTS = Path(__file__).parents[2] / "var" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def address(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The staff app served on a free port of this machine."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    server = make_server("127.0.0.1", 0, create_app(house), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Desk:
    """One person at one screen. Every fault the browser reports fails the test at the end."""

    def __init__(self, page: Page, address: str, username: str, person_id: int) -> None:
        self.page = page
        self.address = address
        self.username = username
        self.person_id = person_id
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if _is_fault(line.text, line.type) else None)

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        return self.page

    def log_in(self) -> None:
        self.page.goto(self.address + "/login")
        self.page.get_by_label("用户名").fill(self.username)
        self.page.get_by_label("密码").fill(PASSWORD)
        self.page.get_by_role("button", name="登录").click()
        self.page.wait_for_url(self.address + "/")

    def shoot(self, name: str, must_fit: bool = True) -> int:
        """Keep a picture for a person to look at; how many pixels the page is wider than the screen."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0 or not must_fit, f"{name} is {wide} px wider than the screen"
        return int(wide)


@pytest.fixture
def desk(browser: Browser, house: House, address: str) -> Iterator[Callable[..., Desk]]:
    """`desk("wang", Role.EDITOR)` gives a person, logged in at a screen of that size."""
    desks: list[Desk] = []

    def sit(username: str, *roles: str, size: dict[str, int] = DESK) -> Desk:
        with house.db.write() as session:
            admin = Actor.system("test", Role.ADMINISTRATOR)
            person = create_person(session, admin, NewPerson(username, username, roles, PASSWORD), house.clock.now())
        context = browser.new_context(viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai")  # type: ignore[arg-type]
        made = Desk(context.new_page(), address, username, person.id)
        made.log_in()
        desks.append(made)
        return made

    yield sit
    faults = {made.username: made.faults for made in desks if made.faults}
    for made in desks:
        made.page.context.close()
    assert faults == {}


def _is_fault(text: str, kind: str) -> bool:
    """Errors, but for the browser's own line about an answer of 4xx that a test asked for."""
    return kind == "error" and not text.startswith("Failed to load resource")
