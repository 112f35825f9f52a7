"""Connections kept for the next call to the same place. A call has its connection to itself; nothing waits for one."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

import httpcore

MOST_KEPT = 32  # of one place
EXPIRY_S = 15.0
Place = tuple[bytes, bytes, int]  # scheme, host, port


class Shelf:
    """`take` gives an idle connection to a place or a new one; `give` keeps it if it can be used again."""

    def __init__(self, connect: Callable[[httpcore.Origin], httpcore.HTTPConnection]) -> None:
        self._connect = connect
        self._idle: dict[Place, list[httpcore.HTTPConnection]] = defaultdict(list)
        self._mutex = threading.Lock()

    def take(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        """The connection used last, since the others are nearer their end; those the other side closed are dropped."""
        place = _place(origin)
        while True:
            with self._mutex:
                idle = self._idle[place]
                found = idle.pop() if idle else None
            if found is None:
                return self._connect(origin)
            if not found.has_expired():
                return found
            found.close()

    def give(self, origin: httpcore.Origin, connection: httpcore.HTTPConnection) -> None:
        """Keep it for the next call; one that is broken, used up or too many is closed."""
        if connection.is_idle() and not connection.is_closed():
            with self._mutex:
                idle = self._idle[_place(origin)]
                if len(idle) < MOST_KEPT:
                    idle.append(connection)
                    return
        connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._mutex:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()


def _place(origin: httpcore.Origin) -> Place:
    return origin.scheme, origin.host, origin.port
