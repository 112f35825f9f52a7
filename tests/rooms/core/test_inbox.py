"""Collecting is exactly once, on both databases, from any number of writers."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core import inbox
from core.inbox import Found, Put
from core.models import Coverage, Mention, Seen, Snapshot, Source
from core.vault import Vault

NOW = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)  # already 1 December in Shanghai
VAULT = Vault(b"k" * 32)


def found(external_id: str, **changes: object) -> Found:
    base = Found("comment", external_id, "", "张三", "weibo:7", "路太堵了", "https://weibo.com/1", NOW)
    return replace(base, **changes)


@pytest.fixture
def source_id(database) -> int:
    with database.write() as session:
        source = Source(spider="weibo_comments", name="微博评论")
        session.add(source)
        session.flush()
        return source.id


def put(database, source_id, rows, now=NOW) -> Put:
    with database.write() as session:
        return inbox.put(session, inbox.Origin(source_id, None, None), rows, now, VAULT)


def mentions(database) -> list[Mention]:
    with database.read() as session:
        return list(session.scalars(select(Mention).order_by(Mention.external_id)))


def test_the_same_row_is_stored_once_and_counted_as_known_afterwards(database, source_id):
    assert put(database, source_id, [found("1"), found("2"), found("1")]) == Put(added=2)
    assert put(database, source_id, [found("2"), found("3")]) == Put(added=1, known=1)
    assert [row.external_id for row in mentions(database)] == ["1", "2", "3"]
    with database.read() as session:
        pairs = session.execute(select(Seen.external_id, Seen.mention_id).order_by(Seen.external_id)).all()
    assert [tuple(pair) for pair in pairs] == [(row.external_id, row.id) for row in mentions(database)]


def test_the_same_external_id_of_another_source_is_another_row(database, source_id):
    with database.write() as session:
        other = Source(spider="weibo_reposts", name="微博转发")
        session.add(other)
        session.flush()
        other_id = other.id
    assert put(database, source_id, [found("1")]).added == 1
    assert put(database, other_id, [found("1")]).added == 1


def test_likes_text_and_hidden_follow_and_a_changed_text_is_scored_again(database, source_id):
    put(database, source_id, [found("1"), found("2", hidden=True), found("3")])
    with database.write() as session:
        for row in session.scalars(select(Mention)):
            row.scored_at = NOW
    later = NOW + timedelta(hours=1)
    changes = [found("1", likes=5), found("2", text="改了"), found("3")]
    assert put(database, source_id, changes, later) == Put(known=3, changed=2)
    first, second, third = mentions(database)
    assert (first.likes, first.scored_at) == (5, NOW)
    assert (second.text, second.hidden, second.scored_at) == ("改了", False, None)
    assert {row.last_seen_at for row in (first, second, third)} == {later}
    assert {row.collected_at for row in (first, second, third)} == {NOW}


def test_authors_are_hashed_numbers_masked_and_months_are_shanghais(database, source_id):
    put(database, source_id, [found("1", text="加我13812345678", author_name="13812345678"), found("2", author_key="")])
    first, second = mentions(database)
    assert (first.text, first.author_name, first.month) == ("加我138****5678", "138****5678", "2026-12")
    assert first.author_hash == VAULT.digest("author", "weibo:7")
    assert "7" not in {first.author_hash, first.author_name}
    assert second.author_hash == ""


def test_an_empty_text_and_a_nul_character_are_stored(database, source_id):
    put(database, source_id, [found("1", text=""), found("2", text="a\0b")])
    assert [row.text for row in mentions(database)] == ["", "ab"]


def test_a_deleted_row_is_marked_once_and_comes_back_when_seen_again(database, source_id):
    put(database, source_id, [found("1"), found("2")])
    with database.write() as session:
        assert inbox.mark_deleted(session, source_id, ["1", "9"], NOW) == 1
        assert inbox.mark_deleted(session, source_id, ["1"], NOW) == 0
    assert [row.deleted_at for row in mentions(database)] == [NOW, None]
    assert put(database, source_id, [found("1")]).changed == 1
    assert [row.deleted_at for row in mentions(database)] == [None, None]


def test_an_unknown_kind_is_refused(database, source_id):
    with pytest.raises(ValueError, match="gossip"):
        put(database, source_id, [found("1", kind="gossip")])


def test_more_rows_than_one_batch_are_stored(database, source_id):
    rows = [found(str(number)) for number in range(inbox.BATCH * 2 + 3)]
    assert put(database, source_id, rows).added == len(rows)
    assert put(database, source_id, rows).known == len(rows)


def test_many_writers_of_the_same_rows_store_each_once(database, source_id):
    sums: list[Put] = []
    start = threading.Barrier(6)

    def write(turn: int) -> None:
        rows = [found(str(number), likes=turn) for number in range(300)]
        start.wait()
        sums.append(put(database, source_id, rows if turn % 2 else rows[::-1]))

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.added for each in sums) == 300
    assert sum(each.known for each in sums) == 1500
    with database.read() as session:
        assert session.scalar(select(func.count(Mention.id))) == 300
        assert session.scalar(select(func.count()).where(Seen.mention_id == 0)) == 0


def test_a_failed_transaction_leaves_neither_seen_nor_mention(database, source_id):
    def write_and_fail() -> None:
        with database.write() as session:
            inbox.put(session, inbox.Origin(source_id, None, None), [found("1")], NOW, VAULT)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    assert put(database, source_id, [found("1")]).added == 1


def test_coverage_is_appended_and_refuses_unknown_states(database, source_id):
    with database.write() as session:
        inbox.cover(session, inbox.Covered(source_id, None, NOW, NOW, "partial", 300, 210, "每日请求次数已用完"))
        with pytest.raises(ValueError, match="perfect"):
            inbox.cover(session, inbox.Covered(source_id, None, NOW, NOW, "perfect"))
    with database.read() as session:
        row = session.scalars(select(Coverage)).one()
    assert (row.expected, row.received, row.state) == (300, 210, "partial")


def test_a_snapshot_keeps_unknown_counts_apart_from_zero(database, source_id, add_copy):
    copy_id = add_copy(database)
    with database.write() as session:
        inbox.snapshot(session, inbox.Counts(copy_id, likes=0, comments=None), NOW)
    with database.read() as session:
        row = session.scalars(select(Snapshot)).one()
    assert (row.likes, row.comments, row.exists, row.month) == (0, None, True, "2026-12")
