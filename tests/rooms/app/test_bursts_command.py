from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.command import main


def run(path: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["bursts", str(path)])
    return result.exit_code, result.stdout, result.stderr


def written(path: Path, counts: list[float], minutes: int = 15, skipped: range = range(0)) -> Path:
    start = datetime(2026, 3, 1, 0, 7, 3)
    rows = [
        f"{start + timedelta(minutes=minutes * at)},{count}" for at, count in enumerate(counts) if at not in skipped
    ]
    path.write_text("timestamp,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_each_row_gets_a_score_and_the_burst_an_alarm(tmp_path: Path) -> None:
    counts = [5.0 + at % 3 for at in range(600)]
    counts[500:508] = [90.0] * 8
    code, out, err = run(written(tmp_path / "a.csv", counts, skipped=range(300, 310)))
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, err) == (0, "")
    assert list(rows[0]) == ["timestamp", "score", "alarm"]
    assert len(rows) == 590
    assert rows[0]["timestamp"] == "2026-03-01 00:07:03"
    assert {row["alarm"] for row in rows[:490]} == {"0"}
    assert rows[490]["alarm"] == "1"
    assert float(rows[490]["score"]) > 0.5 > max(float(row["score"]) for row in rows[:490])


def test_the_beginning_of_a_file_gives_the_beginning_of_the_answer(tmp_path: Path) -> None:
    counts = [float(at * 7 % 11) for at in range(400)]
    counts[350] = 300
    whole, part = run(written(tmp_path / "a.csv", counts))[1], run(written(tmp_path / "b.csv", counts[:360]))[1]
    assert whole.startswith(part)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("time,value\n1,2\n", "timestamp"),
        ("timestamp,value\nyesterday,2\n", "第 2 行 timestamp「yesterday」"),
        ("timestamp,value\n2026-01-01 00:00,1\n2026-01-01 00:05,-3\n", "第 3 行 value「-3」"),
        ("timestamp,value\n2026-01-01 00:00,1\n2026-01-01 00:05,\n", "第 3 行 value「」"),
        ("timestamp,value\n2026-01-01 00:00,1\n", "两行"),
        (
            "timestamp,value\n2026-01-01 00:00,1\n2026-01-01 00:05,1\n2026-01-01 00:10,1\n2026-01-01 00:05,1\n",
            "第 5 行",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_by_one_line_that_names_the_place(
    tmp_path: Path, text: str, named: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    code, _, err = run(path)
    assert code == 1
    assert named in err
    assert err.count("\n") == 1
