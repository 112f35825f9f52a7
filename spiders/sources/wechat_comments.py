"""Comments under our WeChat articles by `comment/list`: no cursor and no since-time, so every read is a whole re-read.

Page until an empty page (`total` is only the page's length), 49 at a time (50 is refused), index from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from scrapy.http import Request, Response

from core.inbox import Found
from core.models.words import MentionKind
from spiders.items import CopyRef, Counts, Listing, Page
from spiders.reader import Reader, decode

PAGE_ROWS = 49
API = "comment/list"
Place = tuple[str, int]  # msg_data_id, index of the article in its message


class WechatComments(Reader):
    """A list that was broken off goes on where it stopped, and is then read once more from the top."""

    name = "wechat_comments"
    what = "微信留言"
    platform = "wechat"

    def first_requests(self) -> Iterable[Request]:
        """One list for each due article."""
        for copy in self.due_copies():
            begin = int((self.visit.state(copy.key).get("open") or {}).get("begin", 0))
            yield self.ask_page(copy, begin, set() if begin == 0 else None)

    def is_known(self, copy: CopyRef) -> bool:
        """Comments are asked for by the message's id, which comes with the publish receipt."""
        return bool(place_of(copy)[0])

    def ask_page(self, copy: CopyRef, begin: int, ids: set[str] | None) -> Request:
        """`ids` gathers what the list holds; None when this reading did not begin at its top."""
        message, index = place_of(copy)
        body = {"msg_data_id": int(message), "index": index, "begin": begin, "count": PAGE_ROWS, "type": 0}
        url = self.base(self.visit.house.settings.wechat_base_url, "/cgi-bin/comment/list")
        return self.ask(url, API, self.read_page, copy, body=body, begin=begin, ids=ids)

    def read_page(
        self, response: Response, copy: CopyRef, begin: int, ids: set[str] | None
    ) -> Iterator[Page | Request]:
        """A page with rows leads to the next; the empty one ends the list."""
        content = decode(response)
        rows = [parse_comment(row, place_of(copy)) for row in content.get("comment") or []]
        if rows:
            if ids is not None:
                ids.update(row.external_id for row in rows)
            cursor = self.visit.keep(copy.key, {**self.visit.state(copy.key), "open": {"begin": begin + len(rows)}})
            yield Page(rows=[(copy, row) for row in rows], cursor=cursor)
            yield self.ask_page(copy, begin + len(rows), ids)
            return
        yield self.close_list(copy, ids, content)
        if ids is None:
            yield self.ask_page(copy, 0, set())
        else:
            self.finish(copy)

    def close_list(self, copy: CopyRef, ids: set[str] | None, content: Mapping[str, Any]) -> Page:
        """The end of a list: its cursor, how many there are, and what is gone from it."""
        cursor = self.visit.keep(copy.key, {"at": self.visit.now().timestamp()})
        told = content.get("comment_cnt")
        whole = ids is not None and (told is None or len(ids) >= int(told))
        listing = Listing(copy.id, frozenset(ids)) if whole and ids is not None else None
        counts = [Counts(copy.id, comments=int(told))] if told is not None else []
        return Page(cursor=cursor, listing=listing, counts=counts)


def place_of(copy: CopyRef) -> Place:
    """The message id and 0-based index kept in the copy's receipt; an empty id when WeChat has not told it yet."""
    return str(copy.remote.get("msg_data_id") or ""), int(copy.remote.get("index") or 0)


def parse_comment(row: Mapping[str, Any], place: Place) -> Found:
    """A comment as WeChat gives it. Our own answer stands inside it and is no mention; `openid` may be missing."""
    return Found(
        kind=MentionKind.COMMENT,
        external_id=f"{place[0]}-{place[1]}-{row['user_comment_id']}",
        parent_external_id="",
        author_name="",
        author_key=str(row.get("openid") or ""),
        text=str(row.get("content") or ""),
        url="",
        posted_at=datetime.fromtimestamp(int(row.get("create_time") or 0), UTC),
    )


