"""The sources: spider name -> (account kind, Chinese name, "module:Class"). A new one is one file and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

TABLE: dict[str, tuple[str, str, str]] = {
    "weibo_comments": ("weibo", "微博评论", "spiders.sources.weibo_comments:WeiboComments"),
    "weibo_reposts": ("weibo", "微博转发", "spiders.sources.weibo_reposts:WeiboReposts"),
    "weibo_counts": ("weibo", "微博互动数", "spiders.sources.weibo_counts:WeiboCounts"),
    "wechat_comments": ("wechat", "微信留言", "spiders.sources.wechat_comments:WechatComments"),
    "portal_comments": ("website", "网站评论", "spiders.sources.portal_comments:PortalComments"),
    "portal_counts": ("website", "网站互动数", "spiders.sources.portal_counts:PortalCounts"),
    "client_comments": ("client", "客户端评论", "spiders.sources.client_comments:ClientComments"),
    "client_counts": ("client", "客户端互动数", "spiders.sources.client_counts:ClientCounts"),
}


def spiders_of(kind: str) -> list[str]:
    """The spiders that read an account of this kind."""
    return [name for name, (of_kind, _label, _path) in TABLE.items() if of_kind == kind]


def load_spider(name: str) -> Any:
    """The spider's class; KeyError for a name that is not in the table."""
    module, _, attribute = TABLE[name][2].partition(":")
    return getattr(import_module(module), attribute)
