"""Requests as bytes on the wire and answers read back, within a size and the call's deadline."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx

from core.http.calls import Request
from core.http.streams import CALL, BadAnswer

WITH_BODY = ("POST", "PUT", "PATCH")
PORTS = {b"http": 80, b"https": 443}


@dataclass(frozen=True, repr=False)
class Wired:
    """A request as it goes out. Holds secrets: it is never shown."""

    method: str
    url: httpcore.URL
    headers: dict[str, str]
    body: bytes


def build(request: Request, fresh: bool) -> Wired:
    """The request as bytes. Only files need httpx: its requests cost more than all else that a small call does."""
    address, method = _address(request), request.method.upper()
    headers = {"Host": _host(address), "User-Agent": "wenzheng/0.1", "Accept": "*/*", "Accept-Encoding": "identity"}
    headers["Connection"] = "close" if fresh else "keep-alive"
    if request.auth:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(request.auth).encode()).decode()
    kind, body = _body(request)
    if kind:
        headers["Content-Type"] = kind
    if body or method in WITH_BODY:
        headers["Content-Length"] = str(len(body))
    own = {name.lower() for name in request.headers or {}}
    kept = {name: value for name, value in headers.items() if name.lower() not in own}
    return Wired(method, address, {**kept, **(request.headers or {})}, body)


def _host(address: httpcore.URL) -> str:
    """Host and port as HTTP writes them; the port only where it is not the scheme's own."""
    host = address.host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return host if address.port in (None, PORTS.get(address.scheme)) else f"{host}:{address.port}"


def _body(request: Request) -> tuple[str, bytes]:
    """(content type, bytes)."""
    if request.files:
        form = dict(request.form) if request.form else None
        built = httpx.Request(request.method, request.url, data=form, files=dict(request.files))
        return built.headers["Content-Type"], built.read()
    if request.json is not None:
        return "application/json", json.dumps(request.json, ensure_ascii=False, separators=(",", ":")).encode()
    if request.form:
        return "application/x-www-form-urlencoded", urlencode(_words(request.form)).encode()
    return "", request.content or b""


def _address(request: Request) -> httpcore.URL:
    scheme, host, port, path = _place(request.url)
    if request.params:
        path += (b"&" if b"?" in path else b"?") + urlencode(_words(request.params)).encode()
    return httpcore.URL(scheme=scheme, host=host, port=port, target=path)


@lru_cache(maxsize=256)
def _place(url: str) -> tuple[bytes, bytes, int | None, bytes]:
    """Scheme, host, port and path. Adapters ask the same few addresses; what differs goes into the parameters."""
    parsed = httpx.URL(url)
    return parsed.raw_scheme, parsed.raw_host, parsed.port, parsed.raw_path


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as they stand in a form: true and false in lower case, nothing for None; TypeError for lists and such."""
    if strange := [name for name, value in values.items() if not isinstance(value, str | int | float | None)]:
        raise TypeError(f"a form takes words and numbers, not what stands under {strange[0]}")
    return {name: "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
            for name, value in values.items()}  # fmt: skip


def read_body(chunks: Iterable[bytes], encoding: str, most: int) -> bytes:
    """The whole body, unpacked, at most `most` bytes."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None
    body = bytearray()
    try:
        for chunk in chunks:
            CALL.left_s()
            body += unpack.decompress(chunk, most + 1) if unpack else chunk
            if len(body) > most or (unpack and unpack.unconsumed_tail):
                raise BadAnswer("answer is too large")
    except zlib.error:
        raise BadAnswer("answer cannot be unpacked") from None
    return bytes(body)
