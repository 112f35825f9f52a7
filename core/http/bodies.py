"""Requests as bytes on the wire and answers read back, within a size and the call's deadline."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from functools import lru_cache

import httpx

from core.http.calls import Request
from core.http.streams import CALL, BadAnswer


def build(request: Request, fresh: bool) -> httpx.Request:
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
        _parsed(request.url),
        params=dict(request.params) if request.params else None,
        data=dict(request.form) if request.form else None,
        content=content,
        files=dict(request.files) if request.files else None,
        headers={**headers, **(request.headers or {})},
    )


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Adapters ask the same few addresses again and again; what differs goes into the parameters."""
    return httpx.URL(url)


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
