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
from core.http.bodies import Wired, build, read_body
from core.http.calls import NotSent, Request, Response, Unanswered, mask
from core.http.connections import EXPIRY_S, Shelf
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
        self._backend = CheckedBackend(self.addresses)
        self._shelf = Shelf(self._connect)

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
                return self._exchange(build(request, fresh), call, fresh)
            except FAILURES as error:
                reason = f"{type(error).__name__}: {mask(str(error))}"
                failure = Unanswered(reason) if call.wrote else NotSent(reason)
            raise failure

    def close(self) -> None:
        """Close the idle connections."""
        self._shelf.close()

    def _exchange(self, request: Wired, call: Call, fresh: bool) -> Response:
        origin = request.url.origin
        connection = self._connect(origin) if fresh else self._shelf.take(origin)
        try:
            return self._read(connection, request, call)
        finally:
            if fresh:
                connection.close()
            else:
                self._shelf.give(origin, connection)

    def _read(self, connection: httpcore.HTTPConnection, request: Wired, call: Call) -> Response:
        left = call.left_s()
        with connection.stream(
            request.method,
            request.url,
            headers=[*request.headers.items()],
            content=request.body,
            extensions={"timeout": {"connect": left, "read": left, "write": left, "pool": left}},
        ) as answer:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            body = read_body(answer.iter_stream(), headers.get("content-encoding", ""), self._max_bytes)
            return Response(answer.status, headers, body)

    def _connect(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        """A connection that is opened by its first call."""
        return httpcore.HTTPConnection(
            origin,
            ssl_context=(self._tls or _system_tls()) if origin.scheme == b"https" else None,
            keepalive_expiry=EXPIRY_S,
            http1=True,
            http2=False,
            retries=0,
            network_backend=self._backend,
        )


@cache
def _system_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
