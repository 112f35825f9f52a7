"""A fifth channel, as a third party would write one, and its platform: a village notice board held in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, ClassVar

from core.errors import NotConfigured, Refused
from core.house import House
from core.http import Request, Response, Unanswered
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
from core.tokens import Fetched
from publisher.wire import (
    Platform,
    Wire,
    bind,
    digest_of,
    need_field,
    prove,
    read_codes,
    slot,
    tolerate,
    with_token,
)

HOST = "http://board.example.cn"
REFUSED, THROTTLED, EXPIRED, NO_NOTICE = "E1", "E2", "E3", "E4"
CODES = """
[[code]]
code = "E1"
effect = "refused"
text = "公告栏不收这则公告"
fix = "请修改后重新送审"
[[code]]
code = "E2"
effect = "throttled"
retry_s = 45
text = "公告栏太忙"
fix = "系统会自动重试"
[[code]]
code = "E3"
effect = "credential"
text = "公告栏不认这个令牌"
fix = "请管理员重新登记"
[[code]]
code = "E4"
effect = "refused"
text = "公告栏没有这则公告"
fix = "请核对"
"""


@dataclass
class Board:
    """The platform: notices by id. `faults` are struck one a call on `POST /notices`, the first one first."""

    notices: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(100))

    def answer(self, request: Request) -> Response:
        """One call; raises Unanswered where the answer is lost."""
        name, body = request.url.removeprefix(f"{HOST}/notices").strip("/"), dict(request.json or {})
        if request.method == "GET":
            found = self.notices.get(name)
            return _said([{"id": at, **each} for at, each in self.notices.items()] if not name else found or NO_NOTICE)
        if request.method == "DELETE":
            return _said({"id": name} if self.notices.pop(name, None) else NO_NOTICE)
        if request.method == "PUT":
            self.notices[name] |= body
            return _said({"id": name})
        return self._hang_up(body)

    def _hang_up(self, body: dict[str, str]) -> Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault.startswith("E"):
            return _said(fault)
        if fault == "lost before":
            raise Unanswered("the line went dead")
        number = str(next(self.numbers))
        self.notices[number] = body
        if fault == "lost after":
            raise Unanswered("the line went dead")
        return _said({"id": number})


def _said(body: Any) -> Response:
    body = {"code": body, "message": "no"} if isinstance(body, str) else body
    return Response(200, {}, json.dumps(body, ensure_ascii=False).encode())


def _read_code(body: Any) -> tuple[str, str]:
    error = body if isinstance(body, dict) else {}
    return str(error.get("code") or ""), str(error.get("message") or "")


class NoticeBoard:
    """One notice board."""

    label = "公告栏"
    kind: ClassVar[str] = "notice"
    limits: ClassVar[Mapping[str, int]] = {"words": 200}
    reconcile: ClassVar[Reconcile] = Reconcile.LIST
    settle_s: ClassVar[float] = 30
    can_correct: ClassVar[bool] = True
    can_withdraw: ClassVar[bool] = True
    publishes_later: ClassVar[bool] = False
    once_steps: ClassVar[frozenset[str]] = frozenset({"hang"})
    repeatable_steps: ClassVar[frozenset[str]] = frozenset({"change", "remove"})
    list_window: ClassVar[int] = 0
    list_reads: ClassVar[int] = 0
    tend_s: ClassVar[float] = 0

    def __init__(self, account: Account, house: House) -> None:
        if account.secret is None:
            raise NotConfigured("公告栏没有登记令牌，请管理员补全")
        self.account, self.house = account, house
        self.wire = Wire(house, account, Platform("board", _read_code, self._token, read_codes(CODES)))

    def check(self, content: Content) -> list[Problem]:
        length = len(self._words(content))
        most = self.limits["words"]
        return [Problem("summary", f"公告栏最多 {most} 字，现有 {length} 字，请缩短。")] if length > most else []

    def render(self, content: Content) -> Payload:
        template = {"words": self._words(content), "mark": slot("copy_link")}
        return Payload(template, digest_of(template))

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        body = self._body(payload, key)
        answer = journal.once("hang", partial(self._ask, "POST", "", "publish", body))
        return self._receipt(need_field(answer, "id"))

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt:
        body = self._body(payload, key)
        journal.repeatable("change", partial(self._ask, "PUT", live.remote_id, "publish", body))
        return live

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt:
        remove = partial(self._ask, "DELETE", live.remote_id, "withdraw")
        journal.repeatable("remove", partial(tolerate, NO_NOTICE, remove))
        return Receipt("sent", live.remote_id, live.url)

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        raise Refused(Effect.REFUSED, "reply", "公告栏没有评论，不支持回复")

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided:
        notices = self._ask("GET", "", "reconcile")
        ours = next((each["id"] for each in notices if each["mark"] == key.mark), None)
        return self._receipt(ours) if ours else Absent({"shown": len(notices)})

    def poll(self, receipt: Receipt) -> Receipt:
        return receipt

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided:
        try:
            return Live(self._ask("GET", receipt.remote_id, "withdraw")["words"], receipt.url)
        except Refused as error:
            if error.code != NO_NOTICE:
                raise
            return Gone()

    def tend(self) -> int:
        return 0

    def _words(self, content: Content) -> str:
        return f"{content.title}：{content.summary}"

    def _body(self, payload: Payload, key: Key) -> dict[str, str]:
        values = {"copy_link": key.mark}
        body: dict[str, str] = bind(payload.template, values)
        prove(payload, body, values)
        return body

    def _ask(self, method: str, name: str, purpose: str, body: dict[str, str] | None = None) -> Any:
        request = Request(method, f"{HOST}/notices/{name}", json=body)
        return self.wire.send_with_token("notices", lambda token: with_token(request, token), purpose)

    def _receipt(self, number: str) -> Receipt:
        return Receipt("confirmed", number, f"{HOST}/notices/{number}")

    def _token(self) -> Fetched:
        secret = self.house.vault.decrypt_json(self.account.secret or b"")
        return Fetched(secret["access_token"], 3600.0)
