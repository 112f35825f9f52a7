"""A house whose accounts live in a sandbox process, copies published there, and the spiders run for real."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image
from sqlalchemy import select

from core.config import Settings
from core.house import House, create_tables, open_house
from core.models import Account, Article, Copy, Coverage, CrawlRun, Mention, Person, Source
from spiders.runner import ensure_sources, run_sources

Start = Callable[..., "Platform"]
Open = Callable[..., "Office"]
ROOT = Path(__file__).parents[3]


@dataclass
class Platform:
    """The sandbox process and its control API."""

    url: str

    def call(self, path: str, body: Any = None, method: str = "", form: bool = False) -> Any:
        """One request; `body` goes out as JSON, or as a form."""
        content = None if body is None else (urlencode(body) if form else json.dumps(body, ensure_ascii=False)).encode()
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(self.url + path, content, {"Content-Type": kind}, method=method or None)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def play(self, platform: str, item: str, *events: dict[str, Any]) -> None:
        """The crowd acts at once."""
        self.call("/control/crowd", {"platform": platform, "item": item, "speed": 0, "events": list(events)})

    def play_rows(self, status: str, kind: str, numbers: range) -> None:
        """Many rows of one kind at once, with words of their own; their times lie in the past."""
        rows = [
            {"ref": f"{kind}{n}", "kind": kind, "author": f"网友{n}", "text": f"第{n}条", "at": 1_790_000_000 + n}
            for n in numbers
        ]
        answer = self.call(f"/control/weibo/{status}/rows", {"rows": rows})
        assert answer["played"][kind] == len(rows)

    def rows(self, status: str) -> list[dict[str, Any]]:
        """What really stands under a Weibo status."""
        found: list[dict[str, Any]] = self.call(f"/truth/rows?status={status}")
        return [row for row in found if row["deleted_at"] is None]

    def calls(self, api: str, account: str) -> list[dict[str, Any]]:
        """The requests the sandbox saw for one API of one account, newest first."""
        seen: list[dict[str, Any]] = self.call(f"/truth/calls?{urlencode({'api': api, 'account': account})}")
        return seen

    def break_(self, kind: str, api: str, **more: Any) -> None:
        """Script a fault on a Weibo or WeChat call."""
        platform = "wechat" if api.startswith(("comment/", "stable")) else "weibo"
        self.call("/control/faults", {"platform": platform, "api": api, "kind": kind, **more})


@pytest.fixture(scope="session")
def start_platform() -> Iterator[Callable[..., Platform]]:
    """`start_platform(regime)` gives a sandbox; one process a regime serves all tests, each with its own accounts."""
    started: dict[tuple[str, ...], tuple[subprocess.Popen[str], Platform]] = {}

    def start(regime: str = "commercial", *more: str) -> Platform:
        wanted = (regime, *more)
        if wanted not in started:
            command = [sys.executable, "-m", "sandbox", "--port", "0", "--regime", *wanted]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert process.stdout
            started[wanted] = (process, Platform(process.stdout.readline().split()[-1].rstrip("/")))
        platform = started[wanted][1]
        platform.call("/control/faults", method="DELETE")
        return platform

    yield start
    for process, _platform in started.values():
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


@dataclass
class Office:
    """A press office with accounts on the platform."""

    house: House
    platform: Platform
    accounts: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # uid or appid
    tokens: dict[str, str] = field(default_factory=dict)

    def open_weibo(self, requests_a_day: int | None = 1_000_000, **settings: Any) -> int:
        """An account on the platform and here; None leaves the house's own idea of the limit."""
        made = self.platform.call("/control/accounts", {"platform": "weibo", **settings})
        limit = {"requests_a_day": requests_a_day} if requests_a_day else {}
        self.tokens["weibo"], self.names["weibo"] = made["access_token"], made["uid"]
        return self._store(
            "weibo", {"uid": made["uid"], "client_id": made["client_id"], **limit},
            {"access_token": made["access_token"], "client_secret": made["client_secret"]},
        )  # fmt: skip

    def open_wechat(self, **settings: Any) -> int:
        """An account on the platform and here."""
        made = self.platform.call("/control/accounts", {"platform": "wechat", "audit_s": 0, **settings})
        self.names["wechat"] = made["appid"]
        return self._store("wechat", {"appid": made["appid"]}, {"secret": made["secret"]})

    def post_wechat(self, title: str = "停水通知") -> tuple[int, str]:
        """Publish an article with comments open; gives (copy id, msg_data_id)."""
        with self.house.db.read() as session:
            account = session.get_one(Account, self.accounts["wechat"])
        secret = self.house.vault.decrypt_json(account.secret or b"")["secret"]
        grant = {"grant_type": "client_credential", "appid": self.names["wechat"], "secret": secret}
        token = self.platform.call("/cgi-bin/stable_token", grant)["access_token"]
        media_id = self._upload_cover(token)
        article = {
            "title": title, "content": "<p>今晚停水</p>", "thumb_media_id": media_id, "need_open_comment": 1,
            "content_source_url": "http://127.0.0.1/articles/1.html",
        }  # fmt: skip
        draft = self.platform.call(f"/cgi-bin/draft/add?access_token={token}", {"articles": [article]})
        assert "media_id" in draft, draft
        told = self.platform.call(f"/cgi-bin/freepublish/submit?access_token={token}", {"media_id": draft["media_id"]})
        query = {"publish_id": told["publish_id"]}
        live = self.platform.call(f"/cgi-bin/freepublish/get?access_token={token}", query)
        assert live["publish_status"] == 0, live
        copy_id = self.add_copy("wechat", live["article_id"], msg_data_id=told["msg_data_id"])
        return copy_id, str(told["msg_data_id"])

    def _upload_cover(self, token: str) -> str:
        picture = BytesIO()
        Image.new("RGB", (90, 60)).save(picture, "PNG")
        edge = "edge0123456789"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="media"; filename="a.png"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + picture.getvalue() + f"\r\n--{edge}--\r\n".encode()
        url = f"{self.platform.url}/cgi-bin/material/add_material?access_token={token}&type=image"
        request = urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={edge}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.loads(answer.read())["media_id"])

    def _store(self, kind: str, settings: dict[str, Any], secret: dict[str, Any]) -> int:
        with self.house.db.write() as session:
            account = Account(
                kind=kind, name=f"东城{kind}", settings=settings, secret=self.house.vault.encrypt_json(secret)
            )
            session.add(account)
            session.flush()
            self.accounts[kind] = account.id
            return account.id

    def post_weibo(self, text: str = "停水通知") -> tuple[int, str]:
        """Publish a status; gives (copy id, status id)."""
        number = len(self.platform.call("/truth/calls?api=statuses/share"))
        form = {
            "access_token": self.tokens["weibo"],
            "status": f"{text}（{number}）http://127.0.0.1/articles/{number}.html",
            "rip": "1.1.1.1",
        }
        status = self.platform.call("/2/statuses/share.json", form, form=True)
        return self.add_copy("weibo", status["idstr"]), status["idstr"]

    def add_copy(self, kind: str, remote_id: str, state: str = "live", **receipt: Any) -> int:
        """A copy as the publisher would have left it."""
        now = self.house.clock.now()
        with self.house.db.write() as session:
            author = session.scalars(select(Person)).first() or Person(
                username="bianji", display_name="李编辑", password_hash="!"
            )
            session.add(author)
            session.flush()
            article = Article(author_id=author.id, title=f"停水通知{remote_id[-4:]}", state="released")
            session.add(article)
            session.flush()
            copy = Copy(
                article_id=article.id, account_id=self.accounts[kind], state=state, remote_id=remote_id,
                receipt=receipt, published_at=now - timedelta(minutes=1), confirmed_at=now,
            )  # fmt: skip
            session.add(copy)
            session.flush()
            return copy.id

    def copy(self, copy_id: int) -> Copy:
        """A copy as it stands now."""
        with self.house.db.read() as session:
            return session.get_one(Copy, copy_id)

    def source(self, spider: str) -> Source:
        """The source of a spider, made when it is not there yet."""
        with self.house.db.write() as session:
            ensure_sources(session, self.house.clock.now())
        with self.house.db.read() as session:
            return session.scalars(select(Source).where(Source.spider == spider)).one()

    def crawl(self, spider: str, **more: Any) -> CrawlRun:
        """Run one spider to its end; gives the run."""
        source_id = self.source(spider).id
        assert run_sources(self.house, [source_id], **more) == 1
        return self.runs(source_id)[-1]

    def runs(self, source_id: int) -> list[CrawlRun]:
        """Runs of a source, oldest first."""
        with self.house.db.read() as session:
            return list(session.scalars(select(CrawlRun).where(CrawlRun.source_id == source_id).order_by(CrawlRun.id)))

    def mentions(self) -> list[Mention]:
        """Everything collected."""
        with self.house.db.read() as session:
            return list(session.scalars(select(Mention).order_by(Mention.external_id)))

    def coverage(self) -> list[Coverage]:
        """Every coverage row."""
        with self.house.db.read() as session:
            return list(session.scalars(select(Coverage).order_by(Coverage.id)))


@pytest.fixture
def open_office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """`open_office(platform, **settings)` opens a house that talks to the platform."""
    opened: list[House] = []

    def open_(platform: Platform, **more: Any) -> Office:
        values = {
            "home": tmp_path / "home", "weibo_base_url": platform.url, "wechat_base_url": platform.url,
            "allow_private": urlsplit(platform.url).netloc, "time_factor": 20.0, **more,
        }  # fmt: skip
        house = open_house(Settings(_env_file=None, **values), create=True)
        create_tables(house.db)
        opened.append(house)
        return Office(house, platform)

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def office(start_platform: Callable[..., Platform], open_office: Callable[..., Office]) -> Office:
    """An office on a sandbox in its commercial regime."""
    return open_office(start_platform())
