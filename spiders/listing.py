"""Lists without a cursor of the platform: read from the first page to an empty one, whole, every time.

A reading that was broken off goes on where it stopped, and the list is then read once more from its first page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from scrapy.http import Request, Response

from core.inbox import Found
from spiders.items import CopyRef, Gap, Listing, Page
from spiders.reader import Reader


class WholeList(Reader):
    """Subclasses say how a page is asked for and what stands on it."""

    first_place: ClassVar[int]  # of the first page: an offset or a page number

    def page(self, copy: CopyRef, place: int) -> dict[str, Any]:
        """What `ask` needs for the page at `place`: url, api and params or body."""
        raise TypeError(f"{type(self).__name__} has no pages")

    def take(self, response: Response, copy: CopyRef) -> Sequence[Found]:
        """The rows of a page; none on the page after the last."""
        raise TypeError(f"{type(self).__name__} cannot take rows")

    def next_place(self, place: int, rows: Sequence[Found]) -> int:
        """Where the page after one with `rows` begins."""
        return place + 1

    def told(self, response: Response) -> int | None:
        """How many rows the platform says there are; None when it does not say."""
        return None

    def first_requests(self) -> Iterable[Request]:
        """One list for each due copy."""
        for copy in self.due_copies():
            place = int((self.visit.state(copy.key).get("open") or {}).get("place", self.first_place))
            yield self.ask_page(copy, place, set() if place == self.first_place else None)

    def ask_page(self, copy: CopyRef, place: int, ids: set[str] | None) -> Request:
        """`ids` gathers what the list holds; None when this reading did not begin at the first page."""
        return self.ask(callback=self.read_page, copy=copy, place=place, ids=ids, **self.page(copy, place))

    def read_page(
        self, response: Response, copy: CopyRef, place: int, ids: set[str] | None
    ) -> Iterator[Page | Gap | Request]:
        """A page with rows leads to the next; the empty one ends the list."""
        rows = self.take(response, copy)
        if rows:
            if ids is not None:
                ids.update(row.external_id for row in rows)
            after = self.next_place(place, rows)
            cursor = self.visit.keep(copy.key, {"open": {"place": after}})
            yield Page(rows=[(copy, row) for row in rows], cursor=cursor)
            yield self.ask_page(copy, after, ids)
            return
        yield self.close_list(copy, ids, self.told(response))
        if ids is None:
            yield self.ask_page(copy, self.first_place, set())
        else:
            self.finish(copy)

    def close_list(self, copy: CopyRef, ids: set[str] | None, told: int | None) -> Page:
        """The end of a list: its cursor, and what is gone from it."""
        cursor = self.visit.keep(copy.key, {"at": self.visit.now().timestamp()})
        whole = ids is not None and (told is None or len(ids) >= told)
        return Page(cursor=cursor, listing=Listing(copy.id, frozenset(ids or ())) if whole else None)
