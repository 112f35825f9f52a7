"""The one outbound door: checked addresses, one total deadline, no redirect, no proxy, no second try.

It tells only two failures apart: certainly not sent, and everything after the first byte.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import queue
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from core.errors import AddressRefused, AppError

MAX_BYTES = 16 * 1024 * 1024
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
SECRET = re.compile(
    r"(?i)(access_token|refresh_token|client_secret|master_secret|appsecret|secret|password|authorization|signature)"
    r"(\"?\s*[=:]\s*\"?(?:basic\s+|bearer\s+)?)([^\s&\",}]+)"
)


class NotSent(AppError):
    """Certainly no byte of the request went out: name look-up, connect, TLS, pool. `reason` holds no secret."""

    key = "not_sent"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unanswered(AppError):
    """Bytes went out and no whole answer came back: nobody knows what was done."""

    key = "unanswered"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Request:
    """One call. At most one of form (with files), json, content; json goes out as raw UTF-8."""

    method: str
    url: str
    params: Mapping[str, Any] | None = field(default=None, repr=False)
    form: Mapping[str, Any] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    files: Mapping[str, tuple[str, bytes, str]] | None = field(default=None, repr=False)  # field: name, bytes, mime
    auth: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """A whole answer; header names are lower case. The status is reported, never judged."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; ValueError when it is not."""
        return json.loads(self.body)

    def text(self) -> str:
        """The body as UTF-8, broken bytes replaced."""
        return self.body.decode("utf-8", "replace")


def mask(text: str) -> str:
    """The text with tokens, secrets and passwords in it replaced by ***."""
    return SECRET.sub(r"\1\2***", text)


class Door:
    """Sends requests to public addresses, and to the `allowed` host:port pairs even if private. Safe for threads."""

    def __init__(self, allowed: frozenset[str], tls: ssl.SSLContext | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._allowed = allowed
        self._tls = tls
        self._max_bytes = max_bytes
        self._pool = self._new_pool(keep=32)

    def check(self, url: str) -> None:
        """Raise AddressRefused unless `url` is http(s), names no user, and every address of its host may be reached."""
        host, port = _target(url)
        self.addresses(host, port)

    def addresses(self, host: str, port: int, wait_s: float = 10) -> list[str]:
        """The host's addresses, each one checked; AddressRefused if any is private, NotSent if there is none."""
        found = _look_up(host, port, wait_s)
        if f"{host}:{port}" not in self._allowed:
            for address in found:
                if not _public(address) and f"{address}:{port}" not in self._allowed:
                    raise AddressRefused(f"不允许访问内网或保留地址：{host}:{port}")
        return found

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        """Send once and read the whole answer within `deadline_s` seconds, name look-up included.

        `fresh` uses a connection of its own. Raises NotSent, Unanswered or AddressRefused; a redirect is an answer.
        """
        _target(request.url)
        with _Call.begin(deadline_s) as call:
            try:
                built = _build(request, fresh)
                if not fresh:
                    return self._exchange(self._pool, built, call)
                with self._new_pool(keep=0) as pool:
                    return self._exchange(pool, built, call)
            except _FAILURES as error:
                reason = f"{type(error).__name__}: {mask(str(error))}"
                failure = Unanswered(reason) if call.wrote else NotSent(reason)
            raise failure

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.close()

    def _exchange(self, pool: httpcore.ConnectionPool, request: httpx.Request, call: _Call) -> Response:
        left = call.left_s()
        timeouts = {"connect": left, "read": left, "write": left, "pool": left}
        with pool.stream(
            request.method,
            httpcore.URL(str(request.url)),
            headers=request.headers.raw,
            content=request.stream,  # type: ignore[arg-type]  # a sync byte stream
            extensions={"timeout": timeouts},
        ) as answer:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            body = _read(answer.iter_stream(), headers.get("content-encoding", ""), self._max_bytes)
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
            network_backend=_Backend(self),
        )


class _Call(threading.local):
    """The call of this thread: its end on the monotonic clock, and whether a byte of the request went out."""

    def __init__(self) -> None:
        self.until = 0.0
        self.wrote = False

    @classmethod
    @contextmanager
    def begin(cls, deadline_s: float) -> Iterator[_Call]:
        _call.until, _call.wrote = time.monotonic() + deadline_s, False
        yield _call

    def left_s(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise _DeadlinePassed("total deadline passed")
        return left


class _DeadlinePassed(Exception):
    """The total time of the call is over."""


class _BadAnswer(Exception):
    """The answer is too large or cannot be unpacked."""


_call = _Call()
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    httpx.InvalidURL,
    _DeadlinePassed,
    _BadAnswer,
    OSError,
    NotSent,
)


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at the call's total deadline, so that dripped bytes cannot stretch it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _call.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), 65536):  # the inner write counts its time-out anew after each partial send
            left = _call.left_s()
            _call.wrote = True
            self._inner.write(buffer[start : start + 65536], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _call.left_s()))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves once, checks, and connects to the very address it checked: a name cannot be rebound in between."""

    def __init__(self, door: Door) -> None:
        self._door = door
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
        for address in self._door.addresses(host, port, _call.left_s()):
            try:
                return _Stream(self._inner.connect_tcp(address, port, _call.left_s(), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _target(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("网址格式不正确") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None:
        raise AddressRefused("只允许访问不带用户名的 http 或 https 网址")
    return parts.hostname, port or PORTS[parts.scheme]


def _look_up(host: str, port: int, wait_s: float) -> list[str]:
    """The addresses of a host; in a thread of its own, because the system's look-up knows no time-out."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(each[4][0]) for each in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    if _literal(host):
        ask()
    else:
        threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=wait_s)
    except queue.Empty:
        raise NotSent(f"name look-up of {host} timed out") from None
    if isinstance(answer, Exception):
        raise NotSent(f"name look-up of {host} failed")
    return answer


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo or ip in NAT64 or ip.is_site_local:
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@cache
def _system_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _build(request: Request, fresh: bool) -> httpx.Request:
    headers = {"User-Agent": "wenzheng/0.1", "Accept": "*/*", "Accept-Encoding": "identity"}
    headers["Connection"] = "close" if fresh else "keep-alive"
    content = request.content
    if request.json is not None:
        content = json.dumps(request.json, ensure_ascii=False, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
    if request.auth:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(request.auth).encode()).decode()
    return httpx.Request(
        request.method,
        request.url,
        params=dict(request.params) if request.params else None,
        data=dict(request.form) if request.form else None,
        content=content,
        files=dict(request.files) if request.files else None,
        headers={**headers, **(request.headers or {})},
    )


def _read(chunks: Iterable[bytes], encoding: str, most: int) -> bytes:
    """The whole body, unpacked, at most `most` bytes."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None
    body = bytearray()
    try:
        for chunk in chunks:
            _call.left_s()
            body += unpack.decompress(chunk, most + 1) if unpack else chunk
            if len(body) > most or (unpack and unpack.unconsumed_tail):
                raise _BadAnswer("answer is too large")
    except zlib.error:
        raise _BadAnswer("answer cannot be unpacked") from None
    return bytes(body)
