"""The address WeChat calls: forged, replayed, oversized and repeated calls; the good one is stored once."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from core.models import Account, Alarm, CallbackEvent
from portal.wechat import signature_of
from sandbox.wechat.callback import event_xml, sign
from tests.rooms.portal.square import TOKEN, Square

NONCE = "n0nce"


def finished(publish_id: int = 2247503051, padding: str = "") -> bytes:
    return (
        "<xml><FromUserName>oSystem</FromUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType>"
        f"<Event>PUBLISHJOBFINISH</Event><PublishEventInfo><publish_id>{publish_id}</publish_id>"
        f"<publish_status>0</publish_status>{padding}</PublishEventInfo></xml>"
    ).encode()


def query(square: Square, token: str = TOKEN, shift_s: int = 0, **more: str) -> dict[str, str]:
    timestamp = str(int(square.clock.now().timestamp()) + shift_s)
    return {"timestamp": timestamp, "nonce": NONCE, "signature": signature_of(token, timestamp, NONCE), **more}


def call(square: Square, body: bytes, params: dict[str, str], account: int = 0) -> TestResponse:
    address = f"/callbacks/wechat/{account or square.wechat}"
    return square.visitor().post(address, data=body, query_string=params, content_type="text/xml")


def stored(square: Square) -> list[CallbackEvent]:
    with square.house.db.read() as session:
        return list(session.scalars(select(CallbackEvent).order_by(CallbackEvent.id)))


def test_the_address_is_verified_by_echo(square: Square) -> None:
    address = f"/callbacks/wechat/{square.wechat}"
    answer = square.visitor().get(address, query_string=query(square, echostr="<b>5921</b>"))
    assert (answer.status_code, answer.text) == (200, "<b>5921</b>")
    assert answer.content_type.startswith("text/plain")
    assert square.visitor().get(address, query_string=query(square, "wrong", echostr="x")).status_code == 403


def test_a_signed_event_is_stored_once_with_its_key(either_square: Square) -> None:
    square = either_square
    for _ in range(3):
        answer = call(square, finished(), query(square))
        assert (answer.status_code, answer.text) == (200, "success")
    (event,) = stored(square)
    assert event.event_key == f"{square.wechat}:PUBLISHJOBFINISH:2247503051"
    assert (event.kind, event.platform, event.account_id, event.times) == (
        "PUBLISHJOBFINISH", "wechat", square.wechat, 3,
    )  # fmt: skip
    assert event.fields["PublishEventInfo"]["publish_id"] == "2247503051"
    assert event.raw.encode() == finished()


def test_the_platforms_own_words_are_understood(square: Square) -> None:
    result = {
        "publish_id": 2247503051, "publish_status": 0, "article_id": "b5O2OUYq", "fail_idx": [],
        "article_detail": {"count": 1, "item": [{"idx": 1, "article_url": "http://mp.example/s?a=1&b=2"}]},
    }  # fmt: skip
    timestamp = str(int(square.clock.now().timestamp()))
    params = {"timestamp": timestamp, "nonce": NONCE, "signature": sign(TOKEN, timestamp, NONCE), "openid": "o"}
    answer = call(square, event_xml("wx0000000000000001", result, int(timestamp)).encode(), params)
    assert (answer.status_code, answer.text) == (200, "success")
    about = stored(square)[0].fields["PublishEventInfo"]
    assert (about["publish_id"], about["article_id"]) == ("2247503051", "b5O2OUYq")
    assert about["article_detail"]["item"] == {"idx": "1", "article_url": "http://mp.example/s?a=1&b=2"}


def test_a_forged_event_is_not_stored(square: Square) -> None:
    for params in ({}, query(square, "guess"), {**query(square), "timestamp": "1"}, {**query(square), "nonce": "x"}):
        assert call(square, finished(), params).status_code == 403
    assert stored(square) == []


def test_an_event_for_another_kind_of_account_or_none_is_refused(square: Square) -> None:
    with square.house.db.write() as session:
        bare = Account(kind="wechat", name="没有凭据")
        session.add(bare)
        session.flush()
        bare_id = bare.id
    for account in (square.website, bare_id, 4711):
        assert call(square, finished(), query(square), account).status_code == 403
        assert call(square, finished(), query(square, ""), account).status_code == 403
    assert stored(square) == []


@pytest.mark.parametrize("shift_s", [-301, 301, -86400])
def test_a_replayed_call_with_an_event_we_do_not_hold_is_refused(square: Square, shift_s: int) -> None:
    assert call(square, finished(), query(square, shift_s=shift_s)).status_code == 403
    assert stored(square) == []


def test_the_platforms_late_repeat_of_an_event_we_hold_is_answered(square: Square) -> None:
    assert call(square, finished(), query(square)).status_code == 200
    answer = call(square, finished(), query(square, shift_s=-600))
    assert (answer.status_code, answer.text) == (200, "success")
    assert call(square, finished(99), query(square, shift_s=-600)).status_code == 403
    assert [event.times for event in stored(square)] == [2]


def test_an_oversized_body_is_refused(square: Square) -> None:
    body = finished(padding="<a>" + "x" * 70_000 + "</a>")
    assert call(square, body, query(square)).status_code == 413
    assert stored(square) == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<xml/>", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>']
)
def test_a_body_that_is_no_event_is_refused(square: Square, body: bytes) -> None:
    assert call(square, body, query(square)).status_code == 400
    assert stored(square) == []


def test_two_accounts_may_have_the_same_publish_id(square: Square) -> None:
    with square.house.db.write() as session:
        other = Account(kind="wechat", name="第二公众号")
        other.secret = square.house.vault.encrypt_json({"callback_token": "second"})
        session.add(other)
        session.flush()
        other_id = other.id
    call(square, finished(), query(square))
    call(square, finished(), query(square, "second"), other_id)
    assert [event.account_id for event in stored(square)] == [square.wechat, other_id]


def test_encrypted_mode_is_refused_and_the_office_is_told(square: Square) -> None:
    body = b"<xml><ToUserName>gh</ToUserName><Encrypt>AAAA</Encrypt></xml>"
    for _ in range(2):
        assert call(square, body, query(square, encrypt_type="aes", msg_signature="x")).status_code == 400
    assert call(square, body, query(square, "wrong", encrypt_type="aes")).status_code == 403
    with square.house.db.read() as session:
        alarm = session.scalars(select(Alarm)).one()
        assert "明文模式" in alarm.text
        assert alarm.times == 2
