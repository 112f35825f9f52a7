"""Replays of real streams: a cascade of reposts under a published status, citizens' messages into the portal's form.

Plays what the file holds and says what it left out; invents nothing.
"""

import csv
import gzip
import json
import time
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.client import HTTPException
from pathlib import Path
from typing import Any

from .visitors import PortalRefused, Visitor

BEIJING = timezone(timedelta(hours=8))
BATCH = 200
CASCADE_COLUMNS = ("original", "mid", "parent", "time", "text", "author_hash")
MESSAGE_COLUMNS = ("time", "user", "title", "text")
TITLE_CHARACTERS, TEXT_CHARACTERS = 100, 5_000  # what the portal's form takes


class ReplayFault(ValueError):
    """A stream that cannot be played as asked; the text is one Chinese sentence for the person who asked."""


@dataclass
class Played:
    """What a replay did: rows by kind, and rows left out by reason."""

    reposts: int = 0
    comments: int = 0
    answers: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Rows played."""
        return self.reposts + self.comments + self.answers


@dataclass(frozen=True)
class Pace:
    """How fast a stream is played: one second of it takes 1 / `speed` seconds; 0 plays all at once."""

    speed: float = 0.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, stream_s: float, began: float) -> None:
        """Wait until `stream_s` of the stream may be over; `began` on the monotonic clock."""
        wait_s = stream_s / self.speed - (time.monotonic() - began) if self.speed else 0.0
        if wait_s > 0:
            self.sleep(wait_s)


AT_ONCE = Pace()


def read_rows(file: Path, columns: Collection[str]) -> Iterator[dict[str, str]]:
    """Rows of a tab-separated gzip file with a header and minimal quoting; ReplayFault when it is not that."""
    try:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines, dialect="excel-tab")
            if missing := sorted(set(columns) - set(reader.fieldnames or ())):
                raise ReplayFault(f"文件 {file.name} 缺少列：{'、'.join(missing)}")
            for row in reader:
                if None in row.values():
                    raise ReplayFault(f"文件 {file.name} 第 {reader.line_num} 行的列数不对")
                yield row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise ReplayFault(f"文件 {file.name} 读不出来：应为 gzip 压缩、制表符分隔的 UTF-8 文本（{error}）") from error


def parse_time(text: str) -> float | None:
    """Unix seconds of epoch digits, `2012-09-16 15:05:11` or Weibo's own form (all +08:00); None when malformed."""
    if text.isdigit():
        return float(text)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%a %b %d %H:%M:%S %z %Y"):
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007  the zone is set below
        except ValueError:
            continue
        return (at if at.tzinfo else at.replace(tzinfo=BEIJING)).timestamp()
    return None


