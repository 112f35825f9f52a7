"""Likes and comment counts of the published site."""

from __future__ import annotations

from spiders.site import SiteCounts


class PortalCounts(SiteCounts):
    """`/items/<id>/counts`."""

    name = "portal_counts"
    what = "网站互动数"
    prefix = "/items"
