"""Intake (受理登记): from the portal's form and from the official account to numbered, trackable cases."""

from casework.intake.callbacks import take_callbacks
from casework.intake.messages import (
    Accepted,
    Incoming,
    accept_message,
    mask_name,
    public_events,
    reveal_contact,
    track,
)

__all__ = [
    "Accepted", "Incoming", "accept_message", "mask_name", "public_events", "reveal_contact", "take_callbacks", "track",
]  # fmt: skip
