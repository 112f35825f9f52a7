"""Likes and comment counts of the client app's feed."""

from __future__ import annotations

from spiders.site import SiteCounts


class ClientCounts(SiteCounts):
    """`/client/items/<id>/counts`."""

    name = "client_counts"
    what = "客户端互动数"
    prefix = "/client/items"
