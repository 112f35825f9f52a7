"""Writing together: one commit for what waits, each piece guarded by itself, passing troubles tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from core.db import Database
from core.models import Account

THREADS = 8


def add(name: str) -> Any:
    def work(session: Session) -> int:
        account = Account(kind="website", name=name, settings={})
        session.add(account)
        session.flush()
        return account.id

    return work


def names(db: Database) -> set[str]:
    with db.read() as session:
        return set(session.scalars(select(Account.name)))


def while_one_writes(db: Database, pieces: list[Any], run: Callable[[Any], Any] | None = None) -> list[Any]:
    """Results, or errors, of pieces that all came while another transaction was being written."""
    begun, go = threading.Event(), threading.Event()

    def slow(_session: Session) -> None:
        begun.set()
        assert go.wait(10)

    def outcome(piece: Any) -> Any:
        try:
            return (run or db.together)(piece)
        except Exception as error:
            return error

    with ThreadPoolExecutor(THREADS + 1) as pool:
        first = pool.submit(db.together, slow)
        assert begun.wait(10)
        others = [pool.submit(outcome, piece) for piece in pieces]
        waiting = db._batch._waiting
        while db.sqlite and len(waiting) < len(pieces):
            threading.Event().wait(0.01)
        go.set()
        first.result()
        return [other.result() for other in others]


def test_every_piece_is_written_and_gives_its_own_result(database: Database) -> None:
    ids = while_one_writes(database, [add(f"account {number}") for number in range(THREADS)])
    assert len(set(ids)) == THREADS
    assert names(database) == {f"account {number}" for number in range(THREADS)}


def test_a_failing_piece_takes_none_of_the_others_with_it(database: Database) -> None:
    def failing(session: Session) -> None:
        session.add(Account(kind="website", name="half done", settings={}))
        session.flush()
        raise ValueError("this one only")

    def twice(session: Session) -> None:
        first = add("first")(session)
        session.add(Account(id=first, kind="website", name="same number", settings={}))

    results = while_one_writes(database, [add("one"), failing, twice, add("two")])
    assert [type(result) for result in results] == [int, ValueError, IntegrityError, int]
    assert names(database) == {"one", "two"}


def test_pieces_that_wait_share_one_commit_on_sqlite(database: Database) -> None:
    commits: list[int] = []
    event.listen(database.engine, "commit", lambda _connection: commits.append(1))
    while_one_writes(database, [add(f"account {number}") for number in range(THREADS)])
    assert len(commits) == (1 if database.sqlite else THREADS)  # the slow one wrote nothing


def test_a_locked_database_is_tried_again_and_then_told(database: Database) -> None:
    tries: list[int] = []

    def locked(most: int) -> Any:
        def work(session: Session) -> int:
            tries.append(1)
            if len(tries) < most:
                raise OperationalError("x", {}, Exception("database is locked"))
            return add("at last")(session)

        return work

    database.together(locked(3))
    assert (len(tries), names(database)) == (3, {"at last"})
    tries.clear()
    with pytest.raises(OperationalError):
        database.together(locked(100))
    assert len(tries) == 5


def test_two_that_wait_for_each_other_both_get_through(database: Database) -> None:
    """Opposite orders on PostgreSQL: the one that is chosen as the victim of the deadlock comes again."""
    one, two = (database.together(add(name)) for name in ("one", "two"))
    meeting = threading.Barrier(2)
    tries: list[int] = []

    def lock_both(*ids: int) -> Any:
        def work(session: Session) -> None:
            tries.append(1)
            for account_id in ids:
                session.get_one(Account, account_id, with_for_update=True, populate_existing=True).paused_reason += "."
                session.flush()
                if len(tries) <= 2 and account_id == ids[0] and not database.sqlite:
                    meeting.wait(10)

        return work

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(database.together, lock_both(*ids)) for ids in ((one, two), (two, one))]
        for result in results:
            result.result()
    with database.read() as session:
        assert session.scalar(select(func.count(Account.id)).where(Account.paused_reason == "..")) == 2


def test_writing_together_inside_a_write_of_the_same_thread_is_told_at_once(database: Database) -> None:
    if not database.sqlite:
        with database.write():
            assert database.together(add("another connection")) > 0
        return
    with database.write(), pytest.raises(RuntimeError):
        database.together(add("never"))


def add_all(session: Session, names: Any) -> list[int]:
    """The names' number in one statement each time; a name that is taken spoils the whole of it."""
    session.add_all([Account(kind="website", name=name, settings={}) for name in names])
    if any(name.startswith("bad") for name in names):
        raise ValueError("bad name")
    return [len(names)] * len(names)


def test_pieces_of_one_kind_are_handed_over_together(database):
    pieces = [f"piece {number}" for number in range(THREADS - 1)]
    results = while_one_writes(database, pieces, run=lambda piece: database.gathered(add_all, piece))
    assert results == [THREADS - 1 if database.sqlite else 1] * (THREADS - 1)
    assert names(database) == set(pieces)


def test_a_bad_piece_of_a_kind_spoils_no_other(database):
    pieces = ["bad one", *(f"piece {number}" for number in range(THREADS - 2))]
    results = while_one_writes(database, pieces, run=lambda piece: database.gathered(add_all, piece))
    assert [type(result) for result in results] == [ValueError, *[int] * (THREADS - 2)]
    assert names(database) == set(pieces[1:])


def test_whoever_was_written_for_goes_on_while_the_next_round_is_written(database):
    """A thread whose piece is committed never waits for the pieces that came after it."""
    if not database.sqlite:
        assert database.together(add("by itself")) > 0  # there each writes for itself
        return
    begun, go = ([threading.Event() for _ in range(3)] for _ in range(2))

    def slow(number: int) -> Any:
        def work(_session: Session) -> None:
            begun[number].set()
            assert go[number].wait(10)

        return work

    def in_line(pieces: int) -> None:
        while len(database._batch._waiting) < pieces:
            threading.Event().wait(0.01)

    with ThreadPoolExecutor(4) as pool:
        rounds = [pool.submit(database.together, slow(0))]
        assert begun[0].wait(10)
        rounds.append(pool.submit(database.together, slow(1)))
        in_line(1)
        written = pool.submit(database.together, add("in the second round"))
        in_line(2)
        go[0].set()
        assert begun[1].wait(10)
        rounds.append(pool.submit(database.together, slow(2)))
        in_line(1)
        go[1].set()
        assert begun[2].wait(10)
        assert written.result(10) > 0
        assert not rounds[2].done()
        go[2].set()
        for each in rounds:
            each.result(10)
    assert not database._batch._led
