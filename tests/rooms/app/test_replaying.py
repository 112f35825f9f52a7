"""`wenzheng issues --replay`: reads both forms, continues from a checkpoint, names what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from app.command import main
from app.replaying import instant

BEGIN = 1_700_006_400


def rows() -> list[dict[str, object]]:
    quiet: list[dict[str, object]] = [
        {
            "id": f"b{n}",
            "time": BEGIN + n * 1440,
            "author": f"a{n % 31}",
            "source": "portal",
            "text": f"第{n % 13}路公交几点收班",
        }
        for n in range(9 * 60)
    ]
    loud: list[dict[str, object]] = [
        {
            "id": f"s{n}",
            "time": BEGIN + 700_000 + n * 300,
            "author": f"n{n}",
            "source": "portal",
            "text": f"青禾苑自来水发黄{'臭味黑脏'[n % 4]}",
        }
        for n in range(12)
    ]
    return sorted([*quiet, *loud], key=lambda row: int(str(row["time"])))


def written(path: Path, lines: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines), encoding="utf-8")
    return path


def issues_of(*arguments: object) -> list[dict[str, object]]:
    result = CliRunner().invoke(main, ["issues", "--replay", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_stream_of_json_lines_gives_issues_with_members_and_first_alarm(tmp_path: Path) -> None:
    (issue,) = issues_of(written(tmp_path / "stream.jsonl", rows()))
    assert {f"s{n}" for n in range(12)} <= set(issue["members"])  # type: ignore[call-overload]
    assert str(issue["first_alarm_at"]).startswith("2023-11-2")


def test_a_table_gives_what_json_lines_give(tmp_path: Path) -> None:
    table = tmp_path / "stream.tsv"
    names = ("id", "time", "author", "source", "text")
    lines = ["\t".join(names), *("\t".join(str(row[name]) for name in names) for row in rows())]
    table.write_text("\n".join(lines), encoding="utf-8")
    assert issues_of(table) == issues_of(written(tmp_path / "stream.jsonl", rows()))


def test_a_stream_read_in_two_goes_gives_what_one_gives(tmp_path: Path) -> None:
    state = tmp_path / "state"
    everything = rows()
    issues_of(written(tmp_path / "half.jsonl", everything[:480]), "--state", state)
    whole = written(tmp_path / "stream.jsonl", everything)
    assert issues_of(whole, "--state", state) == issues_of(whole)


def test_a_row_without_a_readable_time_is_named_with_the_fix(tmp_path: Path) -> None:
    stream = written(tmp_path / "stream.jsonl", [{"id": "1", "time": "昨天", "text": "水黄"}])
    result = CliRunner().invoke(main, ["issues", "--replay", str(stream)])
    assert result.exit_code == 1
    assert "第 1 行的 time 读不懂：昨天" in result.stderr


def test_times_without_a_zone_are_beijings() -> None:
    assert instant("2023-11-15 08:00:00") == instant("2023/11/15 8:00:00") == 1_700_006_400
    assert instant("1700006400") == instant("2023-11-15T00:00:00+00:00") == 1_700_006_400
    assert instant("") is None
