"""The command `wenzheng bursts`: a CSV of counts in, a score and an alarm for each bin out. No judgement of its own."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import click

from monitors.detection.bursts import Watch


@dataclass(frozen=True)
class Row:
    """A line of the file: its number, the timestamp as written, the same in epoch seconds, and the count."""

    line: int
    stamp: str
    at_s: float
    count: float


class UnreadableSeries(click.ClickException):
    """One Chinese line that names the line and the field, exit code 1."""

    def show(self, file: object = None) -> None:
        """Print it to standard error."""
        click.echo(f"错误：{self.format_message()}", err=True)


def read_rows(lines: Iterable[str]) -> list[Row]:
    """The rows of a CSV with columns `timestamp` (ISO 8601; UTC when no zone is given) and `value` (a count)."""
    reader = csv.DictReader(lines)
    missing = {"timestamp", "value"} - set(reader.fieldnames or ())
    if missing:
        raise UnreadableSeries(f"第 1 行缺少列 {'、'.join(sorted(missing))}，表头请写成 timestamp,value")
    return [_row(reader.line_num, row["timestamp"] or "", row["value"] or "") for row in reader]


def _row(line: int, stamp: str, value: str) -> Row:
    try:
        at = datetime.fromisoformat(stamp.strip())
    except ValueError as error:
        raise UnreadableSeries(
            f"第 {line} 行 timestamp「{stamp}」不是时间，请写成 2026-11-23 08:05:00 的样子"
        ) from error
    try:
        count = float(value)
    except ValueError:
        count = math.nan
    if not 0 <= count < math.inf:
        raise UnreadableSeries(f"第 {line} 行 value「{value}」不是数量，请写不小于 0 的数")
    return Row(line, stamp, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp(), count)


def step_of(rows: list[Row]) -> float:
    """The commonest distance of neighbouring rows in seconds; a missing row does not change it."""
    if len(rows) < 2:
        raise UnreadableSeries("文件至少要有两行数据，才能看出时间间隔")
    gaps = Counter(after.at_s - before.at_s for before, after in pairwise(rows))
    step_s = gaps.most_common(1)[0][0]
    if step_s <= 0:
        raise UnreadableSeries(f"第 {rows[1].line} 行起 timestamp 没有递增，请按时间从早到晚排列，每个时刻一行")
    return step_s


def judge(rows: list[Row]) -> Iterable[tuple[str, float, bool]]:
    """(timestamp as written, score 0..1, alarm) for each row; what a row says uses the rows up to it only."""
    step_s = step_of(rows)
    watch, first, last = Watch(step_s), rows[0].at_s, None
    for row in rows:
        at = int(first // step_s) + round((row.at_s - first) / step_s)
        if last is not None and at <= last:
            raise UnreadableSeries(f"第 {row.line} 行 timestamp「{row.stamp}」不晚于上一行，请按时间从早到晚排列")
        last = at
        reading = watch.feed(at, row.count)
        yield row.stamp, reading.score, reading.alarm


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bursts(file: Path) -> None:
    """在等间隔的数量序列（CSV：timestamp,value）中找突发，逐行写出 timestamp,score,alarm。"""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            rows = read_rows(lines)
        except UnicodeDecodeError as error:
            raise UnreadableSeries("文件不是 UTF-8 编码，请另存为 UTF-8 后再试") from error
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("timestamp", "score", "alarm"))
    for stamp, score, alarm in judge(rows):
        out.writerow((stamp, f"{score:.6f}", int(alarm)))
