"""Group robots of WeCom, DingTalk and Feishu, and a plain webhook: one text to one group. Retries nothing.

The group is the robot's own: a message has no other receiver. A repeated message says so itself, since a group shows
everything it is given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from core.errors import AddressRefused, NotConfigured, OutcomeUnknown, Refused, Throttled, Transient
from core.house import House
from core.http import NotSent, Request, Unanswered
from core.ports import Effect, Json, Message, Receipt

CALL_S = 10.0
KEPT = 300


class Robot(ABC):
    """One robot: where it listens, how it signs, what it calls success and what it calls too fast."""

    kind: ClassVar[str]
    label: ClassVar[str]
    code_field: ClassVar[str] = "errcode"
    too_fast: ClassVar[Mapping[str, float]] = {}  # code -> seconds to wait
    most_bytes: ClassVar[int]

    def __init__(self, house: House) -> None:
        self.house = house
        self.url = str(getattr(house.settings, f"{self.kind}_url"))
        self.secret = str(getattr(house.settings, f"{self.kind}_secret", ""))
        if not self.url:
            raise NotConfigured(f"未设置 WENZHENG_{self.kind.upper()}_URL，预警不发{self.label}")

    def send(self, message: Message) -> Receipt:
        """Hand one message to the group. Transient: not sent; OutcomeUnknown: no answer; Refused: never taken."""
        request = self._request(words_of(message, self.most_bytes), self.house.clock.now().timestamp())
        try:
            response = self.house.door.send(request, CALL_S)
        except AddressRefused as error:
            raise Refused(Effect.REFUSED, "address", error.text) from error
        except NotSent as error:
            raise Transient(Effect.NOT_SENT, "not_sent", f"连接不上{self.label}") from error
        except Unanswered as error:
            raise OutcomeUnknown(Effect.UNKNOWN, "unanswered", f"{self.label}没有答复，不确定是否送达") from error
        return self._read(response.status, response.text())

    @abstractmethod
    def _request(self, words: str, now: float) -> Request:
        """The words as this platform wants them, signed with the instant `now` (epoch seconds)."""

    def _read(self, status: int, text: str) -> Receipt:
        try:
            answer = json.loads(text)
            code = str(answer[self.code_field])
        except (ValueError, TypeError, KeyError):
            raise OutcomeUnknown(Effect.UNKNOWN, f"http {status}", f"{self.label}的答复无法解析") from None
        if code == "0":
            return Receipt("sent")
        said = f"{self.label}没有接收：{str(answer.get('errmsg') or answer.get('msg') or '')[:KEPT]}"
        if code in self.too_fast:
            raise Throttled(Effect.THROTTLED, code, said, retry_after_s=self.too_fast[code])
        raise Refused(Effect.REFUSED, code, said)


class WeCom(Robot):
    """企业微信: the key in the address is the secret; text of at most 2,048 bytes."""

    kind, label, most_bytes = "wecom", "企业微信群", 2048
    too_fast: ClassVar[Mapping[str, float]] = {"45009": 60.0}

    def _request(self, words: str, now: float) -> Request:
        return Request("POST", self.url, json={"msgtype": "text", "text": {"content": words}})


class DingTalk(Robot):
    """钉钉: HMAC-SHA256 with the secret as key over `{ms}\\n{secret}`, in the query. Too fast: ten minutes' silence."""

    kind, label, most_bytes = "dingtalk", "钉钉群", 18_000
    too_fast: ClassVar[Mapping[str, float]] = {"130101": 600.0}

    def _request(self, words: str, now: float) -> Request:
        stamp = str(int(now * 1000))
        signed = {"timestamp": stamp, "sign": sign(self.secret, f"{stamp}\n{self.secret}")} if self.secret else None
        return Request("POST", self.url, params=signed, json={"msgtype": "text", "text": {"content": words}})


class Feishu(Robot):
    """飞书: HMAC-SHA256 with `{s}\\n{secret}` as key over nothing, in the body; the body at most 20 KB."""

    kind, label, most_bytes = "feishu", "飞书群", 18_000
    code_field: ClassVar[str] = "code"
    too_fast: ClassVar[Mapping[str, float]] = {"11232": 60.0}

    def _request(self, words: str, now: float) -> Request:
        stamp = str(int(now))
        signed: Json = {"timestamp": stamp, "sign": sign(f"{stamp}\n{self.secret}", "")} if self.secret else {}
        return Request("POST", self.url, json={**signed, "msg_type": "text", "content": {"text": words}})


class Webhook(Robot):
    """Any program: a JSON body with the alert's number; `X-Wenzheng-Signature` is HMAC-SHA256 over the body."""

    kind, label, most_bytes = "webhook", "回调地址", 60_000

    def _request(self, words: str, now: float) -> Request:
        body = json.dumps({"text": words, "sent_at": int(now)}, ensure_ascii=False).encode()
        mark = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json"} | ({"X-Wenzheng-Signature": mark} if self.secret else {})
        return Request("POST", self.url, content=body, headers=headers)

    def _read(self, status: int, text: str) -> Receipt:
        """Judged by its status: another program's answer has no code of ours."""
        if 200 <= status < 300:
            return Receipt("sent")
        if status == 429:
            raise Throttled(Effect.THROTTLED, "429", f"{self.label}要求放慢", retry_after_s=60.0)
        if 400 <= status < 500:
            raise Refused(Effect.REFUSED, str(status), f"{self.label}没有接收")
        raise OutcomeUnknown(Effect.UNKNOWN, str(status), f"{self.label}出错，不确定是否收到")


def sign(key: str, words: str) -> str:
    """Base64 of HMAC-SHA256. DingTalk's key is the secret; Feishu's is what DingTalk signs, and it signs nothing."""
    return base64.b64encode(hmac.new(key.encode(), words.encode(), hashlib.sha256).digest()).decode()


def words_of(message: Message, most_bytes: int) -> str:
    """The message as one text of at most `most_bytes` UTF-8 bytes; the link and the number are never cut away."""
    end = "\n".join(part for part in (message.link, f"编号：{message.key}" if message.key else "") if part)
    text = f"{message.subject}\n{message.body}".strip()
    room = most_bytes - len(end.encode()) - 8
    cut = text.encode()[:room].decode("utf-8", "ignore")
    return f"{cut}{'…' if cut != text else ''}\n{end}".strip()
