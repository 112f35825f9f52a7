"""`wenzheng route`: citizens' messages in as JSON lines, their places in the classification tree out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import click

from monitors.routing import Message, Place, Route, Router
from monitors.scoring import UnreadableLine

BATCH = 256
FORM = '{"id", "title", "text"}'


def route_lines(source: IO[str], sink: IO[str], router: Router, batch: int = BATCH) -> int:
    """Route JSON lines {"id", "title", "text"} to JSON lines with path and confidence, in order; returns how many.

    `title` may be missing. Raises UnreadableLine with the line's number (Chinese text) when a line is no such object.
    """
    done = 0
    rows = _rows(source)
    while chunk := list(islice(rows, batch)):
        routes = router.route_many([message for _, message in chunk])
        for (row_id, _), route in zip(chunk, routes, strict=True):
            sink.write(json.dumps({"id": row_id, **written(route)}, ensure_ascii=False) + "\n")
        done += len(chunk)
    return done


def written(route: Route) -> dict[str, Any]:
    """A route as it is printed: the path, its confidences, the alternatives, and the model's version."""
    alternatives = [_place(place) for place in route.alternatives]
    return {**_place(route.place), "alternatives": alternatives, "version": route.version}


def _place(place: Place) -> dict[str, Any]:
    levels = [round(level, 4) for level in place.levels]
    return {"path": list(place.path), "confidence": round(place.confidence, 4), "levels": levels}


def _rows(source: IO[str]) -> Iterator[tuple[object, Message]]:
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            title, text = row.get("title") or "", row["text"] or ""
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableLine(f"第 {number} 行不是 {FORM} 形式的 JSON") from error
        for name, value in (("title", title), ("text", text)):
            if not isinstance(value, str):
                raise UnreadableLine(f"第 {number} 行的 {name} 不是文字")
        yield row.get("id"), Message(title, text)


@click.command("route")
def route_command() -> None:
    """从标准输入逐行读 {"id","title","text"} 留言，写出分类路径、可信度和备选。"""
    route_lines(sys.stdin, sys.stdout, Router.load())
