"""Official answers to a comment: the one payload shape every channel that can answer uses. Pure.

A template is `{"text": words, "reply": {place: id, …}}`; the place's names are the platform's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.ports import Content, Json, Payload
from publisher.wire.slots import digest_of, prove

REPLY = "reply"


def is_reply(about: Content | Payload) -> bool:
    """Whether a content or a payload answers a comment."""
    return about.kind == REPLY if isinstance(about, Content) else REPLY in about.template


def reply_words(content: Content) -> str:
    """The editor's own words for the channel, else the text of the reply."""
    return content.variant_text or content.body_text


def render_reply(content: Content, place: Mapping[str, object]) -> Payload:
    """The payload of an answer at `place`; ids stand as text."""
    template: Json = {"text": reply_words(content), REPLY: {name: str(each) for name, each in place.items()}}
    return Payload(template, digest_of(template))


def prove_reply(payload: Payload, words: object, place: Mapping[str, object]) -> None:
    """Raise Refused unless words and place, as they stand in the wire body, are the approved ones."""
    prove(payload, {"text": words, REPLY: {name: str(each) for name, each in place.items()}}, {})
