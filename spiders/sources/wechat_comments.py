"""Comments under our WeChat articles by `comment/list`: no cursor and no since-time, so every read is a whole re-read.

Page until an empty page (`total` is only the page's length), 49 at a time (50 is refused), index from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scrapy.http import Response

from core.inbox import Found
from core.models.words import MentionKind
from spiders.items import CopyRef
from spiders.listing import WholeList
from spiders.reader import decode

PAGE_ROWS = 49
API = "comment/list"
Place = tuple[str, int]  # msg_data_id, index of the article in its message


class WechatComments(WholeList):
    """Comments are asked for by the message's id, which comes with the publish receipt."""

    name = "wechat_comments"
    what = "微信留言"
    counted = "comments"
    platform = "wechat"
    first_place = 0

    def is_known(self, copy: CopyRef) -> bool:
        """Whether WeChat has told the message's id."""
        return bool(place_of(copy)[0])

    def page(self, copy: CopyRef, place: int) -> dict[str, Any]:
        """Comments from offset `place`."""
        message, index = place_of(copy)
        body = {"msg_data_id": int(message), "index": index, "begin": place, "count": PAGE_ROWS, "type": 0}
        url = self.base(self.visit.house.settings.wechat_base_url, "/cgi-bin/comment/list")
        return {"url": url, "api": API, "body": body}

    def take(self, response: Response, copy: CopyRef) -> Sequence[Found]:
        """The comments of a page."""
        return [parse_comment(row, place_of(copy)) for row in decode(response).get("comment") or []]

    def next_place(self, place: int, rows: Sequence[Found]) -> int:
        """Offsets count rows."""
        return place + len(rows)

    def told(self, response: Response) -> int | None:
        """`comment_cnt`, where it is given."""
        count = decode(response).get("comment_cnt")
        return None if count is None else int(count)


def place_of(copy: CopyRef) -> Place:
    """The message id and 0-based index kept in the copy's receipt; an empty id when WeChat has not told it yet."""
    return str(copy.remote.get("msg_data_id") or ""), int(copy.remote.get("index") or 0)


def parse_comment(row: Mapping[str, Any], place: Place) -> Found:
    """A comment as WeChat gives it. Our own answer stands inside it and is no mention; `openid` may be missing."""
    return Found(
        kind=MentionKind.COMMENT,
        external_id=f"{place[0]}:{place[1]}:{row['user_comment_id']}",
        parent_external_id="",
        author_name="",
        author_key=str(row.get("openid") or ""),
        text=str(row.get("content") or ""),
        url="",
        posted_at=datetime.fromtimestamp(int(row.get("create_time") or 0), UTC),
    )
