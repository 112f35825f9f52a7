"""Audit, alarms, callbacks and run-time settings, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core import alarms, audit, callbacks
from core.audit import Actor, record
from core.models import Alarm, Audit, CallbackEvent

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def raise_again(database, level="warning", now=NOW, text="分发停滞"):
    with database.write() as session:
        return alarms.raise_(session, "silent:1", level, "publisher", text, now, delivery=1)


def test_audit_keeps_who_what_and_which_and_hides_secrets(database):
    actor = Actor(None, "管理员", frozenset(), "10.1.2.3")
    with database.write() as session:
        record(session, actor, "account.create", "account", 7, name="微博", secret="abc", more={"access_token": "xyz"})
    with database.read() as session:
        row = session.scalars(select(Audit)).one()
    assert (row.actor, row.action, row.subject_type, row.subject_id) == ("管理员", "account.create", "account", "7")
    assert row.address == "10.1.2.3"
    assert row.detail == {"name": "微博", "secret": "***", "more": {"access_token": "***"}}


def test_audit_is_gone_with_a_transaction_that_fails(database):
    def write_and_fail() -> None:
        with database.write() as session:
            record(session, Actor.system("x"), "article.create")
            session.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    with database.read() as session:
        assert session.scalar(select(func.count(Audit.id))) == 0


def test_an_alarm_raised_again_is_one_row_with_its_count_and_newest_text(database):
    raise_again(database)
    alarm = raise_again(database, now=LATER, text="仍在停滞")
    assert (alarm.times, alarm.raised_at, alarm.last_at, alarm.text) == (2, NOW, LATER, "仍在停滞")
    with database.read() as session:
        assert session.scalar(select(func.count(Alarm.id))) == 1


def test_a_louder_alarm_is_sent_again_and_a_quieter_one_is_not(database):
    raise_again(database)
    with database.write() as session:
        session.scalars(select(Alarm)).one().sent_at = NOW
    assert raise_again(database, "notice").sent_at == NOW
    louder = raise_again(database, "critical")
    assert (louder.level, louder.sent_at) == ("critical", None)
    assert raise_again(database, "warning").level == "critical"


def test_a_cleared_alarm_opens_as_a_new_row(database):
    raise_again(database)
    with database.write() as session:
        assert alarms.clear(session, "silent:1", "王", LATER) is True
        assert alarms.clear(session, "silent:1", "王", LATER) is False
        assert alarms.standing(session) == []
    assert raise_again(database).times == 1
    with database.read() as session:
        closed, opened = session.scalars(select(Alarm).order_by(Alarm.id)).all()
    assert (closed.cleared_by, closed.cleared_at, opened.cleared_at) == ("王", LATER, None)


def test_an_unknown_level_is_refused(database):
    with pytest.raises(ValueError, match="deafening"):
        raise_again(database, "deafening")


def test_alarms_stand_with_the_loudest_first(database):
    with database.write() as session:
        for key, level in (("a", "notice"), ("b", "critical"), ("c", "warning")):
            alarms.raise_(session, key, level, "core", key, NOW)
        assert [alarm.dedup_key for alarm in alarms.standing(session)] == ["b", "c", "a"]


def test_the_same_alarm_from_many_threads_is_one_row(database):
    threads = [threading.Thread(target=raise_again, args=(database,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalars(select(Alarm)).one().times == 8


@pytest.fixture
def account_id(database, add_account) -> int:
    return add_account(database)


def arrive(database, account_id, key="msg-1") -> bool:
    with database.write() as session:
        fields = {"publish_id": "9", "状态": 0}
        return callbacks.accept(
            session, callbacks.Event("wechat", key, "PUBLISHJOBFINISH", account_id, "<xml/>", fields), NOW
        )


def test_a_callback_is_accepted_once_however_often_it_comes(database, account_id):
    assert [arrive(database, account_id) for _ in range(3)] == [True, False, False]
    with database.read() as session:
        row = session.scalars(select(CallbackEvent)).one()
    assert (row.times, row.raw, row.fields) == (3, "<xml/>", {"publish_id": "9", "状态": 0})


def test_two_deliveries_of_one_callback_at_the_same_time_are_one(database, account_id):
    new: list[bool] = []
    threads = [threading.Thread(target=lambda: new.append(arrive(database, account_id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 5 + [True]


def test_unread_callbacks_come_oldest_first_until_they_are_finished(database, account_id):
    for key in ("a", "b", "c"):
        arrive(database, account_id, key)
    with database.write() as session:
        first, second = callbacks.unread(session, 2)
        assert (first.event_key, second.event_key) == ("a", "b")
        assert callbacks.finish(session, first.id, "已确认", LATER) is True
        assert callbacks.finish(session, first.id, "again", LATER) is False
    with database.read() as session:
        assert [event.event_key for event in callbacks.unread(session, 9)] == ["b", "c"]
        assert callbacks.waiting(session, account_id) == 2
        assert callbacks.waiting(session, account_id + 1) == 0


def test_what_is_old_enough_is_deleted_and_nothing_that_is_still_needed(database, account_id):
    long_ago = NOW - timedelta(days=500)
    with database.write() as session:
        session.add_all(
            Audit(actor="x", action="x", at=at)
            for at in (long_ago, NOW - timedelta(days=380), NOW - timedelta(days=360))
        )
        callbacks.accept(session, callbacks.Event("wechat", "done", "x", account_id, "", {}), long_ago)
        callbacks.accept(session, callbacks.Event("wechat", "unread", "x", account_id, "", {}), long_ago)
        callbacks.finish(session, callbacks.unread(session, 1)[0].id, "ok", long_ago)
        alarms.raise_(session, "open", "notice", "core", "x", long_ago)
        alarms.raise_(session, "closed", "notice", "core", "x", long_ago)
        alarms.clear(session, "closed", "x", long_ago)
    with database.write() as session:
        assert audit.purge(session, 400, NOW) == 1
        assert audit.purge(session, 1, NOW) == 1  # a year is kept whatever is asked for
        assert callbacks.purge(session, NOW) == 1
        assert alarms.purge(session, NOW) == 1
    with database.read() as session:
        assert [event.event_key for event in callbacks.unread(session, 9)] == ["unread"]
        assert [alarm.dedup_key for alarm in alarms.standing(session)] == ["open"]
        actions = session.scalars(select(Audit.action).order_by(Audit.id)).all()
    assert actions == ["x", "audit.purge", "audit.purge"]  # the one of 360 days, and the deletions themselves
