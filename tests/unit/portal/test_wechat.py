"""WeChat's callback rules: signature, event keys, and what is not read."""

from __future__ import annotations

import pytest

from portal.wechat import NotReadable, is_signed, read_event, signature_of

FINISHED = (
    "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oSystem]]></FromUserName>"
    "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[PUBLISHJOBFINISH]]></Event>"
    "<PublishEventInfo><publish_id>2247503051</publish_id><publish_status>0</publish_status>"
    "<article_id><![CDATA[b5O2]]></article_id><article_detail><count>2</count>"
    "<item><idx>1</idx><article_url><![CDATA[http://mp/1]]></article_url></item>"
    "<item><idx>2</idx><article_url><![CDATA[http://mp/2]]></article_url></item></article_detail>"
    "</PublishEventInfo></xml>"
)
TEXT = (
    "<xml><ToUserName>gh_1</ToUserName><FromUserName>oABC</FromUserName><CreateTime>1700000000</CreateTime>"
    "<MsgType>text</MsgType><Content><![CDATA[几号<b>通水</b>？]]></Content><MsgId>23000000000000001</MsgId></xml>"
)


def event(name: str, sender: str = "oABC", created: str = "1700000000") -> bytes:
    return (
        f"<xml><FromUserName>{sender}</FromUserName><CreateTime>{created}</CreateTime>"
        f"<MsgType>event</MsgType><Event>{name}</Event></xml>"
    ).encode()


def test_the_signature_is_the_platforms() -> None:
    assert signature_of("gw-token", "1700000000", "abc123") == "efbcb69533bbf4220d89683c07f384de30286dd2"


def test_only_the_right_signature_passes_and_an_empty_token_never() -> None:
    query = {"timestamp": "1700000000", "nonce": "abc123"}
    good = {**query, "signature": signature_of("gw-token", "1700000000", "abc123")}
    assert is_signed("gw-token", good)
    assert not is_signed("other", good)
    assert not is_signed("gw-token", {**good, "nonce": "abc124"})
    assert not is_signed("gw-token", {**query, "signature": "签名"})
    assert not is_signed("gw-token", query)
    assert not is_signed("", {**query, "signature": signature_of("", "1700000000", "abc123")})


def test_a_finished_publish_is_known_by_its_publish_id() -> None:
    found = read_event(FINISHED.encode())
    assert (found.kind, found.key) == ("PUBLISHJOBFINISH", "PUBLISHJOBFINISH:2247503051")
    about = found.fields["PublishEventInfo"]
    assert about["publish_status"] == "0"
    assert [item["article_url"] for item in about["article_detail"]["item"]] == ["http://mp/1", "http://mp/2"]


def test_a_message_is_known_by_its_msg_id() -> None:
    found = read_event(TEXT.encode())
    assert (found.kind, found.key) == ("message", "message:23000000000000001")
    assert found.fields["Content"] == "几号<b>通水</b>？"


def test_other_events_are_known_by_sender_and_second() -> None:
    assert read_event(event("subscribe")).key == "subscribe:oABC:1700000000"
    assert read_event(event("subscribe", created="1700000001")).key != read_event(event("subscribe")).key
    assert read_event(event("subscribe", sender="oDEF")).key != read_event(event("subscribe")).key
    assert read_event(event("unsubscribe")).key != read_event(event("subscribe")).key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml><unclosed></xml>",
        b"<other><MsgType>event</MsgType></other>",
        b"<xml></xml>",
        b"<xml><MsgType>text</MsgType><Content>x</Content></xml>",
        b"<xml><MsgType>event</MsgType><Event>PUBLISHJOBFINISH</Event></xml>",
        b"<xml><ToUserName>gh</ToUserName><Encrypt>AAAA</Encrypt></xml>",
        b'<!DOCTYPE xml [<!ENTITY a "aaaa">]><xml><MsgType>event</MsgType><Event>&a;</Event></xml>',
        b'<!DOCTYPE xml SYSTEM "http://evil/x.dtd"><xml><MsgId>1</MsgId></xml>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><MsgId>&e;</MsgId></xml>',
        b"<xml>" + b"<a>" * 40 + b"</a>" * 40 + b"<MsgId>1</MsgId></xml>",
        "<xml><MsgId>1</MsgId></xml>".encode("utf-16"),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_not_a_plain_event_is_not_read(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read_event(body)
