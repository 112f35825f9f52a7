"""The published site as files, with cache headers; 410 for what was withdrawn. Writes nothing."""

from __future__ import annotations

import re

from flask import Blueprint, abort, render_template, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from core.models.words import ChannelKind
from portal.access import house
from portal.comments import item_state

ARTICLE = re.compile(r"articles/([0-9]{1,15})\.html")
PICTURE_MAX_AGE_S = 365 * 24 * 3600  # pictures are named by their digest and never change
PICTURES = "media/"
ROBOTS = "User-agent: *\nDisallow: /messages/\nDisallow: /client/\nDisallow: /callbacks/\n"

blueprint = Blueprint("site", __name__)


@blueprint.get("/")
def home() -> Response | str:
    """The home page the website channel wrote; a plain one until there is any."""
    try:
        return _file("index.html")
    except NotFound:
        return render_template("portal/home.html")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """What crawlers may read: pages and comments; forms and interfaces not."""
    return Response(ROBOTS, content_type="text/plain; charset=utf-8")


@blueprint.get("/<path:name>")
def page(name: str) -> Response:
    """One file of the site. A withdrawn article is 410, whether or not its file still lies there."""
    if any(part.startswith(".") for part in name.split("/")):
        abort(404)
    article = ARTICLE.fullmatch(name)
    if article:
        with house().db.read() as db:
            if item_state(db, int(article.group(1)), ChannelKind.WEBSITE.value) == "gone":
                abort(410)
    return _file(name)


def _file(name: str) -> Response:
    """The file with ETag and date, answered 304 when the reader has it; pages are asked again each time."""
    response = send_from_directory(house().settings.site_path.resolve(), name, conditional=True, etag=True)
    if name.startswith(PICTURES):
        response.headers["Cache-Control"] = f"public, max-age={PICTURE_MAX_AGE_S}, immutable"
    else:
        response.headers["Cache-Control"] = "public, no-cache"
    return response
