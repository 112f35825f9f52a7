"""One call to a platform: send, classify by effect, prove the body. Shared by the adapters; knows no channel."""

from publisher.wire.answers import is_reply, prove_reply, render_reply, reply_words
from publisher.wire.calls import Platform, Wire, need_field, tolerate, total_deadline, with_token
from publisher.wire.codes import Codes, read_codes
from publisher.wire.files import media_name, remove_whole, write_media, write_whole
from publisher.wire.marks import mark_of, marked_copy
from publisher.wire.slots import (
    SlotError,
    bind,
    digest_of,
    is_approved_body,
    joined,
    media,
    pictures_of,
    prove,
    prove_part,
    slot,
    slots_of,
    unbind,
    with_media,
)

__all__ = [
    "Codes", "Platform", "SlotError", "Wire", "bind", "digest_of", "is_approved_body", "is_reply", "joined",
    "mark_of", "marked_copy", "media", "media_name", "need_field", "pictures_of", "prove", "prove_part",
    "prove_reply", "read_codes", "remove_whole", "render_reply", "reply_words", "slot", "slots_of", "tolerate",
    "total_deadline", "unbind", "with_media", "with_token", "write_media", "write_whole",
]  # fmt: skip
