"""The pages a person on duty lives in: first page, health, matrix, verdicts, freeze, people, accounts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from core import alarms
from core.house import House
from core.models import Account, Article, Copy, Delivery, Freeze, Observation, Person
from core.models.words import DeliveryState, Role
from dashboards.duty import watch
from tests.rooms.dashboards.conftest import Staff, approve, submit_article


@pytest.fixture
def stand(house: House, staff: Callable[..., Staff], website: Account) -> Callable[..., Delivery]:
    """`stand(state=…)` gives a delivery of an approved article in that state, due half an hour ago."""

    def make(state: str, **columns: object) -> Delivery:
        article = submit_article(house, staff(f"wang{state}", Role.EDITOR).actor, website, f"稿件{state}")
        approve(house, article.id, *(staff(f"shen{step}{state}", f"reviewer{step}").actor for step in (1, 2, 3)))
        ago = house.clock.now() - timedelta(minutes=30)
        with house.db.write() as session:
            row = session.get_one(Article, article.id)
            copy = Copy(article_id=article.id, account_id=website.id, created_at=ago)
            session.add(copy)
            session.flush()
            delivery = Delivery(
                article_id=article.id, account_id=website.id, copy_id=copy.id, revision_id=row.head_id,
                operation="publish", state=state, due_at=ago, step_at=ago, created_at=ago, **columns,
            )  # fmt: skip
            session.add(delivery)
            session.flush()
            return delivery

    return make


def test_health_is_well_on_an_empty_house(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json()["silent"] == 0


def test_a_silent_delivery_makes_health_ill_and_web_raises_the_alarm_itself(
    app: Flask, house: House, stand: Callable[..., Delivery]
) -> None:
    stand("planned")
    for _ in range(2):
        answer = app.test_client().get("/healthz")
        assert answer.status_code == 503
    told = answer.get_json()
    assert told["silent"] == 1
    assert told["silent_oldest_s"] > 1700
    with house.db.read() as session:
        standing = alarms.standing(session)
    assert [(alarm.dedup_key, alarm.level) for alarm in standing] == [("web:silent", "critical")]


def test_the_alarm_goes_when_the_silence_ends(app: Flask, house: House, stand: Callable[..., Delivery]) -> None:
    delivery = stand("planned")
    app.test_client().get("/healthz")
    with house.db.write() as session:
        session.get_one(Delivery, delivery.id).state = DeliveryState.CANCELLED.value
    assert app.test_client().get("/healthz").status_code == 200
    with house.db.read() as session:
        assert alarms.standing(session) == []


def test_the_web_process_raises_the_alarm_although_nobody_opens_a_page(
    house: House, stand: Callable[..., Delivery]
) -> None:
    stand("planned")
    stop = threading.Event()
    hand = threading.Thread(target=watch, args=(house, stop, 0.01))
    hand.start()
    try:
        for _ in range(1000):
            with house.db.read() as session:
                keys = [alarm.dedup_key for alarm in alarms.standing(session)]
            if keys or stop.wait(0.02):
                break
    finally:
        stop.set()
        hand.join()
    assert keys == ["web:silent"]


def test_the_first_page_links_each_figure_to_the_rows_it_counts(
    staff: Callable[..., Staff], stand: Callable[..., Delivery]
) -> None:
    held, unknown = stand("held"), stand("unknown")
    publisher = staff("qian", Role.PUBLISHER)
    page = publisher.text("/")
    assert "state=unknown" in page
    for state, delivery in (("held", held), ("unknown", unknown), ("silent", unknown)):
        assert f'href="/deliveries/{delivery.id}"' in publisher.text(f"/deliveries?state={state}")
    assert "没有这样的分发" in publisher.text("/deliveries?state=late")


def test_the_matrix_answers_304_until_something_changes(
    house: House, staff: Callable[..., Staff], stand: Callable[..., Delivery]
) -> None:
    delivery = stand("sent")
    publisher = staff("qian", Role.PUBLISHER)
    first = publisher.get("/deliveries/matrix/table")
    tag = first.headers["ETag"]
    again = publisher.get("/deliveries/matrix/table", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""
    with house.db.write() as session:
        session.get_one(Delivery, delivery.id).state = DeliveryState.CONFIRMED.value
    changed = publisher.get("/deliveries/matrix/table", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert "已确认" in changed.get_data(as_text=True)


def test_an_unknown_delivery_is_decided_by_a_person_in_two_presses(
    house: House, staff: Callable[..., Staff], stand: Callable[..., Delivery]
) -> None:
    delivery = stand("unknown")
    with house.db.write() as session:
        session.add(
            Observation(delivery_id=delivery.id, source="find", verdict="undecided", detail={"reason": "列表太短"})
        )
    publisher, path = staff("qian", Role.PUBLISHER), f"/deliveries/{delivery.id}"
    page = publisher.text(path)
    assert "到底发出去了没有" in page
    assert "列表太短" in page
    assert publisher.post(f"{path}/decide", verdict="live", note="").status_code == 422
    form = {"note": "在网站上看到了", "remote_id": "articles/1.html", "url": "http://127.0.0.1:8001/articles/1.html"}
    first = publisher.post(f"{path}/decide", verdict="live", **form)
    assert "再按一次确认" in first.get_data(as_text=True)
    with house.db.read() as session:
        assert session.get_one(Delivery, delivery.id).state == "unknown"
    assert publisher.post(f"{path}/decide", press="live", **form).status_code == 302
    with house.db.read() as session:
        assert session.get_one(Delivery, delivery.id).state == "confirmed"
    assert "人工判断" in publisher.text(path)


def test_others_see_the_story_without_the_verdicts(staff: Callable[..., Staff], stand: Callable[..., Delivery]) -> None:
    delivery, analyst = stand("unknown"), staff("sun", Role.ANALYST)
    page = analyst.text(f"/deliveries/{delivery.id}")
    assert "由发布员判断" in page
    assert "到底发出去了没有" not in page
    assert analyst.post(f"/deliveries/{delivery.id}/decide", press="live", note="x").status_code == 403


def test_a_held_delivery_is_let_go_or_cancelled(
    house: House, staff: Callable[..., Staff], stand: Callable[..., Delivery]
) -> None:
    delivery, publisher = stand("held"), staff("qian", Role.PUBLISHER)
    assert publisher.post(f"/deliveries/{delivery.id}/resume").status_code == 302
    assert publisher.post(f"/deliveries/{delivery.id}/cancel", reason="").status_code == 422
    assert publisher.post(f"/deliveries/{delivery.id}/cancel", reason="不发了").status_code == 302
    with house.db.read() as session:
        assert session.get_one(Delivery, delivery.id).state == "cancelled"
    refused = publisher.post(f"/deliveries/{delivery.id}/resume")
    assert refused.status_code == 409
    assert "当前状态下不能这样做" in refused.get_data(as_text=True)


def test_the_freeze_is_pressed_with_a_reason_and_shown_on_every_page(house: House, staff: Callable[..., Staff]) -> None:
    leader = staff("zhou", Role.LEADER)
    assert leader.post("/freeze/press", scope="all", reason="").status_code == 422
    assert leader.post("/freeze/press", scope="all", reason="发现错误").status_code == 302
    assert "分发已冻结：发现错误" in leader.text("/articles")
    assert leader.post("/freeze/lift", scope="all", reason="核对无误").status_code == 302
    with house.db.read() as session:
        assert not session.get_one(Freeze, "all").frozen


def test_a_new_user_gets_a_random_password_that_is_shown_once(house: House, staff: Callable[..., Staff]) -> None:
    admin = staff("wu", Role.ADMINISTRATOR)
    answer = admin.post("/people", username="new-one", display_name="新同事", roles="editor")
    shown = answer.get_data(as_text=True).split('id="initial-password">')[1].split("<")[0]
    assert len(shown) == 14
    assert shown not in admin.text("/people")
    with house.db.read() as session:
        person = session.scalars(select(Person).where(Person.username == "new-one")).one()
    assert person.must_change
    assert shown not in person.password_hash


def test_credentials_go_in_and_never_come_out(house: House, staff: Callable[..., Staff]) -> None:
    admin = staff("wu", Role.ADMINISTRATOR)
    form = {"name": "示例发布", "uid": "1234567890", "access_token": "2.00secret-token", "client_secret": "hush-hush"}
    assert admin.post("/accounts/new/weibo", **form).status_code == 302
    with house.db.read() as session:
        account = session.scalars(select(Account)).one()
    page = admin.text(f"/accounts/{account.id}")
    assert "已设置，不填就保留原来的" in page
    assert "2.00secret-token" not in page + admin.text("/accounts") + admin.text("/audit")
    assert account.secret is not None
    assert b"secret-token" not in account.secret


def test_pausing_an_account_needs_a_reason(house: House, staff: Callable[..., Staff], website: Account) -> None:
    admin = staff("wu", Role.ADMINISTRATOR)
    admin.post(f"/accounts/{website.id}/enabled", enabled="0", reason="")
    with house.db.read() as session:
        assert session.get_one(Account, website.id).enabled
    admin.post(f"/accounts/{website.id}/enabled", enabled="0", reason="域名变更")
    with house.db.read() as session:
        assert not session.get_one(Account, website.id).enabled


def test_the_test_button_tells_the_outcome_in_words(staff: Callable[..., Staff], website: Account) -> None:
    publisher = staff("qian", Role.PUBLISHER)
    publisher.post(f"/accounts/{website.id}/test")
    assert "可以写入" in publisher.text("/accounts")
