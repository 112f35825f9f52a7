"""What answers mean to a reader: by the code in the body, never by the HTTP status alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from spiders.platforms import judge, parse_weibo_time


def body(**content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("platform", "status", "content", "effect"),
    [
        ("weibo", 200, {"comments": []}, "done"),
        ("weibo", 403, {"error_code": 10023, "error": "User requests out of rate limit!"}, "throttled"),
        ("weibo", 403, {"error_code": "10022", "error": "x"}, "throttled"),
        ("weibo", 400, {"error_code": 20101, "error": "target weibo does not exist!"}, "absent"),
        ("weibo", 403, {"error_code": 21327, "error": "expired_token"}, "credential"),
        ("weibo", 403, {"error_code": 10014, "error": "Insufficient app permissions!"}, "disabled"),
        ("weibo", 503, {"error_code": 10002, "error": "Service unavailable"}, "again"),
        ("weibo", 400, {"error_code": 99999, "error": "strange"}, "refused"),
        ("wechat", 200, {"errcode": 0, "errmsg": "ok", "comment": []}, "done"),
        ("wechat", 200, {"errcode": 42001, "errmsg": "access_token expired"}, "credential"),
        ("wechat", 200, {"errcode": 45009, "errmsg": "reach max api daily quota limit"}, "throttled"),
        ("wechat", 200, {"errcode": -1, "errmsg": "system error"}, "again"),
        ("wechat", 200, {"errcode": 88001, "total": 0, "comment": []}, "absent"),
        ("wechat", 200, {"errcode": 88000, "errmsg": "no privilege"}, "disabled"),
    ],
)
def test_the_code_in_the_body_decides(platform: str, status: int, content: dict[str, object], effect: str) -> None:
    assert judge(platform, status, body(**content)).effect == effect


def test_an_answer_that_is_no_json_is_asked_for_again() -> None:
    assert judge("weibo", 200, b'{"comments": [').effect == "again"
    assert judge("wechat", 502, b"<html>bad gateway</html>").effect == "again"


def test_a_good_body_with_a_server_error_is_not_believed() -> None:
    assert judge("weibo", 500, body(comments=[])).effect == "again"


def test_the_site_is_judged_by_its_http_status() -> None:
    assert [judge("site", status, b"").effect for status in (200, 404, 410, 403, 429, 500)] == [
        "done", "absent", "absent", "refused", "throttled", "again",
    ]  # fmt: skip


def test_an_error_is_told_in_chinese_with_its_code() -> None:
    judgement = judge("weibo", 403, body(error_code=10023, error="x"))
    assert "上限" in judgement.text
    assert "10023" in judgement.text
    assert judgement.wait_s > 0


def test_weibo_time_is_read_with_its_zone() -> None:
    assert parse_weibo_time("Tue May 31 17:46:55 +0800 2011") == datetime(2011, 5, 31, 9, 46, 55, tzinfo=UTC)
    with pytest.raises(ValueError, match="does not match"):
        parse_weibo_time("2011-05-31 17:46:55")
