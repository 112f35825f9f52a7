"""The outbound door with so many calls in it at a time, and no more: all sides of the comparison keep to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from core.http import Door, Request, Response


@dataclass
class Turnstile:
    """`most` calls at a time; `highest` is how many there were."""

    door: Door
    most: int
    highest: int = 0
    _inside: int = 0
    _places: threading.Semaphore = field(init=False)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._places = threading.Semaphore(self.most)

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        """As the door does, once there is a place."""
        with self._places:
            self._count(1)
            try:
                return self.door.send(request, deadline_s, fresh)
            finally:
                self._count(-1)

    def close(self) -> None:
        """As the door does."""
        self.door.close()

    def _count(self, change: int) -> None:
        with self._mutex:
            self._inside += change
            self.highest = max(self.highest, self._inside)
