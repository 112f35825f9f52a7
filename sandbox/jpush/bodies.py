"""JPush's rules for a push body: fields, sizes, audience. Gives the devices reached; sends nothing."""

import json
from typing import Any

from ..codes import PlatformError
from ..options import DAY_S
from ..world import World

FIELDS = {
    "platform",
    "audience",
    "notification",
    "message",
    "options",
    "cid",
    "inapp_message",
    "notification_3rd",
    "sms_message",
    "callback",
}
PLATFORMS = {"android", "ios", "quickapp", "hmos", "winphone"}
AUDIENCE = {"tag": 20, "tag_and": 20, "tag_not": 20, "alias": 1000, "registration_id": 1000, "segment": 1, "abtest": 1}
ANDROID_BYTES, IOS_BYTES, MESSAGE_BYTES = 4_000, 2_000, 4_000
NAME_BYTES = 40
MAX_LIVE_S = 10 * DAY_S


def check_push(world: World, account: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    """Check a push object (1002, 1003, 1005, 1009) and give the devices it reaches (1011 when none)."""
    if unknown := set(body) - FIELDS:
        raise PlatformError("jpush", 1009, f"Unsupported key in push object: {sorted(unknown)[0]}")
    for name in ("platform", "audience"):
        if name not in body:
            raise PlatformError("jpush", 1002, f"Missing parameter: {name}")
    if not body.get("notification") and not body.get("message"):
        raise PlatformError("jpush", 1002, "Missing parameter: notification or message")
    check_platform(body["platform"])
    check_audience(body["audience"])
    check_sizes(body)
    check_options(world, account, body.get("options") or {})
    devices = choose_devices(account, body["platform"], body["audience"])
    if not devices:
        raise PlatformError("jpush", 1011)
    return devices


def check_platform(platform: Any) -> None:
    """`"all"` or a list of known platforms."""
    if platform != "all" and not (isinstance(platform, list) and platform and set(platform) <= PLATFORMS):
        raise PlatformError("jpush", 1003, "platform is invalid")


def check_audience(audience: Any) -> None:
    """`"all"` or an object of known kinds within their sizes; tags and aliases at most 40 bytes."""
    if audience == "all":
        return
    if not isinstance(audience, dict) or not audience or not set(audience) <= set(AUDIENCE):
        raise PlatformError("jpush", 1003, "audience is invalid")
    for kind, names in audience.items():
        if not isinstance(names, list) or not 1 <= len(names) <= AUDIENCE[kind]:
            raise PlatformError("jpush", 1003, f"audience.{kind} is invalid")
        if any(len(str(name).encode()) > NAME_BYTES for name in names):
            raise PlatformError("jpush", 1003, f"audience.{kind} is too long")


def check_sizes(body: dict[str, Any]) -> None:
    """Android 4000, iOS 2000, message 4000 bytes; 1005 beyond."""
    notification = body.get("notification") or {}
    if not isinstance(notification, dict):
        raise PlatformError("jpush", 1003, "notification is invalid")
    alert = notification.get("alert", "")
    parts = (
        (notification.get("android", {"alert": alert}), ANDROID_BYTES),
        (notification.get("ios", {"alert": alert}), IOS_BYTES),
        (body.get("message") or {}, MESSAGE_BYTES),
    )
    for part, most in parts:
        if len(json.dumps(part, ensure_ascii=False).encode()) > most:
            raise PlatformError("jpush", 1005)


def check_options(world: World, account: dict[str, Any], options: dict[str, Any]) -> None:
    """Known ranges; `override_msg_id` must be a push of the last day."""
    live_s = options.get("time_to_live", DAY_S)
    if not isinstance(live_s, int | float) or not 0 <= live_s <= MAX_LIVE_S:
        raise PlatformError("jpush", 1003, "time_to_live is invalid")
    if len(str(options.get("apns_collapse_id", "")).encode()) > 64 or options.get("big_push_duration", 0) > 1400:
        raise PlatformError("jpush", 1003, "options are invalid")
    overridden = options.get("override_msg_id")
    if overridden and not world.store.one(
        "SELECT msg_id FROM jpush_push WHERE msg_id = ? AND account = ? AND accepted_at > ?",
        str(overridden),
        account["id"],
        world.now() - world.scaled(DAY_S),
    ):
        raise PlatformError("jpush", 1003, "override_msg_id is invalid")


def choose_devices(account: dict[str, Any], platform: Any, audience: Any) -> list[dict[str, Any]]:
    """The account's devices that every kind of the audience admits."""
    devices = [d for d in account["devices"] if platform == "all" or d["platform"] in platform]
    if audience == "all":
        return devices
    return [d for d in devices if all(_admits(kind, set(map(str, names)), d) for kind, names in audience.items())]


def _admits(kind: str, names: set[str], device: dict[str, Any]) -> bool:
    tags = set(device.get("tags", []))
    if kind == "tag":
        return bool(tags & names)
    if kind == "tag_and":
        return names <= tags
    if kind == "tag_not":
        return not tags & names
    if kind in ("alias", "registration_id"):
        return device.get(kind) in names
    return False
