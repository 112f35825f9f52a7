"""Sina Weibo by the open API: one short text with the canonical link, at most one picture. No edit exists.

`statuses/share` is the only once-step of an article; a lost answer is found again in the account's own timeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
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
    Severity,
    Undecided,
)
from publisher.channels.weibo.api import WeiboApi
from publisher.channels.weibo.wording import MOST, TOPIC, base62, compose, created_at, is_ours, measure
from publisher.wire import bind, digest_of, media, need_field, pictures_of, prove

SKEW_S = 120.0  # our clock against Weibo's when a post is recognised as ours
SHOWN_LATER, REPEATED, NO_POST = "20032", "20019", "20101"


class Weibo:
    """One Weibo account of the press office."""

    kind: ClassVar[str] = "weibo"
    limits: ClassVar[Mapping[str, int]] = {"text": MOST, "picture_bytes": 5 * 1024 * 1024}
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
        if content.kind == "reply":
            return _too_long(content.variant_text or content.body_text)
        text = _text(content)
        problems = _too_long(text)
        if content.canonical_link not in text:
            problems.append(Problem("variant", f"微博文案必须包含稿件链接：{content.canonical_link}"))
        host = urlsplit(content.canonical_link).hostname or ""
        safe = [domain.split(":")[0] for domain in self.account.settings.get("safe_domains") or []]
        if safe and not any(host == domain or host.endswith("." + domain) for domain in safe):
            problems.append(Problem("link", f"稿件链接的域名 {host} 不在微博应用的安全域名内，请管理员登记。"))
        if TOPIC.search(text):
            problems.append(Problem("variant", "微博会去掉 #话题#，请改写。", Severity.WARN))
        if content.media_sizes.get(content.cover_sha256, 0) >= self.limits["picture_bytes"]:
            problems.append(Problem("cover", "微博图片必须小于 5 MB，请压缩封面。"))
        return problems

    def render(self, content: Content) -> Payload:
        """Text with the link, and the cover as its picture."""
        if content.kind == "reply":
            ids = {"cid": str(content.answers.get("comment_id", "")), "id": str(content.answers.get("remote_id", ""))}
            template: dict[str, Any] = {"text": content.variant_text or content.body_text, "reply": ids}
            return Payload(template, digest_of(template))
        template = {"status": _text(content)}
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
        ids = payload.template["reply"]
        form = {"cid": ids["cid"], "id": ids["id"], "comment": payload.template["text"], **self._rip()}
        prove(payload, {"text": form["comment"], "reply": {"cid": form["cid"], "id": form["id"]}}, {})
        body = journal.once("answer", lambda: self.api.post("comments/reply", form, "publish"))
        return Receipt("confirmed", need_field(body, "idstr", "id"))

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        """Look for our post among the newest shown: by its long link, or by the same text."""
        if "reply" in payload.template:
            return Undecided("微博评论回复没有可靠的查证办法，请到微博核对")
        posts, whole = self.api.newest("reconcile")
        found = self._match(posts, key.link, payload.template["status"], since)
        if found:
            return found
        ids = [str(post.get("idstr") or post.get("id")) for post in posts]
        oldest = min((created_at(post) for post in posts), default=None)
        reaches = oldest is not None and oldest + timedelta(seconds=SKEW_S / self.house.settings.time_factor) < since
        if whole or reaches or set(ids) & set(key.earlier):
            return Absent({"shown": ids})
        return Undecided("微博只显示最近几条，已看不到发出的时刻，请到微博核对", {"shown": ids})

    def poll(self, receipt: Receipt) -> Receipt:
        """An accepted post that was not shown yet."""
        posts, _whole = self.api.newest("reconcile")
        since = datetime.fromisoformat(receipt.data["since"])
        return self._match(posts, receipt.data["link"], receipt.data["status"], since) or receipt

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        """Weibo has no edit."""
        raise Refused(Effect.REFUSED, "correct", "微博不能修改已发内容；请撤回后重新发布")

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        """Delete our post; gone already is success."""
        journal.repeatable("destroy", lambda: self._destroy(live.remote_id))
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
                at = self.house.clock.now()
                data = {"link": key.link, "status": payload.template["status"], "since": at.isoformat()}
                return Receipt("sent", data=data, text=error.text)
            if error.code == REPEATED and key.attempt > 0:
                text = "微博认为内容重复：上一次可能已经发出，继续查证"
                raise OutcomeUnknown(Effect.UNKNOWN, error.code, text, error.raw) from error
            raise
        return self._receipt(need_field(body, "idstr", "id"))

    def _destroy(self, remote_id: str) -> None:
        try:
            self.api.post("statuses/destroy", {"id": remote_id}, "withdraw")
        except Refused as error:
            if error.code != NO_POST:
                raise

    def _match(self, posts: list[Any], link: str, status: str, since: datetime) -> Receipt | None:
        earliest = since - timedelta(seconds=SKEW_S)
        for post in posts:
            if created_at(post) >= earliest and is_ours(post, link, status):
                return self._receipt(need_field(post, "idstr", "id"))
        return None

    def _receipt(self, remote_id: str) -> Receipt:
        real = urlsplit(self.api.base).hostname == "api.weibo.com"
        host = "https://weibo.com" if real else self.api.base
        return Receipt("confirmed", remote_id, f"{host}/{self.account.settings['uid']}/{base62(remote_id)}")

    def _rip(self) -> dict[str, str]:
        return {"rip": self.house.settings.public_ip} if self.house.settings.public_ip else {}


def _text(content: Content) -> str:
    """The editor's own words, or title and summary with the link."""
    return content.variant_text or compose(content.title, content.summary or content.body_text, content.canonical_link)


def _too_long(text: str) -> list[Problem]:
    length = measure(text)
    return [Problem("variant", f"微博文案 {length} 字，超过 140 字，请缩短。")] if length > 140 else []
