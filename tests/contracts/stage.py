"""Where channels are put to the test: a house, the sandbox and one clock for both; a door and a journal that record."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from core.budget import Budget
from core.clock import FixedClock
from core.config import Settings
from core.errors import ChannelError
from core.house import House, create_tables, open_house
from core.http import Door, Request, Response
from core.models import Account, Article, Copy, FeedEntry, Person
from core.ports import Absent, Content, Gone, Json, Key, Live, Payload, Receipt, Undecided
from core.tokens import Broker
from publisher.channels import open_channel
from publisher.wire import mark_of
from sandbox.listener import Listener
from sandbox.options import Options
from sandbox.server import SandboxApp, create_app
from sandbox.store import Store
from tests.contracts.notice import HOST, Board

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SITE_URL = "http://127.0.0.1:8001"


class WatchedDoor:
    """The real outbound door: notes every call and secret that passes, may answer one call itself, knows the board."""

    def __init__(self, door: Door, board: Board) -> None:
        self.door, self.board = door, board
        self.calls: list[str] = []
        self.secrets: set[str] = set()
        self.canned: dict[str, Response] = {}
        self.listeners: list[Callable[[str], None]] = []

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        path = request.url.split("://", 1)[1].partition("/")[2]
        self._note_secrets(request)
        self.calls.append(path)
        for listener in self.listeners:
            listener(path)
        for part in [part for part in self.canned if part in path]:
            return self.canned.pop(part)
        if request.url.startswith(HOST):
            return self.board.answer(request)
        return self.door.send(request, deadline_s, fresh)

    def _note_secrets(self, request: Request) -> None:
        carried = [(request.params or {}).get("access_token"), (request.form or {}).get("access_token")]
        self.secrets |= {str(each) for each in carried if each}
        self.secrets |= {request.auth[1]} if request.auth else set()

    def close(self) -> None:
        self.door.close()


@dataclass(frozen=True)
class Entry:
    """One line of what happened: an intent, a call, an outcome, the gate asked, or a change outside any step."""

    what: str
    name: str
    once: bool = False
    outcome: str = ""


class RecordingJournal:
    """A journal (core.ports.Journal) that keeps all it hears, and watches what changes between two steps."""

    def __init__(self, stage: Stage, memory: Json | None = None) -> None:
        self.stage = stage
        self.log: list[Entry] = []
        self.memory: Json = dict(memory or {})
        self.native = ""
        self._uploads: dict[tuple[str, str], Json] = {}
        self._at: datetime | None = None
        self._seen = stage.traces()

    def repeatable(self, name: str, call: Callable[[], Any]) -> Any:
        return self._step(name, call, once=False)

    def once(self, name: str, call: Callable[[], Any], native_key: str = "") -> Any:
        self.native = native_key or self.native
        return self._step(name, call, once=True)

    def media(self, sha256: str) -> bytes:
        assert sha256 == self.stage.picture_sha256
        return self.stage.picture

    def media_type(self, sha256: str) -> str:
        return "image/png"

    def uploaded(self, kind: str, sha256: str, upload: Callable[[], Json]) -> Json:
        if (kind, sha256) not in self._uploads:
            self._uploads[kind, sha256] = self.repeatable("picture", upload)
        return self._uploads[kind, sha256]

    def remember(self, name: str, value: Json) -> None:
        self.memory[name] = value

    def recall(self, name: str) -> Json | None:
        return self.memory.get(name)

    def published_at(self) -> datetime:
        self.log.append(Entry("gate", "published_at"))
        self._at = self._at or self.stage.clock.now()
        return self._at

    def end(self) -> None:
        """Look once more for changes that no step covers."""
        if self.stage.traces() != self._seen:
            self.log.append(Entry("outside", "something changed outside any step"))

    def _step(self, name: str, call: Callable[[], Any], *, once: bool) -> Any:
        self.end()
        self.log.append(Entry("intent", name, once))
        outcome = "done"
        try:
            return call()
        except ChannelError as error:
            outcome = f"{error.effect} {error.code} {error.text} {error.raw}"
            raise
        finally:
            self._seen = self.stage.traces()
            self.log.append(Entry("outcome", name, once, outcome))


@dataclass
class Stage:
    """House, sandbox, board, clock."""

    house: House
    app: SandboxApp
    clock: FixedClock
    door: WatchedDoor
    picture: bytes
    author_id: int
    accounts: dict[str, int] = field(default_factory=dict)

    @property
    def board(self) -> Board:
        return self.door.board

    @property
    def picture_sha256(self) -> str:
        return hashlib.sha256(self.picture).hexdigest()

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """A call of the sandbox's control or truth; never through the product's door."""
        answer = self.app.test_client().open(path, method=method, **options)
        assert answer.status_code < 300, answer.text
        return answer.get_json()

    def pass_(self, seconds: float) -> None:
        """Let time pass, here and at the platforms."""
        self.clock.advance(seconds)

    def account(self, kind: str, settings: Json, secret: dict[str, str]) -> int:
        with self.house.db.write() as session:
            row = Account(kind=kind, name=f"{kind}{self.clock.now()}", settings=settings)
            row.secret = self.house.vault.encrypt_json(secret) if secret else None
            session.add(row)
            session.flush()
            return row.id

    def traces(self) -> tuple[Any, ...]:
        """What an adapter may have changed in our own house: public files and feed rows."""
        site = self.house.settings.site_path
        files = sorted((str(path), path.stat().st_mtime_ns) for path in site.rglob("*") if path.is_file())
        with self.house.db.read() as session:
            rows = session.execute(select(FeedEntry.id, FeedEntry.digest, FeedEntry.changed_at, FeedEntry.removed_at))
            return files, rows.all()

    def article(self, account_id: int) -> tuple[int, int, str]:
        """(article id, copy id, canonical link) of a new article expected on the account."""
        with self.house.db.write() as session:
            row = Article(author_id=self.author_id, state="approved", title="停水通告")
            session.add(row)
            session.flush()
            row.canonical_link = f"{SITE_URL}/articles/{row.id}.html"
            copy = Copy(article_id=row.id, account_id=account_id)
            session.add(copy)
            session.flush()
            return row.id, copy.id, row.canonical_link


@dataclass
class Item:
    """One article on one account, from the port's side; every call opens the adapter anew, as the ledger does."""

    stage: Stage
    account_id: int
    content: Content
    key: Key
    payload: Payload = field(init=False)
    journal: RecordingJournal = field(init=False)
    began_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.journal, self.began_at = RecordingJournal(self.stage), self.stage.clock.now()
        self.payload = self.channel().render(self.content)

    def channel(self) -> Any:
        with self.stage.house.db.read() as session:
            account = session.get_one(Account, self.account_id)
            session.expunge(account)
        return open_channel(self.stage.house, account)

    def publish(self) -> Receipt:
        self.began_at = self.stage.clock.now()
        with self._watched():
            receipt: Receipt = self.channel().publish(self.payload, self.key, self.journal)
        return receipt

    def live(self) -> Receipt:
        """Publish and wait until it is confirmed."""
        return self.settled(self.publish())

    def settled(self, receipt: Receipt) -> Receipt:
        for _ in range(3):
            if receipt.state != "sent":
                break
            self.stage.pass_(30)
            receipt = self.channel().poll(receipt)
        return receipt

    def look(self) -> Receipt | Absent | Undecided:
        """Look for an uncertain copy, as the ledger does: with all it kept, after the settle time."""
        self.key = replace(self.key, attempt=1, native=self.journal.native, memory=dict(self.journal.memory))
        self.stage.pass_(self.channel().settle_s + 30)
        found: Receipt | Absent | Undecided = self.channel().find(self.key, self.payload, self.began_at)
        return found

    def correct(self, content: Content, live: Receipt) -> Receipt:
        self.content = content
        self.payload = self.channel().render(content)
        with self._watched():
            receipt: Receipt = self.channel().correct(self.payload, self.key, live, self.journal)
        return receipt

    def withdraw(self, live: Receipt) -> Receipt:
        with self._watched():
            receipt: Receipt = self.channel().withdraw(live, self.key, self.journal)
        return receipt

    def reply(self) -> Receipt:
        with self._watched():
            receipt: Receipt = self.channel().reply(self.payload, self.key, self.journal)
        return receipt

    def read(self, receipt: Receipt) -> Live | Gone | Undecided:
        seen: Live | Gone | Undecided = self.channel().read_live(receipt)
        return seen

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Calls through the door are lines of the journal's log meanwhile."""
        journal = self.journal

        def note(path: str) -> None:
            journal.log.append(Entry("call", path))

        self.stage.door.listeners.append(note)
        try:
            yield
        finally:
            self.stage.door.listeners.remove(note)
            journal.end()


