"""Reads the real texts: cascades with their own times, citizens' messages with class and place. Changes no text.

A part is a split by a checksum of the row's own id: `tune` (a third) is for trying parameters, `test` is the rest.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

BEIJING = timezone(timedelta(hours=8))
PLACE = re.compile(r"[A-M]\d{1,2}[区县市]")  # the data's own disguise of districts and counties
TUNE_SHARE = 3


@dataclass(frozen=True)
class Line:
    """One real post: epoch seconds, author, source and text."""

    id: str
    at: float
    author: str
    source: str
    text: str
    under: str = ""


@dataclass
class Cascade:
    """A Weibo post and all that was written under it, oldest first; rows without text or time are left out."""

    key: str
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A citizen's message; `kind` is a third-level class and a place, empty when none is named in it."""

    line: Line
    kind: tuple[str, ...]


def in_part(key: str, part: str) -> bool:
    """Whether a row belongs to the part; all of a cascade does or does not."""
    return (zlib.crc32(key.encode()) % TUNE_SHARE == 0) == (part == "tune")


def read_cascades(directory: Path, part: str) -> list[Cascade]:
    """The cascades of a part, by key; the post itself is the first line."""
    found: dict[str, Cascade] = {}
    for row in _rows(directory / "cascades/originals.tsv.gz"):
        at = _instant(row["time"])
        if at is not None and row["text"].strip() and in_part(row["id"], part):
            found[row["id"]] = Cascade(
                row["id"], [Line(f"o{row['id']}", at, f"o{row['id']}", "weibo", row["text"], row["id"])]
            )
    seen: set[tuple[str, str]] = set()
    for row in _rows(directory / "cascades/reposts.tsv.gz"):
        at, key = _instant(row["time"]), (row["original"], row["mid"])
        if row["original"] in found and at is not None and row["text"].strip() and key not in seen:
            seen.add(key)
            line = Line(
                f"{row['original']}/{row['mid']}", at, row["author_hash"], "weibo", row["text"], row["original"]
            )
            found[row["original"]].lines.append(line)
    for cascade in found.values():
        cascade.lines.sort(key=lambda line: (line.at, line.id))
    return [cascade for _key, cascade in sorted(found.items()) if len(cascade.lines) > 1]


def read_messages(directory: Path, part: str) -> list[Message]:
    """The messages of a part by time, each text once; replies are read for their questions only."""
    classes = third_level(directory / "messages/taxonomy.tsv")
    found: dict[str, Message] = {}
    for name, column in (("stream", "text"), ("replies", "message"), ("labelled", "text")):
        for row in _rows(directory / f"messages/{name}.tsv.gz"):
            text, at = row[column].strip(), _instant(row["time"])
            if column == "message":
                text = f"{row['title'].strip()}。{text}"
            if at is None or not text or text in found or not in_part(f"{name}{row['msg_id']}", part):
                continue
            line = Line(f"{name}/{row['msg_id']}", at, row.get("user") or f"{name}{row['msg_id']}", "messages", text)
            found[text] = Message(line, _kind(text, classes))
    return sorted(found.values(), key=lambda message: (message.line.at, message.line.id))


def third_level(path: Path) -> list[str]:
    """The names of the third level, longest first: a message that holds the name is taken for the class."""
    names = {row["三级分类"] for row in _rows(path)} - {"其他"}
    return sorted((name for name in names if len(name) > 2), key=lambda name: (-len(name), name))


def _kind(text: str, classes: list[str]) -> tuple[str, ...]:
    place, name = PLACE.search(text), next((name for name in classes if name in text), "")
    return (name, place.group()) if place and name else ()


def _instant(text: str) -> float | None:
    """Epoch seconds of the ways the files write a time; None when it cannot be read."""
    if text.isdigit():
        return float(text)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=BEIJING).timestamp()
        except ValueError:
            continue
    return None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(10**9)
    opening = gzip.open if path.suffix == ".gz" else open
    with opening(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")
