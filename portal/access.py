"""Who is calling: address, visitor, collector; and how often an address may post. Knows no person by name."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Request, current_app, request, session

from core import runtime
from core.house import House
from core.http.addresses import address_key

COLLECTOR_WINDOW_S = 300
VISITOR = "visitor"
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
MOST_BUCKETS = 20_000
EXTENSION = "wenzheng"


def house() -> House:
    """The House of the running app."""
    return cast(House, current_app.extensions[EXTENSION])


def web_visitor() -> str:
    """Keyed hash of this browser's random number, which its signed cookie keeps."""
    if VISITOR not in session:
        session[VISITOR] = secrets.token_hex(16)
        session.permanent = True
    return house().vault.digest("visitor", f"web:{session[VISITOR]}")


def known_web_visitor() -> str:
    """As `web_visitor`, but gives no cookie: empty for a browser that has not written anything."""
    return web_visitor() if VISITOR in session else ""


def client_visitor() -> str:
    """Keyed hash of the app's `X-Client-Id` (8 to 64 letters, digits, - or _), else of the address."""
    given = request.headers.get("X-Client-Id", "")
    if CLIENT_ID.fullmatch(given):
        return house().vault.digest("visitor", f"client:{given}")
    return house().vault.digest("visitor", f"address:{address_key(request.remote_addr or '')}")


def is_collector(incoming: Request, house: House) -> bool:
    """Whether the request carries the collector's signature over its time and path, not older than five minutes."""
    moment = incoming.headers.get("X-Wenzheng-Time", "")
    signature = incoming.headers.get("X-Wenzheng-Signature", "")
    if not re.fullmatch(r"[0-9]{1,12}", moment) or not signature:
        return False
    if abs(house.clock.now().timestamp() - int(moment)) > COLLECTOR_WINDOW_S:
        return False
    return house.vault.verify("collector", f"{moment}\n{incoming.path}", signature)


@dataclass
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """Token buckets in memory: the portal is one process with threads, so its memory sees every request."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: str, now_s: float, rate: Mapping[str, float]) -> float:
        """0 when one more is allowed, else the seconds to wait. `rate` has per_minute and burst."""
        per_s, burst = float(rate["per_minute"]) / 60, float(rate["burst"])
        with self._lock:
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget(now_s, per_s, burst)
            bucket = self._buckets.setdefault(key, _Bucket(burst, now_s))
            bucket.tokens = min(burst, bucket.tokens + (now_s - bucket.at) * per_s)
            bucket.at = now_s
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / per_s if per_s else 3600.0

    def _forget(self, now_s: float, per_s: float, burst: float) -> None:
        """Drop the full buckets; when all are in use, the oldest half."""
        full = [key for key, each in self._buckets.items() if each.tokens + (now_s - each.at) * per_s >= burst]
        oldest = sorted(self._buckets, key=lambda key: self._buckets[key].at)[: MOST_BUCKETS // 2]
        for key in full or oldest:
            del self._buckets[key]


def wait_s(purpose: str) -> float:
    """Seconds this address has to wait before it may post for `purpose`; 0 when it may now."""
    opened = house()
    with opened.db.read() as db:
        rate = runtime.value_of(db, runtime.RATE)
    limiter = cast(Limiter, current_app.extensions["limiter"])
    key = f"{purpose}:{address_key(request.remote_addr or '')}"
    return limiter.take(key, opened.clock.monotonic(), rate)
