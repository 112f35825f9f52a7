"""The demonstration does what the readme promises, from an empty home to an issue and a brief."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import Settings
from core.house import create_tables, open_house
from core.models import Article, Person

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WENZHENG_")}
    return {**kept, "WENZHENG_HOME": str(tmp_path)}


@pytest.mark.slow
def test_the_demo_publishes_on_four_channels_raises_an_issue_and_makes_a_brief(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "app", "demo", "--once"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "稿件已在 4 个渠道确认发布" in done.stdout
    assert re.search(r"※ 发现议题：\S", done.stdout)
    assert "简报：" in done.stdout
    passwords = re.findall(r"^ {4}\w+ +(\S{14}) ", done.stdout, re.MULTILINE)
    assert len(set(passwords)) == 8


def test_the_demo_refuses_a_database_that_holds_real_articles(environment: dict[str, str], tmp_path: Path) -> None:
    house = open_house(Settings(_env_file=None, home=tmp_path / "demo"), create=True)
    create_tables(house.db)
    with house.db.write() as session:
        person = Person(username="a", display_name="a", password_hash="!")
        session.add(person)
        session.flush()
        session.add(Article(author_id=person.id, title="真实稿件"))
    house.close()
    command = [sys.executable, "-m", "app", "demo", "--once"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "正式稿件" in done.stderr
    assert (tmp_path / "demo" / "wenzheng.sqlite").exists()
