"""WeChat's plain-mode callbacks: signature, XML, event key. Pure; refuses entities, DTDs and odd shapes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.callbacks import MESSAGE

MAX_DEPTH = 8
PUBLISHED = "PUBLISHJOBFINISH"


class NotReadable(ValueError):
    """The body is not a WeChat event."""


@dataclass(frozen=True)
class Event:
    """One callback: what it is about, the platform's key for it, and its fields (nested as in the XML)."""

    kind: str  # message, or the name of the event
    key: str
    fields: dict[str, Any]


def signature_of(token: str, timestamp: str, nonce: str) -> str:
    """Hex SHA-1 over the sorted, joined token, timestamp and nonce: the platform's rule."""
    joined = "".join(sorted([token, timestamp, nonce]))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def is_signed(token: str, query: Mapping[str, str]) -> bool:
    """Whether the query carries the right signature for the token; an account without token accepts nothing."""
    given = query.get("signature", "")
    expected = signature_of(token, query.get("timestamp", ""), query.get("nonce", ""))
    return bool(token) and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def read_event(body: bytes) -> Event:
    """The event in a plain-mode body; NotReadable when it is something else or lacks its key."""
    try:
        body.decode()  # the platform sends UTF-8; what is stored as text is then what was read
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise NotReadable("body is not plain XML") from None
    fields = _fields(root, 0)
    if root.tag != "xml" or not isinstance(fields, dict) or "Encrypt" in fields:
        raise NotReadable("not a plain-mode event")
    return Event(_kind(fields), _key(fields), fields)


def _kind(fields: dict[str, Any]) -> str:
    return str(fields.get("Event") or "event") if fields.get("MsgType") == "event" else MESSAGE


def _key(fields: dict[str, Any]) -> str:
    """Messages by MsgId, finished publishes by publish_id, other events by sender and second, as the platform says."""
    sender, created, name = fields.get("FromUserName"), fields.get("CreateTime"), fields.get("Event")
    if _kind(fields) == MESSAGE:
        key = _text(fields.get("MsgId"))
        return f"{MESSAGE}:{key}" if key else _need("", sender, created)
    if name == PUBLISHED:
        about = fields.get("PublishEventInfo")
        return _need(f"{PUBLISHED}:", about.get("publish_id") if isinstance(about, dict) else "")
    return _need(f"{name}:", sender, created)


def _need(prefix: str, *parts: Any) -> str:
    words = [_text(part) for part in parts]
    if not all(words):
        raise NotReadable("the event has no key")
    return prefix + ":".join(words)


def _text(value: Any) -> str:
    return value.strip()[:128] if isinstance(value, str) else ""


def _fields(element: Element, depth: int) -> Any:
    """Text of a leaf, else a dict; a tag that repeats becomes a list."""
    if depth > MAX_DEPTH:
        raise NotReadable("too deep")
    if not len(element):
        return element.text or ""
    fields: dict[str, Any] = {}
    for child in element:
        value = _fields(child, depth + 1)
        if child.tag not in fields:
            fields[child.tag] = value
        elif isinstance(fields[child.tag], list):
            fields[child.tag].append(value)
        else:
            fields[child.tag] = [fields[child.tag], value]
    return fields
