"""Several processes on the same rows: mentions stored once, budgets never overdrawn. On both databases."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from core.models import Account, Mention, Seen, Source

PROCESSES = 4
PROGRAM = """
import json, sys
from datetime import UTC, datetime
from core import inbox
from core.config import Settings
from core.house import open_house
house = open_house(Settings.model_validate_json(sys.argv[1]))
source_id, account_id, turn = map(int, sys.argv[2:])
now = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
numbers = range(400) if turn % 2 else range(399, -1, -1)
found = [inbox.Found("comment", str(n), "", "张", "k", f"第{n}条", "", now, likes=turn) for n in numbers]
print("ready", flush=True)
sys.stdin.readline()
added = taken = 0
for start in range(0, 400, 100):
    with house.db.write() as session:
        added += inbox.put(session, inbox.Origin(source_id), found[start:start + 100], now, house.vault).added
while house.budget.take(account_id, "comments/show", "reconcile", 200):
    taken += 1
print(json.dumps([added, taken]), flush=True)
"""


@pytest.fixture
def ids(either_house) -> tuple[int, int]:
    with either_house.db.write() as session:
        account = Account(kind="weibo", name="微博")
        source = Source(spider="weibo_comments", name="微博评论")
        session.add_all([account, source])
        session.flush()
        return source.id, account.id


def test_processes_store_each_mention_once_and_share_one_budget(either_house, ids):
    source_id, account_id = ids
    command = [sys.executable, "-c", PROGRAM, either_house.settings.model_dump_json(), str(source_id), str(account_id)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, str(turn)], **pipes) for turn in range(PROCESSES)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * PROCESSES
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert sum(added for added, _ in results) == 400
    assert sum(taken for _, taken in results) == 200
    assert either_house.budget.used(account_id, "comments/show") == 200
    with either_house.db.read() as session:
        assert session.scalar(select(func.count(Mention.id))) == 400
        assert session.scalar(select(func.count()).select_from(Seen)) == 400
        assert session.scalar(select(func.count()).where(Seen.mention_id == 0)) == 0
