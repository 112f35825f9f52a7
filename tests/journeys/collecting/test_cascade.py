"""A whole cascade replayed under our post and read back: everything once, every parent right, whatever is killed."""

from __future__ import annotations

import csv
import gzip
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

from core.models import Source
from sandbox.replay import read_cascade, replay_cascade
from spiders.runner import run_sources
from tests.rooms.spiders.office import Office, Open, Start

WORDS = ("扩散", "转发微博", "", "停水也不早说", "家里有老人怎么办", "已经来水了", "支持", "水压很低")
ROWS = 900
SPIDERS = ("weibo_comments", "weibo_reposts", "weibo_counts")


def write_cascade(directory: Path) -> Path:
    """A made-up cascade in the form of the replayed files: a third answers somebody, some rows have no words."""
    draw = random.Random(7)
    file = directory / "reposts.tsv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, dialect="excel-tab")
        writer.writerow(["original", "mid", "parent", "time", "author_hash", "text"])
        for number in range(ROWS):
            parent = f"m{draw.randrange(number):04d}" if number and draw.random() < 0.35 else ""
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1_380_000_000 + number * 7))
            writer.writerow(["o1", f"m{number:04d}", parent, at, f"{number:012x}", draw.choice(WORDS)])
    return file


def play(office: Office, tmp_path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """Publish, replay; gives the status and the file's rows by ref."""
    _copy, status = office.post_weibo()
    file = write_cascade(tmp_path)
    rows, _skipped = read_cascade(file, "o1")
    played = replay_cascade(file, "o1", office.platform.url, int(status), align="now")
    assert played.total == ROWS == len(rows)
    return status, {row["ref"]: row for row in rows}


def compare(office: Office, status: str, rows: dict[str, dict[str, Any]]) -> None:
    """Everything there is here once, with the file's parent and words."""
    truth = {str(row["id"]): row["ref"] for row in office.platform.rows(status)}
    held = office.mentions()
    refs = [truth[row.external_id] for row in held]
    assert len(refs) == len(set(refs)) == ROWS
    for ref, row in zip(refs, held, strict=True):
        assert truth.get(row.parent_external_id) == rows[ref]["parent"], ref
        words = rows[ref]["text"]
        assert row.text == ("" if row.kind == "repost" and words == "转发微博" else words)


def test_a_cascade_comes_in_whole_with_every_parent_and_a_second_round_adds_nothing(
    start_platform: Start, open_office: Open, tmp_path: Path
) -> None:
    office = open_office(start_platform())
    office.open_weibo()
    status, rows = play(office, tmp_path)
    sources = [office.source(spider).id for spider in SPIDERS]
    run_sources(office.house, sources)
    compare(office, status, rows)
    run_sources(office.house, sources)
    assert [office.runs(source)[-1].added for source in sources] == [0, 0, 0]
    compare(office, status, rows)
    assert {row.state for row in office.coverage()} == {"complete"}


def test_killed_again_and_again_at_any_moment_it_still_comes_in_whole(
    start_platform: Start, open_office: Open, tmp_path: Path
) -> None:
    office = open_office(start_platform("commercial", "--latency-ms", "150"))
    office.open_weibo()
    status, rows = play(office, tmp_path)
    sources = [office.source(spider).id for spider in SPIDERS]
    draw = random.Random(11)
    for _turn in range(4):
        runner = threading.Thread(target=run_sources, args=(office.house, sources))
        runner.start()
        kill_soon(office, sources[0], draw.uniform(0.1, 1.2))
        runner.join()
    killed = [run for source in sources for run in office.runs(source) if "异常退出（-9）" in run.note]
    assert killed, "no kill struck"
    run_sources(office.house, sources)
    compare(office, status, rows)


def kill_soon(office: Office, source_id: int, after_s: float) -> None:
    """Kill the process that reads the source some time after it began, unless it was quicker."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        runs = office.runs(source_id)
        if runs and runs[-1].pid and runs[-1].state == "running":
            time.sleep(1.0 + after_s)  # its start takes about a second
            with office.house.db.read() as session:
                if session.get_one(Source, source_id).run_id == runs[-1].id:
                    os.kill(runs[-1].pid, signal.SIGKILL)
            return
        time.sleep(0.02)
    raise AssertionError("no run began")
