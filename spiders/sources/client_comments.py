"""Comments in the client app: JSON after a cursor, oldest first. Each read begins at the oldest undecided comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from scrapy.http import Request, Response

from core.inbox import Found
from spiders.items import CopyRef, Gap, Page, Span
from spiders.reader import Reader, decode
from spiders.site import found_comment

PAGE_ROWS = 200
REREAD_IDS = 200  # comment numbers below the cursor that are read again: likes and decisions change


class ClientComments(Reader):
    """`/client/items/<id>/comments?after=&limit=`; state: `after` the last id, `undecided` those that wait."""

    name = "client_comments"
    what = "客户端评论"
    counted = "comments"
    platform = "site"

    def is_known(self, copy: CopyRef) -> bool:
        """Our own feed knows an item by its article."""
        return True

    def first_requests(self) -> Iterable[Request]:
        """One list for each due copy."""
        for copy in self.due_copies():
            yield self.ask_page(copy, start_after(self.visit.state(copy.key)))

    def ask_page(self, copy: CopyRef, after: int) -> Request:
        """Comments with numbers above `after`."""
        url = self.base(self.visit.house.settings.site_url, f"/client/items/{copy.article_id}/comments")
        params = {"after": after, "limit": PAGE_ROWS}
        return self.ask(url, "", self.read_page, copy, params=params, after=after)

    def read_page(self, response: Response, copy: CopyRef, after: int) -> Iterator[Page | Gap | Request]:
        """A page, and the next one while the feed names where it begins."""
        content = decode(response)
        rows = [parse_comment(row, copy) for row in content["items"]]
        following = content.get("next")
        state = move(self.visit.state(copy.key), after, rows)
        if following is None:
            state["at"] = self.visit.now().timestamp()
        span = Span(copy.id, str(after + 1), max((row.external_id for row in rows), key=int)) if rows else None
        yield Page(rows=[(copy, row) for row in rows], span=span, cursor=self.visit.keep(copy.key, state))
        if following is None:
            self.finish(copy)
        else:
            yield self.ask_page(copy, int(following))


def start_after(state: dict[str, Any]) -> int:
    """Where a read begins: some numbers before the cursor, or before the oldest comment that waits for a decision."""
    undecided = [int(each) for each in state.get("undecided", [])]
    return max(0, min([int(state.get("after", 0)) - REREAD_IDS, *[each - 1 for each in undecided]]))


def move(state: dict[str, Any], after: int, rows: list[Found]) -> dict[str, Any]:
    """The state after a page that began above `after`; what it no longer shows as waiting is no longer waited for."""
    numbers = [int(row.external_id) for row in rows]
    top = max(numbers, default=after)
    waiting = {int(each) for each in state.get("undecided", []) if not after < int(each) <= top}
    waiting |= {int(row.external_id) for row in rows if row.hidden}
    kept = {key: value for key, value in state.items() if key not in ("at", "absent")}
    return {**kept, "after": max(int(state.get("after", 0)), top), "undecided": sorted(waiting)}


def parse_comment(row: dict[str, Any], copy: CopyRef) -> Found:
    """A comment of the feed; numbers and empty parents become text."""
    fields = {key: "" if value is None else str(value) for key, value in row.items()}
    return found_comment({**fields, "time": fields["posted_at"]}, copy)
