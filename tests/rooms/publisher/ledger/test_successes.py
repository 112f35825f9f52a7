"""Many answers written at once leave the very rows the ordinary rules leave; what is not plain is left to those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.models import Account, Alarm, Copy, CopyEvent, Delivery, Observation, Step
from core.models.base import Base
from publisher.delivery import successes
from tests.rooms.publisher.ledger.scripted import LOST, Desk

TABLES = (Delivery, Copy, CopyEvent, Observation, Step, Alarm, Account)
OWN = {"secret", "created_at"}  # sealed, or stamped, anew each time

Scene = Callable[[Desk], None]


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    desks: list[Desk] = []

    def opened(name: str) -> Desk:
        desks.append(Desk(tmp_path / name))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()


def accepted_on_weibo(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    desk.planned(desk.weibo())
    desk.deliver()


def accepted_on_weibo_and_shown_later(desk: Desk) -> None:
    desk.door.on["statuses/share"] = {"error_code": 20032, "error": "later"}
    desk.planned(desk.weibo())
    desk.deliver()


def submitted_to_wechat(desk: Desk) -> None:
    wechat = desk.wechat()
    desk.door.on["material/add_material"] = {"media_id": "m1", "url": "https://mmbiz.qpic.cn/1"}
    desk.door.on["draft/add"] = {"media_id": "d1"}
    desk.door.on["freepublish/submit"] = {"errcode": 0, "publish_id": "100000001", "msg_data_id": "7"}
    desk.planned(wechat)
    desk.deliver()


def pushed_to_the_client(desk: Desk) -> None:
    desk.door.on["push/cid"] = {"cidlist": ["key-1"]}
    desk.door.on["v3/push"] = {"msg_id": "9"}
    desk.planned(desk.client())
    desk.deliver()


def accepted_at_the_second_try(desk: Desk) -> None:
    """The first answer was lost, a person was asked, and the call was absent for certain."""
    desk.door.on["statuses/share"] = LOST
    desk.door.on["user_timeline"] = {"statuses": [], "total_number": 0}
    desk.planned(desk.weibo())
    desk.deliver()
    desk.look(*[200.0] * 4)
    desk.door.on["statuses/share"] = {"idstr": "5000000002"}
    desk.clock.advance(60)
    desk.deliver()


SCENES = [
    accepted_on_weibo,
    accepted_on_weibo_and_shown_later,
    submitted_to_wechat,
    pushed_to_the_client,
    accepted_at_the_second_try,
]


def everything(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """All columns of all rows that a delivery's end may touch."""
    with desk.db.read() as session:
        found = {}
        for model in TABLES:
            table = Base.metadata.tables[model.__tablename__]
            columns = [column for column in table.c if column.name not in OWN]
            rows = session.execute(select(*columns).order_by(table.c.id)).mappings()
            found[table.name] = [{**row} for row in rows]
        return found


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_both_ways_of_writing_an_answer_leave_the_same_rows(
    scene: Scene, open_desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    together, written = open_desk("together"), list[int]()
    real = successes._write_plain

    def watched(*args: Any) -> Any:
        found = real(*args)
        written.extend(claimed.row_id for claimed in found)
        return found

    monkeypatch.setattr(successes, "_write_plain", watched)
    scene(together)
    assert written == [1]  # it was plain
    monkeypatch.setattr(successes, "_write_plain", lambda *_args: set())
    alone = open_desk("alone")
    scene(alone)
    assert everything(together) == everything(alone)


def test_answers_of_one_round_are_written_together_and_an_odd_one_by_its_own_rules(
    open_desk: Callable[[str], Desk],
) -> None:
    desk = open_desk("desk")
    numbers = iter(range(5000000001, 5000000009))
    desk.door.on["statuses/share"] = lambda _request: {"idstr": str(next(numbers))}
    weibo = desk.weibo()
    rows = [desk.planned(weibo) for _ in range(3)]
    ends = list[Any]()
    real = desk.db.gathered

    def kept(work: Any, piece: Any) -> Any:
        if work is not successes.write_successes:
            return real(work, piece)
        ends.append(piece)
        return None

    desk.db.gathered = kept  # type: ignore[method-assign]
    desk.deliver()
    with desk.db.write() as session:
        session.get_one(Delivery, rows[1]).fence += 1  # somebody took it over meanwhile
        session.get_one(Delivery, rows[1]).state = "unknown"
    with desk.db.write() as session:
        successes.write_successes(session, ends)
    assert [desk.state(row) for row in rows] == ["confirmed"] * 3
    with desk.db.read() as session:
        sources = session.scalars(select(Observation.source).order_by(Observation.delivery_id)).all()
        shown = session.scalars(select(Copy.remote_id).order_by(Copy.id)).all()
    assert sources == ["call", "late_call", "call"]
    assert shown == ["5000000001", "5000000002", "5000000003"]


def test_a_second_round_that_comes_live_beside_the_first_is_never_plain(open_desk: Callable[[str], Desk]) -> None:
    desk = open_desk("desk")
    desk.door.on["statuses/share"] = {"idstr": "5000000001"}
    row = desk.planned(desk.weibo())
    with desk.db.write() as session:
        first = session.get_one(Copy, session.get_one(Delivery, row).copy_id)
        other = Copy(
            article_id=first.article_id, account_id=first.account_id, round=2, state="live", remote_id="5000000077"
        )
        session.add(other)
    desk.deliver()
    assert desk.state(row) == "confirmed"
    assert "duplicate" in desk.alarms()
