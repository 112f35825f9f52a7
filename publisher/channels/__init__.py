"""The channels: one adapter a kind, registered by one line. `open_channel` gives the adapter of one account."""

from __future__ import annotations

from functools import cache
from typing import cast

from core.house import House
from core.models import Account
from core.ports import Channel
from core.registry import Registry, load

GROUP = "wenzheng.channels"
TABLE: dict[str, tuple[str, str]] = {
    "website": ("政府网站", "publisher.channels.website:Website"),
    "weibo": ("微博", "publisher.channels.weibo:Weibo"),
    "wechat": ("微信公众号", "publisher.channels.wechat:Wechat"),
    "client": ("客户端", "publisher.channels.client:Client"),
}


@cache
def channels() -> Registry:
    """The table and what third parties registered under the entry-point group."""
    return load(TABLE, GROUP)


def open_channel(house: House, account: Account) -> Channel:
    """The adapter of an account; NotConfigured says why there is none."""
    return cast(Channel, channels().build(account.kind, account, house))


def channel_class(kind: str) -> type[Channel]:
    """The class of a kind, for its class data; NotConfigured when unknown."""
    return cast("type[Channel]", channels().find(kind))
