"""Comments on the published site, read from its HTML pages like any web page: robots.txt is obeyed.

The pages show what waits for a decision only to a signed request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parsel import Selector
from scrapy.http import Response

from core.inbox import Found
from spiders.items import CopyRef
from spiders.listing import WholeList
from spiders.site import found_comment

FIELDS = ("id", "parent", "author", "time", "likes", "state")


class PortalComments(WholeList):
    """`/items/<id>/comments?page=N` until a page without comments."""

    name = "portal_comments"
    what = "网站评论"
    counted = "comments"
    platform = "site"
    first_place = 1

    def is_known(self, copy: CopyRef) -> bool:
        """Our own site knows an item by its article."""
        return True

    def page(self, copy: CopyRef, place: int) -> dict[str, Any]:
        """Page number `place`."""
        url = self.base(self.visit.house.settings.site_url, f"/items/{copy.article_id}/comments")
        return {"url": url, "api": "", "params": {"page": place}, "web": True}

    def take(self, response: Response, copy: CopyRef) -> Sequence[Found]:
        """The comments of a page."""
        return parse_page(response.body.decode("utf-8", "replace"), copy)


def parse_page(html: str, copy: CopyRef) -> list[Found]:
    """Every `li.comment` with its data attributes; its words stand in an element of class `text`."""
    rows = []
    for element in Selector(text=html).css("li.comment[data-id]"):
        row = {name: element.attrib.get(f"data-{name}", "") for name in FIELDS}
        words = element.xpath("./*[contains(concat(' ', @class, ' '), ' text ')]//text()").getall()
        rows.append(found_comment({**row, "text": "".join(words).strip()}, copy))
    return rows
