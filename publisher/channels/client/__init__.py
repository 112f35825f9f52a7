"""The client app: our own feed row, and one push by JPush with the platform's own key (cid).

The same cid within a day gives the first success again and pushes nothing. A lost push is looked up by pushing with its
cid to a tag nobody has: the answer is the first success, or that there is nobody (1011), and nothing goes out.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from core.errors import NotConfigured, Refused
from core.house import House
from core.models import Account
from core.ports import (
    Absent,
    Content,
    Effect,
    Gone,
    Journal,
    Json,
    Key,
    Live,
    Payload,
    Problem,
    Receipt,
    Reconcile,
    Undecided,
)
from publisher.channels.client.feed import Feed
from publisher.channels.client.push import NOBODY, Push
from publisher.wire import (
    bind,
    digest_of,
    joined,
    media,
    pictures_of,
    prove,
    prove_part,
    slot,
    with_media,
    write_media,
)

KEY_LIVES_S = 86_400.0  # counted from the key's first use
KEY = "key"  # what the journal remembers of it
DOUBT = "推送没有收到答复，查证为未发出；如手机上仍有通知请核对"
DAY_OVER = "推送号已超过一天，上一次推送是否送达无法查证；请到极光后台核对，需要再推请取消后用“再次发布”"
FEED_FIELDS = ("title", "summary", "html", "link", "cover", "source")


class Client:
    """The feed of one app and, if `push` is on, its notifications."""

    kind: ClassVar[str] = "client"
    limits: ClassVar[Mapping[str, int]] = {"title": 60, "alert_bytes": 900}
    reconcile: ClassVar[Reconcile] = Reconcile.KEY
    settle_s: ClassVar[float] = 60
    can_correct: ClassVar[bool] = True
    can_withdraw: ClassVar[bool] = True
    publishes_later: ClassVar[bool] = False
    once_steps: ClassVar[frozenset[str]] = frozenset({"push"})
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({"picture", "feed", "key", "unfeed", "unpush"})
    list_window: ClassVar[int] = 0
    list_reads: ClassVar[int] = 0
    tend_s: ClassVar[float] = 0

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house
        self.feed = Feed(account, house)
        self.push = Push(account, house) if account.settings.get("push") else None
        self.site_url = house.settings.site_url.rstrip("/")

    def check(self, content: Content) -> list[Problem]:
        """Lengths of title and notification."""
        problems = []
        if len(content.title) > self.limits["title"]:
            problems.append(Problem("title", f"客户端标题不能超过 {self.limits['title']} 字，请缩短。"))
        if len(_alert(content).encode()) > self.limits["alert_bytes"]:
            problems.append(
                Problem("variant", f"推送文案超过 {self.limits['alert_bytes']} 字节，请缩短标题或改写客户端文案。")
            )
        return problems

    def render(self, content: Content) -> Payload:
        """The feed entry and the push object; pictures and the push key are slots."""
        template: Json = {
            "title": content.title, "summary": content.summary, "source": content.source,
            "html": with_media(content.body_html, before=self.site_url),
            "link": content.canonical_link,
            "cover": joined(self.site_url, media(content.cover_sha256)) if content.cover_sha256 else "",
        }  # fmt: skip
        if self.push:
            extras = {"item": str(content.article_id), "link": content.canonical_link}
            alert = _alert(content)
            template["push"] = {
                "cid": slot("key"), "platform": "all", "audience": self.account.settings.get("audience") or "all",
                "notification": {
                    "alert": alert, "android": {"alert": alert, "title": content.title, "extras": extras},
                    "ios": {"alert": alert, "extras": extras},
                },
                "options": {"time_to_live": 86_400},
            }  # fmt: skip
        return Payload(template, digest_of(template))

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """The feed entry, then the push once. A refused push takes the entry away again: nothing half done stays."""
        self._write_feed(payload, key, journal)
        if self.push is None or "push" not in payload.template:
            return self._receipt(key, {})
        native = self._key(key, journal)
        try:
            data = journal.once("push", partial(self._send, payload, native), native_key=native)
        except Refused:
            journal.repeatable("unfeed", partial(self.feed.remove, key))
            raise
        return self._receipt(key, data)

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        """The feed entry anew; no second push."""
        self._write_feed(payload, key, journal)
        return self._receipt(key, live.data)

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        """Remove the entry, and the push within its day; after that its shown notifications remain and are named."""
        journal.repeatable("unfeed", partial(self.feed.remove, key))
        msg_id, pushed_at = live.data.get("msg_id"), live.data.get("pushed_at")
        if self.push is None or not msg_id or not pushed_at:
            return Receipt("sent", str(key.article_id), live.url)
        if self.house.clock.now() - datetime.fromisoformat(pushed_at) >= timedelta(seconds=KEY_LIVES_S):
            return Receipt("sent", str(key.article_id), live.url, {"residual": "推送已超过一天，手机上的通知无法撤回"})
        journal.repeatable("unpush", partial(self.push.take_back, msg_id))
        return Receipt("sent", str(key.article_id), live.url, {"residual": "已点开的通知内容无法撤回"})

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """The client has no answers of its own."""
        raise Refused(Effect.REFUSED, "reply", "客户端评论不支持官方回复")

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        """What became of this key, inside its day only. Asking pushes to nobody, whatever became of it.

        That the key is looked at before the audience is what JPush's words suggest and nobody has tried: an absent push
        is only ever sent again with the same key, and where it is withdrawn instead the doubt stands at the copy.
        The tag is another one each time, so that nobody can come to have it.
        """
        if self.push is None or not key.native or "push" not in payload.template:
            return Absent({"reason": "no key was handed out"})
        if self.house.clock.now() - _first_used(key, since) >= timedelta(seconds=KEY_LIVES_S):
            return Undecided("推送号已超过一天，不能再用它查证，请到极光后台核对")
        body = _push_body(payload, key.native) | {"audience": {"tag": [secrets.token_hex(16)]}}
        try:
            found = self.push.send(body)
        except Refused as error:
            if error.code == NOBODY:
                return Absent({"code": error.code, "residual": DOUBT})
            return Undecided(f"极光拒绝了查证，请到极光后台核对：{error.text}")
        return self._receipt(key, found | {"pushed_at": _first_used(key, since).isoformat()})

    def poll(self, receipt: Receipt) -> Receipt:
        """Nothing is ever pending here."""
        return receipt

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided:
        """The feed row tells; a push cannot be read back."""
        entry = self.feed.entry(int(receipt.remote_id or 0))
        if entry is None:
            return Gone()
        return Live(entry.content["html"], receipt.url, {"digest": entry.digest})

    def tend(self) -> int:
        """Nothing to tidy."""
        return 0

    def _write_feed(self, payload: Payload, key: Key, journal: Journal) -> None:
        values = {"key": key.native or "-"}
        for name, sha256, _use in pictures_of(payload.template):
            values[name] = journal.repeatable(
                "picture", partial(_picture, self.house.settings.site_path, sha256, journal)
            )
        content = {name: bind(payload.template[name], values) for name in FEED_FIELDS}
        push = {"push": bind(payload.template["push"], values)} if "push" in payload.template else {}
        prove(payload, {**content, **push}, values)
        at = journal.published_at()
        journal.repeatable("feed", partial(self.feed.put, content, payload.digest, key, at))

    def _key(self, key: Key, journal: Journal) -> str:
        """The stored key where an earlier push with it may exist, else a new one; NotConfigured when its day is over.

        With another key the platform could not tell that it has pushed this already.
        """
        now = self.house.clock.now()
        if key.native and key.attempt:
            if now - _first_used(key, now) >= timedelta(seconds=KEY_LIVES_S):
                raise NotConfigured(DAY_OVER)
            return key.native
        assert self.push
        native: str = journal.repeatable("key", self.push.new_key)
        journal.remember(KEY, {"cid": native, "at": now.isoformat()})
        return native

    def _send(self, payload: Payload, native: str) -> Json:
        """Nobody to push to (1011) is an outcome, not a failure."""
        assert self.push
        try:
            return self.push.send(_push_body(payload, native))
        except Refused as error:
            if error.code != NOBODY:
                raise
            return {"push": "没有可以推送的设备"}

    def _receipt(self, key: Key, data: Mapping[str, Any]) -> Receipt:
        return Receipt("confirmed", str(key.article_id), f"{self.site_url}/client/items/{key.article_id}", dict(data))


def _push_body(payload: Payload, native: str) -> Json:
    body: Json = bind(payload.template["push"], {"key": native})
    prove_part(payload, "push", body, {"key": native})
    return body


def _first_used(key: Key, otherwise: datetime) -> datetime:
    """When the stored key was first used: its day counts from there, whatever was tried with it later."""
    known = key.memory.get(KEY) or {}
    return datetime.fromisoformat(known["at"]) if known.get("cid") == key.native else otherwise


def _picture(site: Path, sha256: str, journal: Journal) -> str:
    return "/" + write_media(site, sha256, journal.media_type(sha256), journal.media(sha256))


def _alert(content: Content) -> str:
    return content.variant_text or content.title
