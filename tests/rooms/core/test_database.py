"""Sessions: what a writer keeps, what a reader leaves, and that a thread cannot wait for itself."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from core.db import Database, WriteLock
from core.house import open_house
from core.models import Setting, Source


def count(database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Setting)) or 0


def test_a_writer_keeps_and_a_reader_leaves_nothing(database):
    with database.write() as session:
        session.add(Setting(key="a", value={}))
    with database.read() as session:
        session.add(Setting(key="b", value={}))
        session.flush()
    assert count(database) == 1


def test_what_was_loaded_stays_readable_after_the_reading_session(database):
    with database.write() as session:
        session.add(Setting(key="a", value={"x": 1}))
    with database.read() as session:
        row = session.get_one(Setting, "a")
    assert row.value == {"x": 1}


def test_a_failing_writer_keeps_nothing_and_lets_the_next_one_in(database):
    def write_and_fail() -> None:
        with database.write() as session:
            session.add(Setting(key="a", value={}))
            session.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    with database.write() as session:
        session.add(Setting(key="b", value={}))
    assert count(database) == 1


def test_foreign_keys_are_enforced(database):
    def write() -> None:
        with database.write() as session:
            session.add(Source(spider="x", account_id=404, name="x"))

    with pytest.raises(IntegrityError):
        write()


def test_a_reader_does_not_wait_for_a_writer(database):
    with database.write() as session:
        session.add(Setting(key="a", value={}))
        session.flush()
        assert count(database) == 0
    assert count(database) == 1


def test_writers_of_one_process_queue_and_none_is_lost(database):
    with database.write() as session:
        session.add(Setting(key="n", value={"n": 0}))

    def add() -> None:
        for _ in range(20):
            with database.write() as session:
                row = session.get_one(Setting, "n", with_for_update=True)
                row.value = {"n": row.value["n"] + 1}

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.get_one(Setting, "n").value == {"n": 100}


def test_a_write_inside_a_write_is_told_instead_of_hanging(house):
    def nest() -> None:
        with house.db.write(), house.db.write():
            pass

    with pytest.raises(RuntimeError, match="inside another"):
        nest()
    assert count(house.db) == 0


def test_a_writer_takes_the_write_lock_at_its_beginning(house):
    other = sqlite3.connect(Path(house.settings.home) / "wenzheng.sqlite", timeout=0, isolation_level=None)
    with house.db.write() as session:
        session.connection()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    with house.db.read() as session:
        session.scalar(select(func.count()).select_from(Setting))
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_two_houses_on_one_home_share_rows_and_keys(house):
    with house.db.write() as session:
        session.add(Setting(key="a", value={}))
    other = open_house(house.settings)
    assert count(other.db) == 1
    assert other.vault.decrypt(house.vault.encrypt(b"x")) == b"x"
    other.close()


def test_a_sqlite_file_is_never_opened_without_its_write_ahead_log(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/x.sqlite")
    with db.write() as session:
        session.connection()
    with sqlite3.connect(tmp_path / "x.sqlite") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()
    db.dispose()


def test_a_turn_that_cannot_be_taken_is_given_back(tmp_path: Path):
    """The file that holds the turn lies where no file can be: the writer fails, and the next one does not wait."""
    lock = WriteLock(tmp_path / "missing" / "turns")
    for _ in range(2):
        with pytest.raises(FileNotFoundError), lock:
            pass
    (tmp_path / "missing").mkdir()
    with lock:
        assert (tmp_path / "missing" / "turns").exists()


def test_threads_write_in_the_order_they_came(tmp_path: Path):
    lock, order = WriteLock(tmp_path / "turns"), []

    def write(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    with lock:
        for place, thread in enumerate(threads, start=1):
            thread.start()
            while len(lock._waiting) < place:
                pass
    for thread in threads:
        thread.join()
    assert order == list(range(5))
