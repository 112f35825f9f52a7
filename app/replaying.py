"""`wenzheng issues --replay FILE`: finds the issues in a stream kept in a file and writes them as JSON lines.

Opens no database: the same file gives the same issues on any machine.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click

from monitors.detection.stream.checkpoint import UnreadableState, from_bytes, to_bytes
from monitors.detection.stream.detector import Detector
from monitors.detection.stream.mentions import Heard, in_order
from monitors.detection.stream.telling import told

BEIJING = timezone(timedelta(hours=8))
CHUNK = 5000
IDS = ("id", "mention_id", "msg_id", "mid")
TIMES = ("time", "at", "posted_at", "created_at", "timestamp")
TEXTS = ("text", "content", "message")
AUTHORS = ("author", "user", "author_hash", "author_id")
SOURCES = ("source", "channel")
ABOVE = ("under", "original", "thread")
FORMS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")


class UnreadableStream(click.ClickException):
    """A line that cannot be read; names the line, the field and the fix."""

    def show(self, file: IO[Any] | None = None) -> None:
        """One Chinese line on standard error."""
        click.echo(f"错误：{self.format_message()}", err=True, file=file)


@click.command()
@click.option("--replay", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
              help="提及流：JSON 行，或带表头的 TSV；可为 .gz")  # fmt: skip
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="写到哪里，默认标准输出")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="检查点文件：有则从上次读到的位置继续，读完后写回")  # fmt: skip
@click.option("--quiet/--no-quiet", default=True, show_default=True, help="是否输出一至三条即报的静默信号")
def issues(file: Path, out: IO[str], state: Path | None, quiet: bool) -> None:
    """从一个提及流里找出议题：每行一个议题，含成员、首次预警时间和依据。"""
    detector = Detector()
    if state and state.exists():
        try:
            detector = from_bytes(state.read_bytes())
        except UnreadableState as error:
            raise UnreadableStream(f"检查点 {state} 读不出来（{error}）；请删去后重新运行") from error
    stream = iter(in_order(read_stream(file))[detector.offset :])
    while chunk := list(islice(stream, CHUNK)):
        detector.feed(chunk)
    if state:
        state.write_bytes(to_bytes(detector))
    detector.close()
    for issue in detector.issues:
        if quiet or issue.kind != "quiet":
            out.write(json.dumps(told(issue), ensure_ascii=False) + "\n")


def read_stream(file: Path) -> Iterator[Heard]:
    """The mentions of a file in its order: JSON lines when its first letter is a brace, else TSV with a header.

    Raises UnreadableStream.
    """
    csv.field_size_limit(10**9)
    opening = gzip.open if file.suffix == ".gz" else open
    with opening(file, "rt", encoding="utf-8", newline="") as lines:
        head = lines.read(1)
        lines.seek(0)
        rows = map(json_row, enumerate(lines, 1)) if head == "{" else csv.DictReader(lines, delimiter="\t")
        for number, row in enumerate(rows, 1):
            if row:
                yield heard_of(row, number)


def json_row(numbered: tuple[int, str]) -> dict[str, Any]:
    """One line of JSON; empty for an empty line."""
    number, line = numbered
    try:
        row = json.loads(line) if line.strip() else {}
    except ValueError as error:
        raise UnreadableStream(f'第 {number} 行不是 JSON：每行应是一个对象，如 {{"id":"1","time":…}}') from error
    if not isinstance(row, dict):
        raise UnreadableStream(f"第 {number} 行不是对象：每行应是一个 JSON 对象")
    return row


def heard_of(row: Mapping[str, Any], number: int) -> Heard:
    """One row as the detector reads it; id, time and text must be there, the other columns may be missing."""
    written = str(_first(row, TIMES, number, "time"))
    at = instant(written)
    if at is None:
        raise UnreadableStream(f"第 {number} 行的 time 读不懂：{written[:30]}；请写纪元秒或 2026-11-24 09:30:00")
    title, text = str(row.get("title") or ""), str(_first(row, TEXTS, number, "text") or "")
    return Heard(
        id=str(_first(row, IDS, number, "id")),
        at=at,
        author=str(_any(row, AUTHORS)),
        source=str(_any(row, SOURCES)),
        text=text if not title or text.startswith(title) else f"{title}。{text}",
        under=str(_any(row, ABOVE)),
    )


def instant(written: str) -> float | None:
    """Epoch seconds of a written time; without a zone it is Beijing's; None when it cannot be read."""
    try:
        return float(written)
    except ValueError:
        pass
    for reader in (datetime.fromisoformat, *(lambda text, form=form: datetime.strptime(text, form) for form in FORMS)):  # noqa: DTZ007
        try:
            found = reader(written.strip())
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=BEIJING)).timestamp()
    return None


def _first(row: Mapping[str, Any], names: tuple[str, ...], number: int, field: str) -> Any:
    for name in names:
        if name in row:
            return row[name]
    raise UnreadableStream(f"第 {number} 行没有 {field}：需要 id、time、text 三个字段（可另有 author、source、under）")


def _any(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name)), "")
