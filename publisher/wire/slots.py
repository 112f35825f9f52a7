"""Templates with slots, and the proof that a wire body is the approved one. Pure.

A template is a JSON tree. A slot is `{"$slot": name}` (media also `sha256`); `{"$join": [...]}` is text with slots.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from core.errors import Refused
from core.ports import Effect, Payload

SLOTS = ("media", "published_at", "key", "copy_link")
PICTURE = re.compile(r"media:([0-9a-f]{64})")
Json = Any


class SlotError(ValueError):
    """A template or a body that does not fit: an unknown slot, a missing value, something else where a slot was."""


def media(sha256: str, use: str = "") -> dict[str, str]:
    """The slot of a picture, named by the digest of its bytes; `use` tells two uploads of one picture apart."""
    return {"$slot": "media", "sha256": sha256, **({"use": use} if use else {})}


def slot(name: str) -> dict[str, str]:
    """A slot of the closed list other than media."""
    if name not in SLOTS or name == "media":
        raise SlotError(f"no slot {name}")
    return {"$slot": name}


def joined(*parts: str | dict[str, str]) -> dict[str, Any]:
    """Text with slots inside."""
    return {"$join": [part for part in parts if part != ""]}


def name_of(node: Mapping[str, Any]) -> str:
    """The key of a slot among the values: `media:<sha256>`, `media:<sha256>:<use>` or the slot's name."""
    name = node["$slot"]
    if name not in SLOTS:
        raise SlotError(f"no slot {name}")
    if name != "media":
        return str(name)
    return ":".join(part for part in ("media", node["sha256"], node.get("use", "")) if part)


def pictures_of(template: Json) -> list[tuple[str, str, str]]:
    """(slot key, sha256, use) of every picture the template shows."""
    found = []
    for name in sorted(slots_of(template)):
        parts = [*name.split(":"), ""]
        if parts[0] == "media":
            found.append((name, parts[1], parts[2]))
    return found


def slots_of(template: Json) -> set[str]:
    """Every slot key the template uses."""
    if isinstance(template, dict):
        if "$slot" in template:
            return {name_of(template)}
        return set().union(*map(slots_of, template.values())) if template else set()
    if isinstance(template, list):
        return set().union(*map(slots_of, template)) if template else set()
    return set()


def digest_of(template: Json) -> str:
    """SHA-256 (hex) of the template's canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(template, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def bind(template: Json, values: Mapping[str, str]) -> Json:
    """The body: every slot replaced by its value (`slots_of` names the keys). SlotError when one is missing."""
    if isinstance(template, dict):
        if "$slot" in template:
            return _value(template, values)
        if "$join" in template:
            return "".join(part if isinstance(part, str) else _value(part, values) for part in template["$join"])
        return {key: bind(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [bind(part, values) for part in template]
    return template


def unbind(template: Json, body: Json, values: Mapping[str, str]) -> Json:
    """The template a wire body came from: values back to slots, everything else as it stands in the body.

    The given template only says where slots are; constants are taken from the body, so a changed word changes the
    digest. SlotError when the body holds something else where a slot's value must be.
    """
    if isinstance(template, dict):
        return _unbind_dict(template, body, values)
    if isinstance(template, list) and isinstance(body, list) and len(body) == len(template):
        return [unbind(part, piece, values) for part, piece in zip(template, body, strict=True)]
    return body


def _unbind_dict(template: Mapping[str, Any], body: Json, values: Mapping[str, str]) -> Json:
    if "$slot" in template:
        return _matched(template, body, values)
    if "$join" in template:
        return {"$join": _unjoin(template["$join"], body, values)}
    if isinstance(body, dict) and body.keys() == template.keys():
        return {key: unbind(part, body[key], values) for key, part in template.items()}
    return body


def is_approved_body(template: Json, digest: str, body: Json, values: Mapping[str, str]) -> bool:
    """True when the body, un-bound, gives the approved digest."""
    try:
        return digest_of(unbind(template, body, values)) == digest
    except SlotError:
        return False


def _value(node: Mapping[str, Any], values: Mapping[str, str]) -> str:
    name = name_of(node)
    if name not in values:
        raise SlotError(f"no value for slot {name}")
    return values[name]


def _matched(node: Mapping[str, Any], body: Json, values: Mapping[str, str]) -> Json:
    if body != _value(node, values):
        raise SlotError(f"slot {name_of(node)} holds something else")
    return dict(node)


def _unjoin(parts: list[Any], body: Json, values: Mapping[str, str]) -> list[Any]:
    """Cut the text of the body at the lengths of the parts; constants as they stand there, slots checked."""
    if not isinstance(body, str):
        raise SlotError("text expected")
    found: list[Any] = []
    at = 0
    for part in parts:
        length = len(part if isinstance(part, str) else _value(part, values))
        piece, at = body[at : at + length], at + length
        found.append(piece if isinstance(part, str) else _matched(part, piece, values))
    if at < len(body):
        found.append(body[at:])
    return found


def with_media(html: str, before: str = "") -> dict[str, Any]:
    """HTML whose pictures stand as `media:<sha256>` as text with media slots; `before` goes in front of each slot."""
    parts: list[str | dict[str, str]] = []
    for at, piece in enumerate(PICTURE.split(html)):
        parts += [before, media(piece)] if at % 2 else [piece]
    return joined(*parts)


def prove(payload: Payload, body: Json, values: Mapping[str, str]) -> None:
    """Raise Refused unless the wire body is the approved one; asked right before a public call."""
    if not is_approved_body(payload.template, payload.digest, body, values):
        text = "将要发出的内容与审定的不一致，已停止。请联系管理员核对后重新送审"
        raise Refused(Effect.REFUSED, "digest", text)


def prove_part(payload: Payload, name: str, body: Json, values: Mapping[str, str]) -> None:
    """The same for one part of the template that goes out by itself."""
    part = payload.template[name]
    intact = digest_of(payload.template) == payload.digest
    prove(Payload(part, digest_of(part) if intact else ""), body, values)
