"""People at the product's portal: comments, likes and messages over HTTP, as a browser would send them.

Knows the portal's public forms only; adapt the paths here when the portal changes.
"""

import hashlib
import html
import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

from .evening import Event

HIDDEN = re.compile(r"<input[^>]*\btype=\"hidden\"[^>]*>")
NAME, VALUE = re.compile(r"\bname=\"([^\"]*)\""), re.compile(r"\bvalue=\"([^\"]*)\"")
ANSWER_WITHIN_S = 15.0
PATIENCE = 5  # how often a visitor waits as a 429 says before giving up
LONGEST_WAIT_S = 60.0


class PortalRefused(Exception):
    """The portal did not take what a visitor sent; `status` 0 means that it did not answer."""

    def __init__(self, status: int, path: str) -> None:
        super().__init__(f"{status} {path}")
        self.status = status


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Stops at a redirect: the answer to a form is where it points, not what stands there."""

    def redirect_request(self, *args: Any) -> None:
        """Never follow."""


class Visitor:
    """One browser session at the portal, and any number of app devices. `sleep` waits out a 429."""

    def __init__(self, portal_url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.portal_url, self.sleep = portal_url.rstrip("/"), sleep
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({}), NoRedirect()
        )

    def comment(self, item: str, event: Event) -> None:
        """A comment under the site's article, by its form."""
        self._send_form(f"/items/{item}/comments", {"author": event.author, "text": event.text})

    def client_comment(self, item: str, event: Event) -> None:
        """A comment in the client app, from the author's own device."""
        device = hashlib.sha256(event.author.encode()).hexdigest()[:24]
        self._send_json(f"/client/items/{item}/comments", {"author": event.author, "text": event.text}, device)

    def like(self, item: str) -> None:
        """A like in the client app, from a device not seen before: the portal counts one a device."""
        self._send_json(f"/client/items/{item}/likes", {}, secrets.token_hex(12))

    def write_message(self, fields: dict[str, str]) -> None:
        """A message by the form: `title`, `text`, `name`, `contact`."""
        self._send_form("/messages/new", fields)

    def _send_form(self, path: str, fields: dict[str, str]) -> None:
        """Read the form and send it back filled, with everything it hides (csrf_token, once)."""
        hidden = read_hidden(self._send(path, None, {}))
        if "csrf_token" not in hidden:
            raise PortalRefused(200, f"{path}: no csrf_token in the form")
        body = urlencode({**hidden, **fields}).encode()
        self._send(path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def _send_json(self, path: str, body: dict[str, Any], device: str) -> None:
        self._send(
            path,
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json", "X-Client-Id": device},
        )

    def _send(self, path: str, body: bytes | None, headers: dict[str, str]) -> str:
        for turn in range(PATIENCE + 1):
            call = urllib.request.Request(self.portal_url + path, data=body, headers=headers)  # noqa: S310
            try:
                with self._opener.open(call, timeout=ANSWER_WITHIN_S) as answer:
                    return str(answer.read().decode("utf-8", "replace"))
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (302, 303):
                    return ""
                if error.code != 429 or turn == PATIENCE:
                    raise PortalRefused(error.code, path) from None
                self.sleep(min(float(error.headers.get("Retry-After") or 1), LONGEST_WAIT_S))
            except OSError as error:
                raise PortalRefused(0, f"{path}: {error}") from error
        raise AssertionError("unreachable")


def read_hidden(page: str) -> dict[str, str]:
    """Name and value of every hidden field of a page."""
    found = {}
    for field in HIDDEN.findall(page):
        name, value = NAME.search(field), VALUE.search(field)
        if name and value:
            found[html.unescape(name[1])] = html.unescape(value[1])
    return found


def visit(
    portal_url: str, item: str, events: Iterable[Event], speed: float, sleep: Callable[[float], None] = time.sleep
) -> dict[str, int]:
    """Play the website and client events of an evening; an event comes `after_s / speed` after the call.

    Gives how many were taken and how many refused. `speed` 0 plays all at once.
    """
    visitor, began, counts = Visitor(portal_url, sleep), time.monotonic(), {"taken": 0, "refused": 0}
    for event in events:
        wait_s = event.after_s / speed - (time.monotonic() - began) if speed else 0.0
        if wait_s > 0:
            sleep(wait_s)
        try:
            if event.kind == "like":
                visitor.like(item)
            elif event.channel == "client":
                visitor.client_comment(item, event)
            else:
                visitor.comment(item, event)
            counts["taken"] += 1
        except PortalRefused:
            counts["refused"] += 1
    return counts
