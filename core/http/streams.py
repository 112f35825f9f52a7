"""Connections that obey one total deadline and go only to addresses that were checked."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

Addresses = Callable[[str, int, float], list[str]]  # host, port, seconds to wait -> checked addresses


class Call(threading.local):
    """The call of this thread: its end on the monotonic clock, and whether a byte of the request went out."""

    def __init__(self) -> None:
        self.until = 0.0
        self.wrote = False

    @classmethod
    @contextmanager
    def begin(cls, deadline_s: float) -> Iterator[Call]:
        CALL.until, CALL.wrote = time.monotonic() + deadline_s, False
        yield CALL

    def left_s(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise DeadlinePassed("total deadline passed")
        return left


class DeadlinePassed(Exception):
    """The total time of the call is over."""


class BadAnswer(Exception):
    """The answer is too large or cannot be unpacked."""


CALL = Call()


class CallStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the call's total deadline, so that dripped bytes cannot stretch it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, CALL.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), 65536):  # the inner write counts its time-out anew after each partial send
            left = CALL.left_s()
            CALL.wrote = True
            self._inner.write(buffer[start : start + 65536], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return CallStream(self._inner.start_tls(ssl_context, server_hostname, CALL.left_s()))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Resolves once, checks, and connects to the very address it checked: a name cannot be rebound in between."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses(host, port, CALL.left_s()):
            try:
                return CallStream(self._inner.connect_tcp(address, port, CALL.left_s(), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
