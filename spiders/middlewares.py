"""Between the engine and the network: address guard, credentials, request budget, and the platform's own verdict.

Every attempt passes all of them, retries too. A verdict that concerns the whole run stops the visit; one that concerns
one request goes to the spider's errback as `Unread`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self
from urllib.parse import urlencode

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response

from core.errors import AddressRefused, ChannelError
from core.http import NotSent, mask
from spiders import platforms
from spiders.items import Trouble
from spiders.paces import may_use
from spiders.platforms import Judgement
from spiders.tokens import fetch_stable_token
from spiders.visits import Visit, visit_of

TRIES = 3  # of one request, the first included
MOST_MISSES = 5  # requests given up in one run before the run stops
RETRY_LATER_S = 3600.0


class Stopped(IgnoreRequest):
    """The visit was stopped before this request went out."""


class Unread(IgnoreRequest):
    """This one request came to nothing; `judgement` says why."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__(judgement.text)
        self.judgement = judgement


class Middleware:
    """A middleware that knows the visit of its spider."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(visit_of(crawler))

    def stop(self, effect: str, text: str, code: str = "", wait_s: float = 0.0) -> Stopped:
        """Stop the visit; gives the exception to raise."""
        self.visit.stop(Trouble(effect, text, code, wait_s))
        return Stopped(text)


class AddressGuard(Middleware):
    """Lets only addresses through that the outbound door would reach; robots.txt requests included."""

    async def process_request(self, request: Request) -> None:
        if self.visit.trouble:
            raise Stopped(self.visit.trouble.text)
        try:
            await asyncio.to_thread(self.visit.house.door.check, request.url)
        except AddressRefused as error:
            raise self.stop(platforms.DISABLED, error.text) from error
        except NotSent as error:
            raise Unread(Judgement(platforms.AGAIN, "dns", f"域名无法解析（{error.reason}）")) from error


class Credentials(Middleware):
    """Adds what proves who we are right before each attempt: Weibo's header, WeChat's token, the portal's signature."""

    async def process_request(self, request: Request) -> Request | None:
        platform = request.meta.get("platform")
        if platform == "weibo":
            request.headers["Authorization"] = f"OAuth2 {self._weibo_token()}"
        elif platform == "site":
            request.headers.update(sign_headers(self.visit, request.url))
        elif platform == "wechat" and "token" not in request.meta:
            token = await asyncio.to_thread(self._wechat_token)
            url = f"{request.url}?{urlencode({'access_token': token})}"
            meta = {**request.meta, "token": token, "bare": request.url}
            return request.replace(url=url, meta=meta, dont_filter=True)
        return None

    def _weibo_token(self) -> str:
        flagged = self.visit.house.tokens.flagged(self.visit.account.id)
        token = self.visit.secret().get("access_token", "")
        if flagged or not token:
            raise self.stop(platforms.CREDENTIAL, flagged or "微博账号没有授权，请在账号页重新授权")
        return str(token)

    def _wechat_token(self) -> str:
        house, account = self.visit.house, self.visit.account
        try:
            return house.tokens.get(account.id, lambda: fetch_stable_token(house, account, self.visit.secret()))
        except ChannelError as error:
            text = f"取不到微信凭据：{error.platform_message}"
            raise self.stop(error.effect, text, error.code, getattr(error, "retry_after_s", 0.0)) from error


class RequestBudget(Middleware):
    """Takes each request from the account's daily budget; when collecting may have no more, the run ends politely."""

    async def process_request(self, request: Request) -> None:
        api, limit = request.meta.get("budget", ("", 0))
        if api and not await asyncio.to_thread(self._take, api, may_use(self.visit.spider, limit)):
            text = f"今日接口额度 {limit} 次中可用于这类采集的部分已用完"
            raise self.stop("budget", text, wait_s=RETRY_LATER_S)
        self.visit.requests += 1

    def _take(self, api: str, limit: int) -> bool:
        return self.visit.house.budget.take(self.visit.account.id, api, "collect", limit)


class Verdict(Middleware):
    """Judges every answer by the platform's table: retries what is worth it, renews a token once, stops when told."""

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        platform = request.meta.get("platform")
        if platform is None:
            return response
        judgement = platforms.judge(platform, response.status, response.body)
        if judgement.effect == platforms.DONE:
            self.visit.answers += 1
            return response
        if judgement.effect == platforms.AGAIN:
            return await self._again(request, judgement)
        if judgement.effect == platforms.CREDENTIAL:
            return await self._renew(request, judgement)
        if judgement.effect == platforms.ABSENT:
            self.visit.answers += 1
            raise Unread(judgement)
        if judgement.effect == platforms.REFUSED:
            raise self._miss(judgement)
        raise self.stop(judgement.effect, judgement.text, judgement.code, judgement.wait_s)

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        if isinstance(exception, IgnoreRequest) or request.meta.get("platform") is None:
            return None
        reason = f"{type(exception).__name__}：{mask(str(exception))[:160]}"
        return await self._again(request, Judgement(platforms.AGAIN, "network", f"网络错误（{reason}）", 2))

    async def _again(self, request: Request, judgement: Judgement) -> Request:
        tries = int(request.meta.get("tries", 1))
        if tries >= TRIES:
            raise self._miss(judgement)
        await asyncio.sleep(judgement.wait_s * tries / self.visit.house.settings.time_factor)
        return repeat(request, tries=tries + 1)

    async def _renew(self, request: Request, judgement: Judgement) -> Request:
        """WeChat: drop the dead token and ask once more. Otherwise a person has to act: the account is flagged."""
        house, account_id = self.visit.house, self.visit.account.id
        if request.meta["platform"] == "wechat" and not request.meta.get("renewed"):
            await asyncio.to_thread(house.tokens.expired, account_id, str(request.meta.get("token", "")))
            return repeat(request, renewed=True)
        await asyncio.to_thread(house.tokens.flag, account_id, judgement.text)
        raise self.stop(platforms.CREDENTIAL, judgement.text, judgement.code)

    def _miss(self, judgement: Judgement) -> IgnoreRequest:
        self.visit.misses += 1
        if self.visit.misses >= MOST_MISSES:
            return self.stop(platforms.REFUSED, judgement.text, judgement.code)
        return Unread(judgement)


def repeat(request: Request, **meta: Any) -> Request:
    """The same request for another attempt, with a token of its own."""
    kept = {key: value for key, value in request.meta.items() if key not in ("token", "bare")}
    return request.replace(url=request.meta.get("bare", request.url), meta={**kept, **meta}, dont_filter=True)


def sign_headers(visit: Visit, url: str) -> dict[str, str]:
    """The signature by which our own portal shows the collector what waits for a decision; valid for minutes."""
    moment = str(int(time.time()))
    path = Request(url).url.split("://", 1)[1].partition("/")[2].partition("?")[0]
    signature = visit.house.vault.sign("collector", f"{moment}\n/{path}")
    return {"X-Wenzheng-Time": moment, "X-Wenzheng-Signature": signature}
