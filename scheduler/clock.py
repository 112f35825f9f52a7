"""The scheduler's entry: the product's own jobs on the clockwork."""

from __future__ import annotations

import threading

from core.house import House
from scheduler.clockwork import Clockwork
from scheduler.jobs import TABLE


def run(house: House, stop: threading.Event) -> None:
    """Hold the duty and run the jobs until `stop` is set; a second process waits for its turn."""
    Clockwork(house, TABLE).run(stop)
