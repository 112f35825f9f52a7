"""Eight processes on one token: fetched once, and once again after it was killed. On both databases."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.models import Account, Token
from core.tokens import Fetched

PROCESSES = 8
PROGRAM = """
import os, sys, time
from core.config import Settings
from core.house import open_house
from core.tokens import Fetched
house = open_house(Settings.model_validate_json(sys.argv[1]))
account_id, log = int(sys.argv[2]), sys.argv[3]
def fetch():
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, b"f")
    time.sleep(0.2)
    value = "token-%d" % os.fstat(handle).st_size
    os.close(handle)
    return Fetched(value, 7200)
for line in sys.stdin:
    order, _, value = line.strip().partition(" ")
    if order == "get":
        print(house.tokens.get(account_id, fetch), flush=True)
    else:
        print(house.tokens.expired(account_id, value), flush=True)
"""


@pytest.fixture
def account_id(either_house) -> int:
    with either_house.db.write() as session:
        account = Account(kind="wechat", name="公众号")
        session.add(account)
        session.flush()
        return account.id


@pytest.fixture
def crowd(either_house, account_id, tmp_path):
    """Eight processes that do as they are told, line by line, and the file that counts their fetches."""
    log = tmp_path / "fetches"
    command = [sys.executable, "-c", PROGRAM, either_house.settings.model_dump_json(), str(account_id), str(log)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    yield processes, log
    for process in processes:
        process.communicate(timeout=60)


def tell(processes: list[subprocess.Popen], order: str) -> list[str]:
    for process in processes:
        process.stdin.write(order + "\n")
        process.stdin.flush()
    return [process.stdout.readline().strip() for process in processes]


def fetches(log: Path) -> int:
    return log.stat().st_size


def test_eight_processes_fetch_one_token_and_one_more_after_a_kill(crowd):
    processes, log = crowd
    assert set(tell(processes, "get")) == {"token-1"}
    assert fetches(log) == 1
    dead = tell(processes, "expired token-1")
    assert dead.count("True") == 1
    assert set(tell(processes, "get")) == {"token-2"}
    assert fetches(log) == 2
    assert tell(processes, "expired token-1") == ["False"] * PROCESSES  # late news of the old token kill nothing
    assert set(tell(processes, "get")) == {"token-2"}
    assert fetches(log) == 2


def test_a_token_is_stored_encrypted(either_house, account_id):
    assert either_house.tokens.get(account_id, lambda: Fetched("plain-token", 7200)) == "plain-token"
    with either_house.db.read() as session:
        assert b"plain-token" not in session.get_one(Token, account_id).value
