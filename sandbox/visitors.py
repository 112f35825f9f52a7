"""People at the product's portal: comments, likes and messages over HTTP, as a browser would send them.

Knows the portal's public forms only; adapt the paths here when the portal changes.
"""

import html
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

from .evening import Event

TOKEN = re.compile(r"<input[^>]*\bname=\"csrf_token\"[^>]*\bvalue=\"([^\"]+)\"|"
                   r"<input[^>]*\bvalue=\"([^\"]+)\"[^>]*\bname=\"csrf_token\"")
ANSWER_WITHIN_S = 15.0


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
    """One browser session at the portal."""

    def __init__(self, portal_url: str) -> None:
        self.portal_url = portal_url.rstrip("/")
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({}), NoRedirect())
        self._tokens: dict[str, str] = {}

    def comment(self, item: str, event: Event) -> None:
        """A comment under the site's article, by its form."""
        self._send_form(f"/items/{item}/comments", {"author": event.author, "text": event.text})

    def client_comment(self, item: str, event: Event) -> None:
        """A comment or an answer in the client app."""
        body = {"author": event.author, "text": event.text, **({"parent": event.parent} if event.parent else {})}
        self._send_json(f"/client/items/{item}/comments", body)

    def like(self, item: str) -> None:
        """A like in the client app."""
        self._send_json(f"/client/items/{item}/likes", {})

    def write_message(self, fields: dict[str, str]) -> None:
        """A message by the form: `title`, `text`, `name`, `contact`."""
        self._send_form("/messages/new", fields)

    def _send_form(self, path: str, fields: dict[str, str]) -> None:
        token = self._tokens.get(path) or self._fetch_token(path)
        self._send(path, urlencode({**fields, "csrf_token": token}).encode(), "application/x-www-form-urlencoded")

    def _send_json(self, path: str, body: dict[str, Any]) -> None:
        self._send(path, json.dumps(body, ensure_ascii=False).encode(), "application/json")

    def _fetch_token(self, path: str) -> str:
        found = TOKEN.search(self._send(path, None, ""))
        if not found:
            raise PortalRefused(200, f"{path}: no csrf_token in the form")
        self._tokens[path] = html.unescape(found[1] or found[2])
        return self._tokens[path]

    def _send(self, path: str, body: bytes | None, kind: str) -> str:
        call = urllib.request.Request(self.portal_url + path, data=body, headers={"Content-Type": kind} if kind else {})  # noqa: S310
        try:
            with self._opener.open(call, timeout=ANSWER_WITHIN_S) as answer:
                return str(answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (302, 303):
                return ""
            raise PortalRefused(error.code, path) from None
        except OSError as error:
            raise PortalRefused(0, f"{path}: {error}") from error


def visit(portal_url: str, item: str, events: Iterable[Event], speed: float,
          sleep: Callable[[float], None] = time.sleep) -> dict[str, int]:
    """Play the website and client events of an evening; an event comes `after_s / speed` after the call.

    Gives how many were taken and how many refused. `speed` 0 plays all at once.
    """
    visitor, began, counts = Visitor(portal_url), time.monotonic(), {"taken": 0, "refused": 0}
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
