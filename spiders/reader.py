"""What every spider shares: asking with the right meta, and saying what could not be read. No platform's facts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from scrapy import Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from spiders.items import CopyRef, Gap, Page
from spiders.middlewares import Stopped, Unread
from spiders.paces import requests_a_day
from spiders.platforms import ABSENT
from spiders.visits import Visit
from spiders.walks import is_due, note_absent


class Reader(Spider):
    """A spider of one source. Subclasses give `first_requests` and read answers in callbacks."""

    platform: ClassVar[str]  # weibo | wechat | site: whose codes judge the answers
    what: ClassVar[str]  # what is read, in Chinese, for notes
    counted: ClassVar[str] = ""  # the snapshot column that says how many there are: comments | reposts
    visit: Visit

    def __init__(self, visit: Visit, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.visit = visit
        visit.counted = self.counted

    async def start(self) -> AsyncIterator[Request]:
        """The first requests, one after another as the engine has room."""
        for request in self.first_requests():
            yield request

    def first_requests(self) -> Iterable[Request]:
        """What this run reads; every list it will read is announced by `expect` before its first request."""
        raise TypeError(f"{type(self).__name__} has no first requests")

    def due_copies(self) -> list[CopyRef]:
        """The copies whose list is read in this run, newest first; each is announced."""
        now = self.visit.now()
        due = [
            copy
            for copy in self.visit.copies
            if self.is_known(copy)
            and is_due(self.visit.state(copy.key), (now - copy.published_at).total_seconds(), now.timestamp())
        ]
        for copy in due:
            self.expect(copy)
        return due

    def is_known(self, copy: CopyRef) -> bool:
        """Whether the platform has told the id by which the copy is read."""
        return bool(copy.remote_id)

    def expect(self, copy: CopyRef | None) -> None:
        """Announce a list; what stays announced at the end of the run is reported as unread."""
        key = copy.id if copy else None
        self.visit.pending[key] = f"《{copy.title}》的{self.what}" if copy else self.what

    def finish(self, copy: CopyRef | None) -> None:
        """A list was read to its end."""
        self.visit.pending.pop(copy.id if copy else None, None)

    def ask(self, url: str, api: str, callback: Any, copy: CopyRef | None = None, **more: Any) -> Request:
        """A request of this account. `more`: `params` (query), `body` (JSON to post), `web` (robots.txt), cb_kwargs."""
        params, body, web = more.pop("params", None), more.pop("body", None), more.pop("web", False)
        limit = requests_a_day(self.visit.account.kind, self.visit.account.settings)
        meta = {"platform": self.platform, "budget": (api if limit else "", limit), "dont_obey_robotstxt": not web}
        return Request(
            f"{url}?{urlencode(params)}" if params else url,
            method="GET" if body is None else "POST",
            body=b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            callback=callback,
            errback=self.unread,
            cb_kwargs={"copy": copy, **more},
            meta=meta,
            dont_filter=True,
        )

    def unread(self, failure: Failure) -> Iterator[Page | Gap | Request]:
        """A request came to nothing. When the whole run was stopped, the end of the run says what is left."""
        request: Request = failure.request  # type: ignore[attr-defined]  # set by Scrapy
        copy, error = request.cb_kwargs.get("copy"), failure.value
        label = self.visit.pending.get(copy.id if copy else None, self.what)
        if isinstance(error, Unread):
            self.finish(copy)
            absent = error.judgement.effect == ABSENT
            yield Gap(copy.id if copy else None, f"{label}未读：{error}", state="skipped" if absent else "failed")
            if absent and copy:
                yield Page(cursor=self.visit.keep(copy.key, note_absent(self.visit.now().timestamp())))
        elif isinstance(error, IgnoreRequest) and not isinstance(error, Stopped):
            self.finish(copy)
            yield Gap(copy.id if copy else None, f"{label}未读：站点的 robots.txt 不允许读取", state="skipped")

    def base(self, url: str, path: str) -> str:
        """An address under a configured base."""
        return f"{url.rstrip('/')}{path}"


def decode(response: Response) -> Any:
    """The JSON of an answer that the verdict has already found good."""
    return json.loads(response.body)
