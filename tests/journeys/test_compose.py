"""The compose file is valid, and its processes with its settings work together natively."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from core.config import Settings
from core.house import open_house
from core.models import JobRun, Lease
from tests.services import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = [name for name, service in COMPOSE["services"].items() if "build" in service]

pytestmark = pytest.mark.slow


def test_the_compose_file_is_accepted_by_its_own_tool() -> None:
    tool = shutil.which("docker-compose")
    assert tool, "docker-compose is missing: install the package docker-compose"
    environment = {**os.environ, "POSTGRES_PASSWORD": "x"}
    done = subprocess.run([tool, "config", "--quiet"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_is_no_default_database_password() -> None:
    tool = shutil.which("docker-compose")
    assert tool, "docker-compose is missing: install the package docker-compose"
    environment = {name: value for name, value in os.environ.items() if name != "POSTGRES_PASSWORD"}
    done = subprocess.run([tool, "config", "--quiet"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0


@contextmanager
def started(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "app", *arguments], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def fetch(url: str, wait_s: float = 60) -> tuple[int, bytes]:
    """Ask until somebody answers."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_the_processes_of_the_compose_file_work_together_on_postgresql(
    postgres_database_url: str, empty_postgres: str, tmp_path: Path
) -> None:
    web, portal = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WENZHENG_")}
    named = COMPOSE["services"]["web"]["environment"]
    environment |= {
        **{name: str(value) for name, value in named.items()},
        "WENZHENG_HOME": str(tmp_path),
        "WENZHENG_DATABASE_URL": empty_postgres,
        "WENZHENG_WEB_BIND": f"127.0.0.1:{web}",
        "WENZHENG_PORTAL_BIND": f"127.0.0.1:{portal}",
    }
    subprocess.run([sys.executable, "-m", "app", "init"], cwd=ROOT, env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        for name in OURS:
            stack.enter_context(started(COMPOSE["services"][name]["command"], environment))
        assert fetch(f"http://127.0.0.1:{web}/login")[0] == 200
        assert fetch(f"http://127.0.0.1:{portal}/messages/new")[0] == 200
        status, body = fetch(f"http://127.0.0.1:{web}/healthz")
        assert (status, json.loads(body)["unknown"]) == (200, 0)
        house = open_house(Settings(_env_file=None, home=tmp_path, database_url=empty_postgres))
        stack.callback(house.close)
        deadline = time.monotonic() + 60
        while True:
            with house.db.read() as session:
                held = session.scalar(select(Lease.worker_id).where(Lease.name == "scheduler"))
                runs = session.scalars(select(JobRun.job).where(JobRun.state == "done")).all()
            if (held and runs) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert held
        assert runs
