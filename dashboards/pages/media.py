"""Stored pictures, for editors and reviewers."""

from __future__ import annotations

from flask import Blueprint, Response, make_response

from dashboards.access import needs
from dashboards.pages.editor import picture_or_404
from dashboards.sessions import reading

page = Blueprint("media", __name__)


@page.get("/media/<sha256>")
@needs("articles.read")
def picture(sha256: str) -> Response:
    """The bytes of one picture; its address is its digest, so it never changes."""
    media = picture_or_404(reading(), sha256)
    answer = make_response(media.content)
    answer.headers["Content-Type"] = media.mime
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
