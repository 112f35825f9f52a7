"""The import contract holds, hidden imports included, and the code keeps the house's manners."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "publisher", "monitors", "casework", "spiders", "scheduler", "dashboards", "portal", "sandbox", "app")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
VENDORS = {
    "flask": {"dashboards", "portal", "sandbox"},
    "flask_login": {"dashboards"},
    "flask_wtf": {"dashboards", "portal"},
    "httpx": {"core/http"},
    "scrapy": {"spiders"},
    "twisted": {"spiders"},
    "apscheduler": {"scheduler"},
    "smtplib": {"monitors/notifiers"},
    "alembic": set(),
}


def test_the_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_is_imported_only_at_home(vendor: str) -> None:
    homes = VENDORS[vendor]
    strangers = []
    for path in FILES:
        place = path.relative_to(ROOT).with_suffix("").as_posix()
        at_home = any(place == home or place.startswith(home + "/") for home in homes)
        if not at_home and vendor in imported(ast.parse(path.read_text(encoding="utf-8"))):
            strangers.append(place)
    assert strangers == []


def silent_handlers(tree: ast.AST) -> list[int]:
    """Lines of handlers that catch everything and say nothing."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            named = node.type.id if isinstance(node.type, ast.Name) else ""
            broad = node.type is None or named in ("Exception", "BaseException")
            if broad and all(isinstance(child, ast.Pass | ast.Continue) for child in node.body):
                found.append(node.lineno)
    return found


def test_no_handler_swallows_every_error_in_silence() -> None:
    found = {str(path): lines for path in FILES if (lines := silent_handlers(ast.parse(path.read_text("utf-8"))))}
    assert found == {}
    assert silent_handlers(ast.parse("try:\n    x()\nexcept Exception:\n    pass\n")) == [3]


def test_nothing_is_left_to_do_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError")
    found = [str(path) for path in FILES if marks.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in FILES if path.stem in ("utils", "helpers", "manager", "data", "info", "common")] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []
