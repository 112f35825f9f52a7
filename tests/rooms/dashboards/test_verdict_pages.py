"""The decision is offered for every row a person was asked about, in words that fit what is decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.house import House
from core.models import Account, Copy, Delivery
from core.models.words import Role
from tests.rooms.dashboards.conftest import Staff, submit_article


@pytest.fixture
def asked(house: House, staff: Callable[..., Staff], website: Account) -> Callable[..., int]:
    """`asked(operation, state)` gives a row about which a person was asked a minute ago."""

    def make(operation: str, state: str, **columns: object) -> int:
        article = submit_article(house, staff("wang", Role.EDITOR).actor, website, "道路施工")
        now = house.clock.now()
        with house.db.write() as session:
            copy = Copy(article_id=article.id, account_id=website.id, state="live", remote_id="7", created_at=now)
            session.add(copy)
            session.flush()
            row = Delivery(
                article_id=article.id, account_id=website.id, copy_id=copy.id, operation=operation, state=state,
                due_at=now, step_at=now, created_at=now, asked_at=now - timedelta(minutes=1), **columns,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id

    return make


def state_of(house: House, row_id: int) -> tuple[str, str]:
    with house.db.read() as session:
        row = session.get_one(Delivery, row_id)
        assert row.copy
        return row.state, row.copy.state


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_every_row_that_was_asked_about_offers_the_decision_and_is_listed(
    staff: Callable[..., Staff], asked: Callable[..., int], state: str
) -> None:
    row, publisher = asked("publish", state), staff("qian", Role.PUBLISHER)
    page = publisher.text(f"/deliveries/{row}")
    assert "到底发出去了没有" in page
    assert "平台上没有" in page
    assert f'href="/deliveries/{row}"' in publisher.text("/deliveries?state=asked")
    assert "state=asked" in publisher.text("/")
    assert "由发布员判断" in staff("sun", Role.ANALYST).text(f"/deliveries/{row}")


def test_an_accepted_row_nobody_was_asked_about_offers_none(
    house: House, staff: Callable[..., Staff], asked: Callable[..., int]
) -> None:
    row = asked("publish", "sent")
    with house.db.write() as session:
        session.get_one(Delivery, row).asked_at = None
    assert "到底发出去了没有" not in staff("qian", Role.PUBLISHER).text(f"/deliveries/{row}")


def test_a_withdrawal_is_decided_in_words_of_its_own(
    house: House, staff: Callable[..., Staff], asked: Callable[..., int]
) -> None:
    row, publisher = asked("withdraw", "sent", error_text="读不到这条内容"), staff("qian", Role.PUBLISHER)
    page = publisher.text(f"/deliveries/{row}")
    for words in ("到底撤下来了没有", "还在平台上", "已经没有了", "读不到这条内容"):
        assert words in page
    path, note = f"/deliveries/{row}/decide", {"note": "主页上已没有"}
    first = publisher.post(path, verdict="absent", **note).get_data(as_text=True)
    assert "记为已经撤下" in first
    assert "可能会重新发送" not in first
    assert publisher.post(path, press="absent", **note).status_code == 302
    assert state_of(house, row) == ("confirmed", "withdrawn")


def test_a_withdrawn_item_that_is_still_there_is_withdrawn_once_more_by_the_number_that_was_found(
    house: House, staff: Callable[..., Staff], asked: Callable[..., int]
) -> None:
    row, publisher = asked("withdraw", "sent"), staff("qian", Role.PUBLISHER)
    form = {"note": "还在首页", "remote_id": "8"}
    assert "系统马上再撤一次" in publisher.post(f"/deliveries/{row}/decide", verdict="live", **form).text
    assert publisher.post(f"/deliveries/{row}/decide", press="live", **form).status_code == 302
    assert state_of(house, row) == ("planned", "live")
    with house.db.read() as session:
        assert session.get_one(Delivery, row).copy.remote_id == "8"  # type: ignore[union-attr]


def test_an_unknown_word_is_refused(staff: Callable[..., Staff], asked: Callable[..., int]) -> None:
    row = asked("withdraw", "sent")
    answer = staff("qian", Role.PUBLISHER).post(f"/deliveries/{row}/decide", press="perhaps", note="x")
    assert answer.status_code == 422
