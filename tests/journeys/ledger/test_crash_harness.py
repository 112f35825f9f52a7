"""The crash harness on fixed seeds: kills, stops, lost answers, late accepts, withdrawals; and that it bites."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.ledger.runs import CLASSES, LOST_KINDS
from bench.ledger.verdicts import is_good

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def harness(*arguments: object) -> dict[str, Any]:
    """Run the harness in a process of its own and read its JSON."""
    command = [sys.executable, "-m", "bench.ledger", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380)
    assert done.stdout, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def told(result: dict[str, Any]) -> str:
    """What a failed assertion shows."""
    return json.dumps(result, ensure_ascii=False, indent=1)


def test_forty_of_each_disturbance_never_make_two_copies() -> None:
    counts = [part for kind in CLASSES for part in (f"--{kind}", 40)]
    result = harness(*counts, "--launch-s", 60, "--seed", 1)
    assert result["two_copies"] == 0, told(result)
    assert result["faults"] == 0, told(result)
    assert result["undecided_outside_foreign"] == 0, told(result)
    assert result["slow_rows"] == 0, told(result)
    assert is_good(result), told(result)
    assert (result["kills"], result["stops"]) == (40, 40)
    assert result["runs"] == dict.fromkeys(CLASSES, 40)
    fired = result["faults_fired"]
    assert fired["accept_late"] == 40, fired
    assert sum(fired.get(fault["kind"], 0) for fault in LOST_KINDS) >= 40, fired
    assert fired["foreign_posts"] >= 20, fired  # not all: a kill may come before the call
    assert min(fired.get(kind, 0) for kind in ("late_callback", "duplicate_callback")) > 0, fired
    assert result["of_these_found_live"] > 0
    assert result["taken_over_with_open_call"] < result["rows_taken_over"]
    assert result["classes"]["foreign"]["undecided_asked"] > 0


def test_the_harness_catches_a_channel_that_sends_again_after_a_time_out() -> None:
    result = harness("--late", 9, "--launch-s", 4, "--wait-s", 12, "--naive")
    assert result["two_copies"] > 0, told(result)


def test_the_harness_catches_a_ledger_that_does_not_wait_for_the_settle_time() -> None:
    result = harness("--late", 12, "--launch-s", 5, "--wait-s", 20, "--settle-factor", 0)
    assert result["two_copies"] > 0, told(result)
