"""The command `wenzheng route`: JSON lines in and out, in order, and lines that cannot be read are named."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from app.command import main


def run(text: str):
    return CliRunner().invoke(main, ["route"], input=text)


def test_messages_get_a_path_a_confidence_and_alternatives_in_order() -> None:
    lines = [
        {"id": "a", "title": "学校强制补课", "text": "老师周末补课收费"},
        {"id": 2, "text": "医生误诊，医院不肯负责"},
    ]
    done = run("\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [row["id"] for row in rows] == ["a", 2]
    assert [row["path"][0] for row in rows] == ["教育文体", "卫生计生"]
    for row in rows:
        assert len(row["path"]) == 3
        assert 1 >= row["confidence"] >= row["alternatives"][0]["confidence"]
        assert set(row["alternatives"][0]) == {"path", "confidence", "levels"}
        assert row["version"].startswith("routing-1-")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("不是 JSON", "第 2 行"),
        ("[1]", "第 2 行"),
        ('{"id": 1, "title": "缺正文"}', "第 2 行"),
        ('{"title": 5, "text": "路灯坏了"}', "title 不是文字"),
        ('{"title": "路灯", "text": 5}', "text 不是文字"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, told: str) -> None:
    done = run('{"id": 1, "text": "路灯坏了"}\n' + line + "\n")
    assert done.exit_code == 1
    assert told in done.output
    assert "Traceback" not in done.output
