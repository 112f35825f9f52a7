"""Clients nobody here wrote work against the sandbox, each in an environment of its own.

The environments are built once from hash-pinned lists and kept under `var/foreign/`, named by the list's digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CHANGES = {
    "wechatpy": "API_BASE_URL；取令牌的地址（库里写死）改到本机；auto_retry=False",
    "jpush": "jpush.common.ZONES['DEFAULT'] 的 PUSH 与 REPORT 两个地址",
    "sinaweibopy3": "auth_url、api_url 两个地址；collections.Iterable 指回 collections.abc",
}
EXPECTED_CALLS = {"wechatpy": 20, "jpush": 8, "sinaweibopy3": 16}


@pytest.fixture(scope="session")
def environment() -> Callable[[str], Path]:
    """Gives the Python of a client's environment, built when its list has changed."""
    return build_environment


def build_environment(name: str) -> Path:
    lists = [file for file in (HERE / f"{name}-build.txt", HERE / f"{name}.txt") if file.exists()]
    content = b"".join(file.read_bytes() for file in lists)
    digest = hashlib.sha256(content + sys.version.encode()).hexdigest()[:12]
    home = ROOT / "var" / "foreign" / f"{name}-{digest}"
    python = home / "bin" / "python"
    if (home / "complete").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    for file in lists:  # what a source package is built with comes first
        subprocess.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--no-build-isolation",
                "--require-hashes",
                "-r",
                file,
            ],
            check=True,
        )
    (home / "complete").touch()
    return python


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--time-factor", "20"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def make_account(base_url: str, platform: str, **settings: Any) -> dict[str, Any]:
    body = json.dumps({"platform": platform, **settings}).encode()
    call = urllib.request.Request(f"{base_url}/control/accounts", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=10) as answer:
        return dict(json.loads(answer.read()))


@pytest.mark.parametrize(("name", "platform"), [("wechatpy", "wechat"), ("jpush", "jpush"), ("sinaweibopy3", "weibo")])
def test_a_foreign_client_works_with_its_addresses_changed_only(
    name: str, platform: str, environment: Callable[[str], Path], sandbox_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account = make_account(sandbox_url, platform, **({"quotas": {"push": 20}} if platform == "jpush" else {}))
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    run = subprocess.run(
        [environment(name), str(HERE / f"{name}_client.py"), sandbox_url, json.dumps(account)],
        capture_output=True,
        text=True,
        timeout=120,
        env=plain,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    calls = json.loads(run.stdout.splitlines()[-1])["calls"]
    with capsys.disabled():
        print(f"\n{name}：改动：{CHANGES[name]}\n  走通：{'、'.join(calls)}")
    assert len(calls) == EXPECTED_CALLS[name]
