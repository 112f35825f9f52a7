"""Claims, fences, heartbeats and duties on both databases."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import psutil
import pytest

from core.claims import Watch, claim, end_process, end_worker, guard, hold_lease, register, release_lease
from core.clock import FixedClock
from core.db import Database
from core.errors import LostClaim
from core.models import Delivery, Worker
from tests.rooms.publisher.ledger.rows import add_delivery

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def _clock() -> FixedClock:
    return FixedClock(START)


def test_a_heartbeat_raises_the_counter_and_keeps_the_holder_fresh(db: Database) -> None:
    clock = _clock()
    holder = register(db, "w", lease_s=30, clock=clock, beating=False)
    clock.advance(14.9)
    assert holder.fresh()
    clock.advance(0.2)
    assert not holder.fresh()
    assert holder.beat()
    assert holder.fresh()
    with db.read() as session:
        assert session.get_one(Worker, holder.id).counter == 1


def test_the_age_of_a_heartbeat_counts_from_before_its_write(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _clock()
    holder = register(db, "w", lease_s=30, clock=clock, beating=False)
    real = db.write

    def slow() -> object:
        clock.advance(20)
        return real()

    monkeypatch.setattr(db, "write", slow)
    assert holder.beat()
    assert not holder.fresh()


def test_an_ended_worker_never_becomes_fresh_again(db: Database) -> None:
    holder = register(db, "w", lease_s=30, clock=_clock(), beating=False)
    with db.write() as session:
        end_worker(session, holder.id, START)
    assert not holder.beat()
    assert holder.lost
    assert not holder.fresh()


def test_a_row_is_claimed_once_and_each_claim_raises_the_fence(db: Database) -> None:
    one = register(db, "one", clock=_clock(), beating=False)
    two = register(db, "two", clock=_clock(), beating=False)
    ids = [add_delivery(db) for _ in range(3)]
    planned, taken = [Delivery.state == "planned"], {"state": "intended"}
    with db.write() as session:
        first = claim(session, one, Delivery, planned, taken, limit=2)
    with db.write() as session:
        second = claim(session, two, Delivery, planned, taken, limit=2)
    with db.write() as session:
        assert claim(session, two, Delivery, planned, taken, limit=2) == []
        again = claim(session, two, Delivery, [Delivery.id == ids[0]], {})
    assert [row.row_id for row in first + second] == ids
    assert {row.fence for row in first + second} == {1}
    assert again[0].fence == 2


def test_guard_raises_when_a_newer_fence_holds_the_row(db: Database) -> None:
    delivery_id = add_delivery(db)
    with db.write() as session:
        assert guard(session, Delivery, delivery_id, 0).id == delivery_id
        with pytest.raises(LostClaim):
            guard(session, Delivery, delivery_id, 1)


def test_a_watch_trusts_only_a_whole_lease_it_has_seen_itself() -> None:
    clock = _clock()
    watch = Watch(clock, 30)
    assert not watch.expired("row", (1, 7))
    clock.advance(29)
    assert not watch.expired("row", (1, 7))
    assert not watch.expired("row", (1, 8))
    clock.advance(29.9)
    assert not watch.expired("row", (1, 8))
    clock.advance(0.1)
    assert watch.expired("row", (1, 8))
    watch.keep([])
    assert not watch.expired("row", (1, 8))


def test_a_duty_has_one_holder_and_is_taken_only_after_a_whole_lease(db: Database) -> None:
    clock = _clock()
    one = register(db, "one", lease_s=30, clock=clock, beating=False)
    two = register(db, "two", lease_s=30, clock=clock, beating=False)
    assert hold_lease(db, one, "scheduler")
    assert hold_lease(db, one, "scheduler")
    assert not hold_lease(db, two, "scheduler")
    clock.advance(20)
    one.beat()
    assert not hold_lease(db, two, "scheduler")
    clock.advance(20)
    assert not hold_lease(db, two, "scheduler")
    clock.advance(10)
    assert hold_lease(db, two, "scheduler")
    assert not hold_lease(db, one, "scheduler")
    assert not one.beat()


def test_a_released_duty_is_free_at_once(db: Database) -> None:
    clock = _clock()
    one = register(db, "one", lease_s=30, clock=clock, beating=False)
    two = register(db, "two", lease_s=30, clock=clock, beating=False)
    assert hold_lease(db, one, "scheduler")
    release_lease(db, one, "scheduler")
    assert hold_lease(db, two, "scheduler")
    two.stop()
    assert hold_lease(db, one, "scheduler")


def test_the_old_process_is_ended_only_when_it_is_the_very_one() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started = psutil.Process(child.pid).create_time()
    try:
        assert not end_process("another-host", child.pid, started)
        assert not end_process(socket.gethostname(), child.pid, started + 5)
        assert child.poll() is None
        assert end_process(socket.gethostname(), child.pid, started)
        child.wait(10)
        assert not psutil.pid_exists(child.pid)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    assert not end_process(socket.gethostname(), os.getpid(), psutil.Process().create_time())


def test_a_heartbeat_thread_beats_by_itself(db: Database) -> None:
    with register(db, "w", lease_s=0.3) as holder:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with db.read() as session:
                if session.get_one(Worker, holder.id).counter >= 3:
                    break
            time.sleep(0.02)
        with db.read() as session:
            assert session.get_one(Worker, holder.id).counter >= 3
    with db.read() as session:
        assert session.get_one(Worker, holder.id).ended_at is not None