def read_cascade(file: Path, original: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The rows of one original, ready to play and in order, and what was left out.

    A row with text, without parent and with crc32(mid) % 10 < 3 is a comment, a row below a comment an answer, any
    other a repost. Order is by time, a parent always before its children. A repeated id or malformed time is left out.
    """
    rows: dict[str, dict[str, Any]] = {}
    skipped: Counter[str] = Counter()
    for line in read_rows(file, CASCADE_COLUMNS):
        if line["original"] != original:
            continue
        at = parse_time(line["time"])
        if line["mid"] in rows:
            skipped["duplicate id"] += 1
        elif at is None:
            skipped["malformed time"] += 1
        else:
            rows[line["mid"]] = {
                "ref": line["mid"],
                "parent": line["parent"] or None,
                "at": at,
                "text": line["text"],
                "author": f"用户{line['author_hash']}",
            }
    for row in list(rows.values()):
        if row["parent"] and row["parent"] not in rows:
            skipped["parent left out"] += 1
            del rows[row["ref"]]
    for row in rows.values():
        row["kind"], row["due_at"] = kind_of(row, rows), due_at(row, rows)
    ordered = sorted(rows.values(), key=lambda row: (row["due_at"], depth_of(row, rows), row["ref"]))
    return ordered, skipped


def chain_of(row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The row and its ancestors, nearest first."""
    chain = [row]
    while chain[-1]["parent"]:
        chain.append(rows[chain[-1]["parent"]])
    return chain


def depth_of(row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> int:
    """Number of ancestors."""
    return len(chain_of(row, rows)) - 1


def kind_of(row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> str:
    """`comment`, `answer` or `repost`, as the top of the row's chain decides."""
    top = chain_of(row, rows)[-1]
    if top["text"] and zlib.crc32(top["ref"].encode()) % 10 < 3:
        return "comment" if top is row else "answer"
    return "repost"


def due_at(row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> float:
    """When to play the row: its own time, or its latest ancestor's where the file has the parent later."""
    return max(float(above["at"]) for above in chain_of(row, rows))


def read_original_time(file: Path, original: str) -> float | None:
    """The original's time from `originals.tsv.gz` beside the file; None when it is not there."""
    beside = file.parent / "originals.tsv.gz"
    if not beside.exists():
        return None
    return next(
        (parse_time(line["time"]) for line in read_rows(beside, ("id", "time")) if line["id"] == original), None
    )


def replay_cascade(
    file: Path,
    original: str,
    base_url: str,
    status_id: int,
    pace: Pace = AT_ONCE,
    *,
    align: str = "status",
) -> Played:
    """Play a cascade under a live status of the sandbox, its times shifted by one constant.

    `align` "status": the original's time becomes the status's; "now": the last row becomes now. ReplayFault when the
    file has no such original.
    """
    rows, skipped = read_cascade(file, original)
    if not rows:
        raise ReplayFault(f"文件 {file.name} 里没有编号为 {original} 的原微博")
    first = read_original_time(file, original) or rows[0]["due_at"]
    anchor = ask(base_url, f"/control/weibo/{status_id}", None)["created_at"] if align == "status" else time.time()
    shift = anchor - (first if align == "status" else rows[-1]["due_at"])
    played, began = Played(skipped=skipped), time.monotonic()
    for batch in batches(rows, pace.speed):
        pace.wait(batch[-1]["due_at"] - first, began)
        sent = [
            {**{k: row[k] for k in ("ref", "kind", "author", "text", "parent")}, "at": row["at"] + shift}
            for row in batch
        ]
        count_batch(played, ask(base_url, f"/control/weibo/{status_id}/rows", {"rows": sent}))
    return played


def batches(rows: list[dict[str, Any]], speed: float) -> Iterator[list[dict[str, Any]]]:
    """Rows in batches of at most 200; with a speed, a batch spans at most half a second of real time."""
    batch: list[dict[str, Any]] = []
    for row in rows:
        if batch and (len(batch) == BATCH or (speed and row["due_at"] - batch[0]["due_at"] > speed / 2)):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def count_batch(played: Played, answer: dict[str, Any]) -> None:
    """Add what the sandbox took of one batch."""
    played.reposts += answer["played"]["repost"]
    played.comments += answer["played"]["comment"]
    played.answers += answer["played"]["answer"]
    for reason, name in (("missing_parent", "parent not live"), ("repeated", "already played")):
        if answer[reason]:
            played.skipped[name] += len(answer[reason])


def ask(base_url: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """One call of the control API; ReplayFault when it refuses or does not answer."""
    content = json.dumps(body).encode() if body is not None else None
    call = urllib.request.Request(  # noqa: S310  the caller names a local sandbox
        base_url.rstrip("/") + path,
        data=content,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        error.close()
        raise ReplayFault(f"沙盒没有接受（HTTP {error.code}）：{base_url} 上没有这条微博，或它不是沙盒") from error
    except (OSError, HTTPException, ValueError) as error:
        raise ReplayFault(f"沙盒 {base_url} 没有应答，请先启动沙盒（{error}）") from error


def replay_messages(file: Path, portal_url: str, pace: Pace = AT_ONCE, *, limit: int | None = None) -> Played:
    """Post citizens' messages in order of time into the portal's form; `limit` plays the first n.

    `reposts` and `answers` stay 0; `comments` counts messages taken; refusals are counted by HTTP status. ReplayFault
    when the file cannot be read or nobody answers.
    """
    played = Played()
    timed = [(parse_time(row["time"]), row) for row in read_rows(file, MESSAGE_COLUMNS)]
    if malformed := sum(at is None for at, _ in timed):
        played.skipped["malformed time"] = malformed
    ordered = sorted(((at, row) for at, row in timed if at is not None), key=lambda pair: pair[0])[:limit]
    visitor, began = Visitor(portal_url, pace.sleep), time.monotonic()
    for at, row in ordered:
        pace.wait(at - ordered[0][0], began)
        try:
            visitor.write_message(message_of(row))
            played.comments += 1
        except PortalRefused as refusal:
            if not refusal.status:
                raise ReplayFault(f"门户 {portal_url} 没有应答，请先启动门户") from refusal
            played.skipped[f"refused {refusal.status}"] += 1
    return played


def message_of(row: dict[str, str]) -> dict[str, str]:
    """The form's fields of one recorded message."""
    name = row["user"].strip()
    return {
        "title": row["title"].strip()[:TITLE_CHARACTERS],
        "text": row["text"].strip()[:TEXT_CHARACTERS],
        "name": name,
        "contact": f"{name.lower()}@example.com",
    }
