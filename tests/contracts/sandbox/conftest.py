"""A sandbox without sockets and with a clock of its own; and one behind a real listener for the wire's tricks."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.listener import Listener
from sandbox.options import Options
from sandbox.server import SandboxApp, create_app
from sandbox.store import Store

START = 1_800_000_000.0
LINK = "http://127.0.0.1:8000/a/20260101-1.html"
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 64
JPG = b"\xff\xd8\xff\xe0" + b"j" * 64


class Clock:
    """Unix seconds that move only when told."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += seconds


class Kit:
    """A sandbox app and short ways to its platforms."""

    def __init__(self, regime: str = "ordinary", time_factor: float = 1.0) -> None:
        self.clock = Clock()
        options = Options(regime=regime, time_factor=time_factor, clock=self.clock)
        self.app: SandboxApp = create_app(Store(None), options)
        self.client = self.app.test_client()

    def account(self, platform: str, **settings: Any) -> dict[str, Any]:
        answer = self.client.post("/control/accounts", json={"platform": platform, **settings})
        assert answer.status_code == 201, answer.text
        return dict(answer.get_json())

    def fault(self, kind: str, **fields: Any) -> None:
        assert self.client.post("/control/faults", json={"kind": kind, **fields}).status_code == 201

    def get(self, path: str, token: str, **params: Any) -> tuple[int, Any]:
        answer = self.client.get(f"/2/{path}.json", query_string={"access_token": token, **params})
        return answer.status_code, answer.get_json()

    def post(self, path: str, token: str, **params: Any) -> tuple[int, Any]:
        answer = self.client.post(f"/2/{path}.json", data={"access_token": token, **params})
        return answer.status_code, answer.get_json()

    def share(self, token: str, text: str = "通告", link: str = LINK) -> dict[str, Any]:
        status, body = self.post("statuses/share", token, status=f"{text} {link}")
        assert status == 200, body
        return dict(body)

    def wechat_token(self, account: dict[str, Any]) -> str:
        asked = {"grant_type": "client_credential", "appid": account["appid"], "secret": account["secret"]}
        return str(self.client.get("/cgi-bin/token", query_string=asked).get_json()["access_token"])

    def call(self, path: str, token: str, body: Any) -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        answer = self.client.post(f"/cgi-bin/{path}", query_string={"access_token": token}, data=raw)
        assert answer.status_code == 200
        return dict(answer.get_json())

    def upload(self, path: str, token: str, content: bytes = PNG, **query: str) -> dict[str, Any]:
        answer = self.client.post(
            f"/cgi-bin/{path}",
            query_string={"access_token": token, **query},
            data={"media": (io.BytesIO(content), "media")},
            content_type="multipart/form-data",
        )
        return dict(answer.get_json())

    def article(self, token: str, **fields: Any) -> dict[str, Any]:
        thumb = self.upload("material/add_material", token, type="image")["media_id"]
        return {
            "title": "停水通告",
            "content": "<p>今晚停水检修。</p>",
            "thumb_media_id": thumb,
            "content_source_url": f"{LINK}?c=1",
            "need_open_comment": 1,
            **fields,
        }

    def draft(self, token: str, **fields: Any) -> str:
        return str(self.call("draft/add", token, {"articles": [self.article(token, **fields)]})["media_id"])

    def publish(self, token: str, **fields: Any) -> dict[str, Any]:
        submitted = self.call("freepublish/submit", token, {"media_id": self.draft(token, **fields)})
        self.clock.pass_(21)
        return self.call("freepublish/get", token, {"publish_id": submitted["publish_id"]})

    def push(self, account: dict[str, Any], **fields: Any) -> tuple[int, dict[str, Any]]:
        body = {
            "platform": "all",
            "audience": "all",
            "notification": {"android": {"alert": "停水通告", "extras": {"link": LINK}}},
            **fields,
        }
        answer = self.client.post("/v3/push", json=body, auth=(account["app_key"], account["master_secret"]))
        return answer.status_code, dict(answer.get_json())

    def copies(self, link: str = LINK) -> dict[str, Any]:
        return dict(self.client.get("/truth/copies", query_string={"link": link}).get_json())


@pytest.fixture
def kit() -> Iterator[Kit]:
    made = Kit()
    yield made
    made.app.world.store.close()


@pytest.fixture
def commercial() -> Iterator[Kit]:
    made = Kit(regime="commercial")
    yield made
    made.app.world.store.close()


@pytest.fixture
def make_kit() -> Iterator[Callable[..., Kit]]:
    made: list[Kit] = []

    def make(**options: Any) -> Kit:
        made.append(Kit(**options))
        return made[-1]

    yield make
    for each in made:
        each.app.world.store.close()


@pytest.fixture
def base_url(kit: Kit) -> Iterator[str]:
    """The kit's app behind a real listener; its clock stays the test's."""
    listener = Listener(kit.app)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield listener.base_url
    listener.shutdown()
    thread.join()
    listener.server_close()


class Receiver(http.server.ThreadingHTTPServer):
    """Takes callbacks and answers with the next status of its script (200 when the script is over)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.script: list[int] = []
        self.events: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), CallbackHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/callbacks/wechat/1"


class CallbackHandler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.events.append((self.path, body))
        self.send_response(self.server.script.pop(0) if self.server.script else 200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"success")

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
