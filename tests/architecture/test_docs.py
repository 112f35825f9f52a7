"""The documents say what the code does: settings, jobs, commands, make targets, decision records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from app.command import main
from core import runtime
from core.config import Settings
from scheduler.jobs import TABLE

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    for name, field in Settings.model_fields.items():
        default = "(empty)" if field.default == "" else str(field.default)
        assert f"| `WENZHENG_{name.upper()}` | {default} | {field.description} |" in OPERATING


def test_no_setting_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"`WENZHENG_([A-Z0-9_]+)`", OPERATING))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_every_setting_at_run_time_is_documented_with_its_default_and_no_other() -> None:
    section = OPERATING.split("## Settings at run time")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `(.+?)` \|", section, re.MULTILINE))
    assert {key: json.loads(default) for key, default in rows.items()} == {
        key: setting.defaults() for key, setting in runtime.TABLE.items()
    }


def test_every_job_is_documented_and_no_other() -> None:
    section = OPERATING.split("## Jobs of the scheduler")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(TABLE)


def test_both_readmes_name_every_command() -> None:
    for path in READMES:
        text = path.read_text(encoding="utf-8")
        missing = [name for name in main.list_commands(click.Context(main)) if f"wenzheng {name}" not in text]
        assert missing == [], path.name


def test_both_readmes_have_the_same_sections_and_commands() -> None:
    shapes = []
    for path in READMES:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
        commands = [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]
        shapes.append((len(re.findall(r"^## ", text, re.MULTILINE)), commands))
    assert shapes[0] == shapes[1]


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", READMES[0].read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_decision_records_are_short_and_numbered_without_gaps() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert {path.name: n for path in records if (n := path.read_text(encoding="utf-8").count("\n")) > 40} == {}


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*READMES, *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} -> {target}"
