"""A WeChat official account by freepublish (发布，不推送粉丝). No edit exists after publishing.

`freepublish/submit` is the only once-step of an article. After a lost submit no second draft is ever made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import ClassVar

from core.errors import OutcomeUnknown, Refused
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
from publisher.channels.wechat.api import NO_DRAFT, SUBMIT, WechatApi
from publisher.channels.wechat.articles import LIMITS, check, render
from publisher.channels.wechat.drafts import add_draft
from publisher.channels.wechat.lookup import find_article
from publisher.channels.wechat.orphans import delete_orphans
from publisher.channels.wechat.receipts import is_deleted, item_mark, published_receipt, receipt_of_result
from publisher.wire import is_reply, need_field, prove_reply, tolerate

IN_AUDIT, NO_ARTICLE, ANSWERED = "53503", "53600", "88005"


class Wechat:
    """One official account of the press office."""

    kind: ClassVar[str] = "wechat"
    limits: ClassVar[Mapping[str, int]] = LIMITS
    reconcile: ClassVar[Reconcile] = Reconcile.LIST
    settle_s: ClassVar[float] = 1800
    can_correct: ClassVar[bool] = False
    can_withdraw: ClassVar[bool] = True
    publishes_later: ClassVar[bool] = True
    once_steps: ClassVar[frozenset[str]] = frozenset({"submit", "answer"})
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({"picture", "draft", "delete"})
    list_window: ClassVar[int] = 0
    list_reads: ClassVar[int] = 3
    tend_s: ClassVar[float] = 3600

    def __init__(self, account: Account, house: House) -> None:
        self.account, self.house = account, house
        self.api = WechatApi(account, house)

    def check(self, content: Content) -> list[Problem]:
        """Cover, lengths and pictures; the platform drops pictures it does not know without a word."""
        return check(content)

    def render(self, content: Content) -> Payload:
        """One article; the source link carries the copy's mark, by which a lost submit is found again."""
        return render(content, comments=bool(self.account.settings.get("comments", True)))

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Upload, draft, submit once. A draft that exists is used again; the answer only means accepted."""
        draft = journal.recall("draft") or add_draft(self.api, payload, key, journal)
        try:
            return journal.once("submit", partial(self._submit, draft["media_id"], key))
        except Refused as error:
            if error.code != NO_DRAFT or key.attempt > 0:
                raise
        draft = add_draft(self.api, payload, key, journal)  # somebody deleted the draft before its first submit
        return journal.once("submit", partial(self._submit, draft["media_id"], key))

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Answer one comment once; 88005 says that an answer is there already."""
        place = payload.template["reply"]
        body = {
            "msg_data_id": int(place["msg_data_id"] or 0), "index": 0,
            "user_comment_id": int(place["user_comment_id"] or 0), "content": payload.template["text"],
        }  # fmt: skip
        prove_reply(payload, body["content"], {name: body[name] for name in place})
        journal.once("answer", partial(self._answer, body, key))
        return Receipt("confirmed", f"{place['msg_data_id']}:{place['user_comment_id']}")

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        """Our mark in the list of published articles; without it the draft box and the submit quota speak."""
        if is_reply(payload):
            return Undecided("微信留言回复没有可靠的查证办法，请到公众平台核对")
        return find_article(self.api, key, since)

    def poll(self, receipt: Receipt) -> Receipt:
        """The state of an accepted submit; 100 polls a day, so the event is the usual way."""
        result = self.api.post("freepublish/get", {"publish_id": receipt.data["publish_id"]}, "reconcile")
        return receipt_of_result(result, receipt.data)

    def read_event(self, kind: str, fields: Json, known: Json) -> Receipt | None:
        """The receipt in an event of the platform; None for events that say nothing about publishing."""
        info = fields.get("PublishEventInfo") or fields
        return receipt_of_result(info, known) if kind == "PUBLISHJOBFINISH" else None

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        """WeChat has no edit."""
        raise Refused(Effect.REFUSED, "correct", "微信不能修改已发布的文章；请撤回后重新发布")

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        """Delete the article for good; gone already is success. Ten deletes a day."""
        body = {"article_id": live.remote_id, "index": 0}
        delete = partial(self.api.post, "freepublish/delete", body, "withdraw")
        journal.repeatable("delete", partial(tolerate, NO_ARTICLE, delete))
        return Receipt("sent", live.remote_id, live.url)

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided:
        """The article as it stands; `data["mark"]` names the copy it belongs to."""
        try:
            body = self.api.post("freepublish/getarticle", {"article_id": receipt.remote_id}, "withdraw")
        except Refused as error:
            if error.code == NO_ARTICLE:
                return Gone()
            raise
        articles = body.get("news_item") or []
        if not articles or is_deleted(body):
            return Gone()
        first = articles[0]
        found = published_receipt(receipt.remote_id, str(first.get("url") or receipt.url), {})
        return Live(str(first.get("content") or ""), found.url, {**found.data, "mark": item_mark(body)})

    def tend(self) -> int:
        """Delete drafts of ours that nothing needs any more."""
        return delete_orphans(self.house, self.account, self.api)

    def _submit(self, media_id: str, key: Key) -> Receipt:
        try:
            body = self.api.post(SUBMIT, {"media_id": media_id}, "publish")
        except Refused as error:
            if key.attempt > 0 and error.code in (IN_AUDIT, NO_DRAFT):
                text = "上一次提交可能正在审核，继续查证"
                raise OutcomeUnknown(Effect.UNKNOWN, error.code, text, error.raw) from error
            raise
        known = {"publish_id": need_field(body, "publish_id"), "msg_data_id": str(body.get("msg_data_id") or "")}
        return Receipt("sent", data={**known, "media_id": media_id})

    def _answer(self, body: Json, key: Key) -> None:
        answer = partial(self.api.post, "comment/reply/add", body, "publish")
        if key.attempt > 0:
            tolerate(ANSWERED, answer)
        else:
            answer()
