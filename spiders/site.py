"""What the published site and the client feed share: counts and the fields of a comment. Both are our own portal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from scrapy.http import Request, Response

from core.inbox import Counts, Found
from core.models.words import CommentState, MentionKind
from spiders.items import CopyRef, Page
from spiders.reader import Reader, decode


class SiteCounts(Reader):
    """Likes and comments of every item from its `counts` address (JSON)."""

    platform = "site"
    prefix: ClassVar[str]  # before /<article id>/counts

    def is_known(self, copy: CopyRef) -> bool:
        """Our own site knows an item by its article."""
        return True

    def first_requests(self) -> Iterable[Request]:
        """One request an item."""
        for copy in self.due_copies():
            url = self.base(self.visit.house.settings.site_url, f"{self.prefix}/{copy.article_id}/counts")
            yield self.ask(url, "", self.read_counts, copy)

    def read_counts(self, response: Response, copy: CopyRef) -> Iterator[Page]:
        """One snapshot."""
        content = decode(response)
        counts = Counts(copy.id, likes=int(content["likes"]), comments=int(content["comments"]))
        self.finish(copy)
        yield Page(counts=[counts], cursor=self.visit.keep(copy.key, {"at": self.visit.now().timestamp()}))


def found_comment(row: dict[str, str], copy: CopyRef) -> Found:
    """A site comment from its fields `id, parent, author, text, time, likes, state`; pending ones are not public."""
    parent = row.get("parent") or ""
    return Found(
        kind=MentionKind.REPLY if parent else MentionKind.COMMENT,
        external_id=row["id"],
        parent_external_id=parent,
        author_name=row.get("author") or "",
        author_key=row.get("author") or "",
        text=row.get("text") or "",
        url=copy.url,
        posted_at=datetime.fromisoformat(row["time"]),
        likes=int(row.get("likes") or 0),
        hidden=row.get("state") == CommentState.PENDING,
    )
