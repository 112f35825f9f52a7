"""The browser kit, served from node_modules by an explicit allow list; nothing else in there is reachable."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, send_file, url_for

from dashboards.access import public

ROOT = Path(__file__).resolve().parents[1] / "node_modules"
OWN = Path(__file__).resolve().parent / "static"
KIT: dict[str, str] = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "icons.css": "@tabler/icons-webfont/dist/tabler-icons.min.css",
    "fonts/tabler-icons.woff2": "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2",
    "fonts/tabler-icons.woff": "@tabler/icons-webfont/dist/fonts/tabler-icons.woff",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "echarts.js": "echarts/dist/echarts.min.js",
}
A_YEAR_S = 31_536_000
page = Blueprint("assets", __name__)


def asset_problems() -> list[str]:
    """What is missing of the kit, in Chinese; empty when the pages have all they need."""
    missing = [source for source in KIT.values() if not (ROOT / source).is_file()]
    return [f"缺少 {len(missing)} 个页面文件（{missing[0]} 等），请在安装目录运行 npm ci"] if missing else []


@page.get("/assets/<path:name>")
@public
def kit(name: str) -> Response:
    """One file of the kit, cacheable for a year: its address carries a digest."""
    source = KIT.get(name)
    if source is None or not (ROOT / source).is_file():
        abort(404)
    return _cached(ROOT / source)


@page.get("/own/<name>")
@public
def own(name: str) -> Response:
    """One of our own style sheets or scripts."""
    path = OWN / name
    if path.suffix not in {".css", ".js", ".svg"} or path.parent != OWN or not path.is_file():
        abort(404)
    return _cached(path)


def install(app: Flask) -> None:
    """Give the templates `kit_url` and `own_url`."""
    app.jinja_env.globals.update(
        kit_url=lambda name: url_for("assets.kit", name=name, v=_digest(ROOT / KIT[name])),
        own_url=lambda name: url_for("assets.own", name=name, v=_digest(OWN / name)),
    )


def _cached(path: Path) -> Response:
    answer = send_file(path, max_age=A_YEAR_S)
    answer.headers["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    return answer


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "0"
