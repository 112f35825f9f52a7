"""The process that is killed: raises and sends alerts as the scheduler's two jobs do. Imported before it forks."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.orm import configure_mappers

import monitors.notifiers.mail
import monitors.notifiers.robots  # noqa: F401  imported to be there when it forks
from core.config import Settings
from core.house import open_house
from monitors.alerts import raise_due, send_due, sending

LEASE_S = 1.0  # instead of a minute: how long a message is left alone after its sender died
A_MINUTE = 10**6  # the limit of a group is not the subject here
IDLE_S = 0.01

configure_mappers()


def work(settings: dict[str, Any], ready: Any) -> None:
    """Raise and send until killed; `ready` is set once it begins."""
    house = open_house(Settings.model_validate(settings))
    sending.LEASE_S, sending.A_MINUTE = LEASE_S, A_MINUTE  # type: ignore[assignment]
    ready.set()
    while True:
        raise_due(house)
        if not send_due(house, limit=5):
            time.sleep(IDLE_S)
