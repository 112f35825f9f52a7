"""Likes, comments and reposts of our Weibo posts by `statuses/count`, 100 posts a request; an id left out is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from scrapy.http import Request, Response

from core.inbox import Counts
from spiders.items import CopyRef, Page
from spiders.reader import Reader, decode

IDS_A_REQUEST = 100


class WeiboCounts(Reader):
    """Snapshots of every live or lately gone post."""

    name = "weibo_counts"
    what = "微博互动数"
    platform = "weibo"

    def first_requests(self) -> Iterable[Request]:
        """One request for each hundred posts, newest first."""
        copies = self.due_copies()
        url = self.base(self.visit.house.settings.weibo_base_url, "/2/statuses/count.json")
        for start in range(0, len(copies), IDS_A_REQUEST):
            batch = copies[start : start + IDS_A_REQUEST]
            params = {"ids": ",".join(copy.remote_id for copy in batch)}
            yield self.ask(url, "all", self.read_counts, None, params=params, batch=batch)

    def read_counts(self, response: Response, copy: None, batch: Sequence[CopyRef]) -> Iterator[Page]:
        """One page with the counts of the batch."""
        at = self.visit.now().timestamp()
        page = Page(counts=parse_counts(decode(response), batch))
        for each in batch:
            page.cursor.update(self.visit.keep(each.key, {"at": at}))
            self.finish(each)
        yield page


def parse_counts(rows: Any, batch: Sequence[CopyRef]) -> list[Counts]:
    """Counts of each post of the batch; `exists` False for those Weibo leaves out."""
    told = {str(row["id"]): row for row in rows or [] if isinstance(row, dict) and row.get("id")}
    return [_count(copy.id, told.get(copy.remote_id)) for copy in batch]


def _count(copy_id: int, row: dict[str, Any] | None) -> Counts:
    if row is None:
        return Counts(copy_id, exists=False)
    return Counts(
        copy_id,
        likes=int(row.get("attitudes") or 0),
        comments=int(row.get("comments") or 0),
        reposts=int(row.get("reposts") or 0),
    )
