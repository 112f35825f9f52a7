"""Fragments that refresh themselves: an ETag over the words, 304 while nothing changed."""

from __future__ import annotations

from flask import Response, make_response, request


def live(html: str) -> Response:
    """The fragment with its ETag, or an empty 304 when the page already shows exactly this."""
    answer = make_response(html)
    answer.add_etag()
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.make_conditional(request)
    return answer
