"""What goes through the door and what comes back: requests, answers, and the two ways to fail."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import AppError

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


@dataclass(frozen=True, repr=False)
class Request:
    """One call. At most one of form (with files), json, content; json goes out as raw UTF-8."""

    method: str
    url: str
    params: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None  # field name -> file name, bytes, mime type
    auth: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {mask(self.url)})"


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
