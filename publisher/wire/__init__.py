"""One call to a platform: send, classify by effect, prove the body. Shared by the adapters; knows no channel."""

from publisher.wire.calls import Platform, Sender, Wire, need_field, total_deadline, with_token
from publisher.wire.slots import (
    SlotError,
    bind,
    digest_of,
    is_approved_body,
    joined,
    media,
    slot,
    slots_of,
    unbind,
)

__all__ = [
    "Platform", "Sender", "SlotError", "Wire", "bind", "digest_of", "is_approved_body", "joined", "media", "need_field",
    "slot", "slots_of", "total_deadline", "unbind", "with_token",
]  # fmt: skip
