"""Sina Weibo by the open API: one short text with the canonical link, at most one picture. No edit exists.

`statuses/share` is the only once-step of an article; a lost answer is found again in the account's own timeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from core.errors import ChannelError, OutcomeUnknown, Refused
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
    Undecided,
)
from publisher.channels.weibo.api import WeiboApi
from publisher.channels.weibo.rules import LIMITS, check, words_of
from publisher.channels.weibo.timeline import Sought, id_of
from publisher.channels.weibo.wording import base62, measure
from publisher.wire import (
    bind,
    digest_of,
    is_reply,
    media,
    need_field,
    pictures_of,
    prove,
    prove_reply,
    render_reply,
    tolerate,
)

SHOWN_LATER, REPEATED, NO_POST = "20032", "20019", "20101"


class Weibo:
    """One Weibo account of the press office."""

    kind: ClassVar[str] = "weibo"
    limits: ClassVar[Mapping[str, int]] = LIMITS
    reconcile: ClassVar[Reconcile] = Reconcile.LIST
    settle_s: ClassVar[float] = 180
    can_correct: ClassVar[bool] = False
    can_withdraw: ClassVar[bool] = True
    publishes_later: ClassVar[bool] = False
    once_steps: ClassVar[frozenset[str]] = frozenset({"share", "answer"})
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({"destroy"})
    list_window: ClassVar[int] = 5
    list_reads: ClassVar[int] = 0
    tend_s: ClassVar[float] = 0
    measure = staticmethod(measure)  # previews count as the platform does

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house
        self.api = WeiboApi(account, house)

    def check(self, content: Content) -> list[Problem]:
        """Length, the link under a safe domain, the picture's size."""
        return check(content, self.account.settings.get("safe_domains") or [])

    def render(self, content: Content) -> Payload:
        """Text with the link, and the cover as its picture."""
        if is_reply(content):
            answers = content.answers
            return render_reply(content, {"cid": answers.get("comment_id", ""), "id": answers.get("remote_id", "")})
        template: dict[str, Any] = {"status": words_of(content)}
        if content.cover_sha256 and content.media_types.get(content.cover_sha256) != "image/webp":
            template["pic"] = media(content.cover_sha256)
        return Payload(template, digest_of(template))

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Share once. 20032 is accepted and shown later; 20019 after an earlier try of ours means it is there."""
        form = {"status": bind(payload.template["status"], {}), **self._rip()}
        files, seen, values = {}, {"status": form["status"]}, {}
        for name, sha256, _use in pictures_of(payload.template):
            files["pic"] = ("pic", journal.media(sha256), journal.media_type(sha256))
            seen["pic"], values[name] = hashlib.sha256(files["pic"][1]).hexdigest(), sha256
        prove(payload, seen, values)
        return journal.once("share", lambda: self._share(form, files, key, payload))

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Answer one comment once."""
        place = payload.template["reply"]
        form = {"cid": place["cid"], "id": place["id"], "comment": payload.template["text"], **self._rip()}
        prove_reply(payload, form["comment"], {"cid": form["cid"], "id": form["id"]})
        body = journal.once("answer", lambda: self.api.post("comments/reply", form, "publish"))
        return Receipt("confirmed", need_field(body, "idstr", "id"))

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        """Look for our post among the newest shown: by its long link, or by the same text."""
        if is_reply(payload):
            return Undecided("微博评论回复没有可靠的查证办法，请到微博核对")
        posts, whole = self.api.newest("reconcile")
        sought = Sought(key.link, payload.template["status"], since, key.earlier)
        found = sought.among(posts)
        if found:
            return self._receipt(found, sought.twins(posts, found))
        shown = {"shown": [id_of(post) for post in posts]}
        if set(shown["shown"]) & set(key.gone):
            return Undecided("微博列表还显示着早已删除的内容，没有更新，暂时不能断定", shown)
        if whole or sought.reached_by(posts, self.house.settings.time_factor):
            return Absent(shown)
        return Undecided("微博只显示最近几条，已看不到发出的时刻，请到微博核对", shown)

    def poll(self, receipt: Receipt) -> Receipt:
        """An accepted post that was not shown yet."""
        posts, _whole = self.api.newest("reconcile")
        sought = Sought.recall(receipt.data)
        found = sought.among(posts)
        return self._receipt(found, sought.twins(posts, found)) if found else receipt

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        """Weibo has no edit."""
        raise Refused(Effect.REFUSED, "correct", "微博不能修改已发内容；请撤回后重新发布")

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        """Delete our post; gone already is success."""
        destroy = partial(self.api.post, "statuses/destroy", {"id": live.remote_id}, "withdraw")
        journal.repeatable("destroy", partial(tolerate, NO_POST, destroy))
        return Receipt("sent", live.remote_id, live.url)

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided:
        """The post as it stands."""
        try:
            body = self.api.get("statuses/show", {"id": receipt.remote_id}, "withdraw")
        except Refused as error:
            if error.code == NO_POST:
                return Gone()
            raise
        return Gone("unknown") if str(body.get("deleted", "")) == "1" else Live(body.get("text", ""), receipt.url)

    def tend(self) -> int:
        """Nothing to tidy."""
        return 0

    def _share(self, form: dict[str, Any], files: Mapping[str, Any], key: Key, payload: Payload) -> Receipt:
        try:
            body = self.api.post("statuses/share", form, "publish", files)
        except ChannelError as error:
            if error.code == SHOWN_LATER:
                status, now = payload.template["status"], self.house.clock.now()
                return Receipt("sent", data=Sought(key.link, status, now, key.earlier).keep(), text=error.text)
            if error.code == REPEATED and key.attempt > 0:
                text = "微博认为内容重复：上一次可能已经发出，继续查证"
                raise OutcomeUnknown(Effect.UNKNOWN, error.code, text, error.raw) from error
            raise
        return self._receipt(need_field(body, "idstr", "id"))

    def _receipt(self, remote_id: str, twins: Sequence[str] = ()) -> Receipt:
        real = urlsplit(self.api.base).hostname == "api.weibo.com"
        host = "https://weibo.com" if real else self.api.base
        data = {"twins": list(twins)} if twins else {}
        return Receipt("confirmed", remote_id, f"{host}/{self.account.settings['uid']}/{base62(remote_id)}", data)

    def _rip(self) -> dict[str, str]:
        return {"rip": self.house.settings.public_ip} if self.house.settings.public_ip else {}
