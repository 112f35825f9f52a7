"""Plays the demo's evening on live items, from outside over HTTP: the sandbox's crowd and the portal's visitors."""

from typing import Any

from .evening import Event, load_evening
from .replay import ask
from .visitors import visit


def play_evening(
    base_url: str, portal_url: str | None, items: dict[str, str], speed: float, events: list[Event] | None = None
) -> dict[str, Any]:
    """Play an evening on live items: `items` names the item per channel (weibo status id, wechat article_id, and the
    product's article id for website and client). Blocks until the portal's visitors are done; Weibo and WeChat play by
    themselves in the sandbox. Gives the number planned per channel and what the portal took.
    """
    listed = load_evening() if events is None else events
    planned: dict[str, Any] = {}
    for channel in ("weibo", "wechat"):
        if channel in items:
            wanted = [event.as_json() for event in listed if event.channel == channel]
            body = {"platform": channel, "item": items[channel], "speed": speed, "events": wanted}
            planned[channel] = ask(base_url, "/control/crowd", body)["planned"]
    if portal_url:
        there = [event for event in listed if event.channel in ("website", "client")]
        planned["portal"] = visit(portal_url, items["website"], there, speed)
    return planned