def content_for(stage: Stage, account_id: int, **changes: Any) -> tuple[Content, Key]:
    """A plain article with a picture, and its key."""
    article_id, copy_id, link = stage.article(account_id)
    sha256 = stage.picture_sha256
    words: Json = {
        "article_id": article_id, "revision_id": 1, "kind": "article", "title": f"停水通告{article_id}号",
        "summary": "今晚十点至明早六点停水检修。", "body_html": f'<p>请提前储水。</p><img src="media:{sha256}" alt="">',
        "body_text": "请提前储水。", "source": "市水务局", "author": "编辑部", "keywords": "停水", "column": "工作动态",
        "cover_sha256": sha256, "media_types": {sha256: "image/png"}, "media_sizes": {sha256: len(stage.picture)},
        "canonical_link": link,
    }  # fmt: skip
    key = Key(1, copy_id, 0, mark_of(link, copy_id), link=link, article_id=article_id)
    return Content(**{**words, **changes}), key


@contextmanager
def open_stage(home: Path) -> Iterator[Stage]:
    """The sandbox behind a real listener and a house whose platforms it is."""
    clock = FixedClock(START)
    app = create_app(Store(None), Options(clock=lambda: clock.now().timestamp()))
    listener = Listener(app)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield from _house(home, clock, app, listener.base_url)
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
        app.world.store.close()


def _house(home: Path, clock: FixedClock, app: SandboxApp, url: str) -> Iterator[Stage]:
    where = dict.fromkeys(("weibo_base_url", "wechat_base_url", "jpush_base_url"), url)
    shown = {"home": home, "site_url": SITE_URL, "allow_private": url.removeprefix("http://")}
    settings = Settings.model_validate({**shown, **where})
    opened = open_house(settings, create=True, clock=clock)
    create_tables(opened.db)
    door = WatchedDoor(opened.door, Board())
    services: dict[str, Any] = {
        "door": door, "tokens": Broker(opened.db, opened.vault, clock, 30), "budget": Budget(opened.db, clock),
    }  # fmt: skip
    house = replace(opened, **services)
    with house.db.write() as session:
        author = Person(username="editor", display_name="编辑", password_hash="!")
        session.add(author)
        session.flush()
        author_id = author.id
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (29, 78, 216)).save(buffer, "PNG")
    try:
        yield Stage(house, app, clock, door, buffer.getvalue(), author_id)
    finally:
        house.close()
