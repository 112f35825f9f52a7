"""The demonstration's accounts on the sandbox, and the people who write under the item there and on the portal."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import Any

from core.audit import Actor
from core.house import House
from core.models import Copy
from core.models.words import ChannelKind, Role
from publisher.accounts import Entry, create_account
from sandbox.player import play_evening
from sandbox.replay import ask

NAME = "东城发布"


class Platforms:
    """The sandbox's control side, as an operator would use it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def account(self, platform: str, **settings: Any) -> dict[str, Any]:
        """Open an account there and return its credentials."""
        return ask(self.address, "/control/accounts", {"platform": platform, **settings})


def connect_accounts(house: House, platforms: Platforms) -> None:
    """Website, Weibo, WeChat and client account, with credentials of the sandbox."""
    actor = Actor(None, "演示", frozenset({Role.ADMINISTRATOR}))
    site_host = house.settings.site_url.removeprefix("http://").split(":")[0]
    weibo = platforms.account("weibo", screen_name=NAME, safe_domains=[site_host])
    push = platforms.account("jpush", name=f"{NAME}客户端")
    token = secrets.token_hex(12)
    # The callback address holds our account id, which is the third row made below.
    callback = f"{house.settings.site_url}/callbacks/wechat/3"
    wechat = platforms.account("wechat", name=NAME, callback_url=callback, callback_token=token, audit_s=6)
    rows: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
        (ChannelKind.WEBSITE, f"{NAME}网站", {"site_name": house.settings.site_name}, {}),
        (
            ChannelKind.WEIBO,
            f"{NAME}微博",
            {
                "uid": weibo["uid"],
                "safe_domains": weibo["safe_domains"],
                "client_id": weibo["client_id"],
                "requests_a_day": 1_000_000,  # the sandbox runs in its commercial regime
            },
            {"access_token": weibo["access_token"], "client_secret": weibo["client_secret"]},
        ),
        (
            ChannelKind.WECHAT,
            f"{NAME}公众号",
            {"appid": wechat["appid"]},
            {"secret": wechat["secret"], "callback_token": token},
        ),
        (
            ChannelKind.CLIENT,
            f"{NAME}客户端",
            {"app_key": push["app_key"], "audience": "all", "push": True},
            {"master_secret": push["master_secret"]},
        ),
    ]
    with house.db.write() as session:
        for kind, name, settings, secret in rows:
            create_account(session, actor, kind, Entry(name, settings, secret), house.vault, house.clock.now())


def start_evening(platforms: Platforms, portal_url: str, copies: Sequence[Copy], speed: float) -> None:
    """Let the crowd loose under the live copies; the portal's visitors come from a thread of this process."""
    items = {copy.account.kind: copy.remote_id for copy in copies}
    for kind in (ChannelKind.WEBSITE, ChannelKind.CLIENT):
        if kind in items:
            items[kind] = str(next(copy.article_id for copy in copies if copy.account.kind == kind))
    arguments = (platforms.address, portal_url, items, speed)
    threading.Thread(target=play_evening, args=arguments, daemon=True, name="evening").start()
