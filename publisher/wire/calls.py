"""One call to a platform: budget, token, send, classify by the body's code and the table. Retries nothing.

Within `total_deadline` every call, token refresh included, shares one end on the monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from core.errors import (
    AccountDisabled,
    AddressRefused,
    ChannelError,
    CredentialExpired,
    OutcomeUnknown,
    Refused,
    Throttled,
    Transient,
)
from core.house import House
from core.http import NotSent, Request, Response, Unanswered, mask
from core.models import Account
from core.ports import Effect
from core.tokens import Fetched
from publisher.wire.codes import Codes, Limit, Rule, load_codes

KEPT = 600
BUDGET_WAIT_S = 600.0
_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def total_deadline(seconds: float) -> Iterator[None]:
    """Everything sent inside ends within `seconds`, counted now; used for once-only steps."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


@dataclass(frozen=True)
class Platform:
    """How a platform speaks: its name, how a body tells code and message, where tokens come from, and its code table.

    Without `codes` the table is `core/platforms/<name>.toml`; a third party's channel brings its own.
    """

    name: str
    read_code: Callable[[Any], tuple[str, str]]  # parsed body -> (code or "", message)
    fetch_token: Callable[[], Fetched] | None = None
    codes: Codes | None = None


class Wire:
    """Calls of one account. `purpose` (publish, reconcile, withdraw, test) says whose share of the budget is used."""

    def __init__(self, house: House, account: Account, platform: Platform) -> None:
        self.house, self.account, self.platform = house, account, platform
        self.codes: Codes = platform.codes or load_codes(platform.name)

    def send(self, api: str, request: Request, purpose: str) -> Any:
        """Send one request and give its parsed body; ChannelError kinds by effect (ledger §4)."""
        self._take_budget(api, purpose)
        return classify(self.codes, self.platform, api, self._exchange(request))

    def send_with_token(self, api: str, build: Callable[[str], Request], purpose: str) -> Any:
        """The same with the account's token; a dead token is refreshed once, then the account is flagged."""
        token = self._token()
        try:
            return self.send(api, build(token), purpose)
        except CredentialExpired as error:
            self.house.tokens.expired(self.account.id, token)
            return self._once_more(api, build, purpose, token, error)

    def _once_more(
        self, api: str, build: Callable[[str], Request], purpose: str, dead: str, error: CredentialExpired
    ) -> Any:
        token = self._token()
        try:
            if token == dead:
                raise error
            return self.send(api, build(token), purpose)
        except CredentialExpired as final:
            self.house.tokens.flag(self.account.id, final.text)
            raise

    def _token(self) -> str:
        if self.platform.fetch_token is None:
            raise CredentialExpired(Effect.CREDENTIAL, "none", "账号没有凭据")
        return self.house.tokens.get(self.account.id, self.platform.fetch_token)

    def _take_budget(self, api: str, purpose: str) -> None:
        limit = self.codes.limit(api)
        if limit and not self.house.budget.take(self.account.id, limit.api, purpose, self._a_day(limit)):
            text = f"今日“{limit.api}”接口次数已到预留线，稍后再试"
            raise Throttled(Effect.THROTTLED, "budget", text, retry_after_s=BUDGET_WAIT_S)

    def _a_day(self, limit: Limit) -> int:
        return int(self.account.settings.get(limit.setting) or limit.a_day) if limit.setting else limit.a_day

    def _exchange(self, request: Request) -> Response:
        settings = self.house.settings
        left_s = settings.call_s / settings.time_factor
        ends_at = _ends_at.get()
        if ends_at is not None:
            left_s = min(left_s, ends_at - time.monotonic())
        if left_s <= 0:
            raise Transient(Effect.NOT_SENT, "deadline", "本次调用时间已用完，未发出")
        try:
            return self.house.door.send(request, left_s, fresh=ends_at is not None)
        except NotSent as error:
            raise Transient(Effect.NOT_SENT, "not_sent", "未能连接平台，尚未发出", str(error)[:KEPT]) from error
        except AddressRefused as error:
            raise AccountDisabled(Effect.DISABLED, "address", error.text) from error
        except Unanswered as error:
            raise OutcomeUnknown(
                Effect.UNKNOWN, "unanswered", "请求已发出，没有收到完整答复", str(error)[:KEPT]
            ) from error


def classify(codes: Codes, platform: Platform, api: str, response: Response) -> Any:
    """The parsed body of a call that was done; otherwise the error its code stands for, never by status alone."""
    try:
        body = response.json()
        code, message = platform.read_code(body)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise OutcomeUnknown(Effect.UNKNOWN, f"http {response.status}", "平台的答复无法解析", _kept(response)) from None
    if not code:
        if 200 <= response.status < 300:
            return body
        raise OutcomeUnknown(Effect.UNKNOWN, f"http {response.status}", "平台的答复没有结果代码", _kept(response))
    raise error_for(codes.rule(api, code), code, message, _kept(response))


def _kept(response: Response) -> str:
    return mask(response.text())[:KEPT]


def error_for(rule: Rule, code: str, message: str, raw: str) -> ChannelError:
    """The error kind of a table line."""
    text = f"{rule.text}（{code} {mask(message)[:80]}）。{rule.fix}"
    if rule.effect in (Effect.THROTTLED, Effect.NOT_SENT):
        kind = Throttled if rule.effect is Effect.THROTTLED else Transient
        return kind(rule.effect, code, text, raw, rule.retry_s)
    kinds: dict[Effect, type[ChannelError]] = {
        Effect.REFUSED: Refused,
        Effect.CREDENTIAL: CredentialExpired,
        Effect.DISABLED: AccountDisabled,
    }
    return kinds.get(rule.effect, OutcomeUnknown)(rule.effect, code, text, raw)


def need_field(body: Any, *names: str) -> str:
    """The first of the named fields as text; OutcomeUnknown when a done call's body has none of them."""
    for name in names:
        value = body.get(name) if isinstance(body, dict) else None
        if value not in (None, "", 0):
            return str(value)
    raise OutcomeUnknown(Effect.UNKNOWN, "no_" + names[0], "平台的答复缺少编号，不能断定结果", mask(str(body))[:KEPT])


def tolerate(code: str, call: Callable[[], Any]) -> bool:
    """Call; False when the platform refuses with `code`, which says that what we ask for is so already."""
    try:
        call()
    except Refused as error:
        if error.code != code:
            raise
        return False
    return True


def with_token(request: Request, token: str) -> Request:
    """The request with `access_token` in its query, where WeChat wants it."""
    return replace(request, params={**(request.params or {}), "access_token": token})
