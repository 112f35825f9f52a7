"""The one outbound door: checked addresses, one total deadline, no redirect, no proxy, no second try.

It tells only two failures apart: certainly not sent, and everything after the first byte.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpcore
import httpx

from core.errors import AddressRefused
from core.http.addresses import is_public, look_up, target
from core.http.bodies import build, read_body
from core.http.calls import NotSent, Request, Response, Unanswered, mask
from core.http.streams import BadAnswer, Call, CheckedBackend, DeadlinePassed

__all__ = ["Door", "NotSent", "Request", "Response", "Unanswered", "mask"]
MAX_BYTES = 16 * 1024 * 1024
FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    httpx.InvalidURL,
    DeadlinePassed,
    BadAnswer,
    OSError,
    NotSent,
)


class Door:
    """Sends requests to public addresses, and to the `allowed` host:port pairs even if private. Safe for threads."""

    def __init__(self, allowed: frozenset[str], tls: ssl.SSLContext | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._allowed = allowed
        self._tls = tls
        self._max_bytes = max_bytes
        self._pool = self._new_pool(keep=32)

    def check(self, url: str) -> None:
        """Raise AddressRefused unless `url` is http(s), names no user, and every address of its host may be reached."""
        host, port = target(url)
        self.addresses(host, port)

    def addresses(self, host: str, port: int, wait_s: float = 10) -> list[str]:
        """The host's addresses, each one checked; AddressRefused if any is private, NotSent if there is none."""
        found = look_up(host, port, wait_s)
        if f"{host}:{port}" not in self._allowed:
            for address in found:
                if not is_public(address) and f"{address}:{port}" not in self._allowed:
                    raise AddressRefused(f"不允许访问内网或保留地址：{host}:{port}")
        return found

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        """Send once and read the whole answer within `deadline_s` seconds, name look-up included.

        `fresh` uses a connection of its own. Raises NotSent, Unanswered or AddressRefused; a redirect is an answer.
        """
        target(request.url)
        with Call.begin(deadline_s) as call:
            try:
                built = build(request, fresh)
                if not fresh:
                    return self._exchange(self._pool, built, call)
                with self._new_pool(keep=0) as pool:
                    return self._exchange(pool, built, call)
            except FAILURES as error:
                reason = f"{type(error).__name__}: {mask(str(error))}"
                failure = Unanswered(reason) if call.wrote else NotSent(reason)
            raise failure

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.close()

    def _exchange(self, pool: httpcore.ConnectionPool, request: httpx.Request, call: Call) -> Response:
        left = call.left_s()
        timeouts = {"connect": left, "read": left, "write": left, "pool": left}
        with pool.stream(
            request.method,
            httpcore.URL(str(request.url)),
            headers=request.headers.raw,
            content=request.read() or None,  # as bytes: a stream object would be sent chunked
            extensions={"timeout": timeouts},
        ) as answer:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            body = read_body(answer.iter_stream(), headers.get("content-encoding", ""), self._max_bytes)
            return Response(answer.status, headers, body)

    def _new_pool(self, keep: int) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._tls or _system_tls(),
            max_connections=256,
            max_keepalive_connections=keep,
            keepalive_expiry=15,
            http1=True,
            http2=False,
            retries=0,
            network_backend=CheckedBackend(self.addresses),
        )


@cache
def _system_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
