"""The code tables and the classification of answers: by the body's code, never by HTTP status alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import (
    AccountDisabled,
    ChannelError,
    CredentialExpired,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from core.http import Response
from core.ports import Effect
from publisher.wire import Platform, need_field
from publisher.wire.calls import classify
from publisher.wire.codes import load_codes

PLATFORM = Platform("weibo", lambda body: (str(body.get("error_code", "") or ""), str(body.get("error", ""))))


def _answer(body: Any, status: int = 200) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(load_codes("weibo"), PLATFORM, "statuses/share", Response(status, {}, content))


@pytest.mark.parametrize("platform", ["weibo", "wechat", "jpush"])
def test_every_line_of_a_table_has_an_effect_and_chinese_for_the_person(platform: str) -> None:
    codes = load_codes(platform)
    assert len(codes.rules) > 15
    for rule in codes.rules.values():
        assert rule.effect in set(Effect) - {Effect.DONE}
        assert any("一" <= letter <= "鿿" for letter in rule.text)
        assert rule.fix
        assert (rule.retry_s > 0) == (rule.effect is Effect.THROTTLED)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (20012, Refused), ("20012", Refused), (10023, Throttled), (21327, CredentialExpired), (20034, AccountDisabled),
        (10001, OutcomeUnknown), (99999, OutcomeUnknown),
    ],
)  # fmt: skip
def test_a_code_decides_whatever_the_status(code: Any, kind: type[ChannelError]) -> None:
    for status in (200, 400, 403, 500):
        with pytest.raises(kind) as caught:
            _answer({"error_code": code, "error": "x"}, status)
        assert type(caught.value) is kind
        assert caught.value.code == str(code)


@pytest.mark.parametrize("status", [301, 302, 400, 404, 500, 502, 504])
def test_an_answer_without_a_code_is_unknown_unless_it_is_2xx(status: int) -> None:
    assert _answer({"idstr": "1"}) == {"idstr": "1"}
    with pytest.raises(OutcomeUnknown):
        _answer({"idstr": "1"}, status)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"idstr": "1', b"null", b"3"])
def test_a_body_that_cannot_be_read_is_unknown_even_with_200(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        _answer(body)


def test_a_done_call_without_its_number_is_unknown() -> None:
    assert need_field({"publish_id": 2650177668}, "publish_id") == "2650177668"
    with pytest.raises(OutcomeUnknown):
        need_field({"errcode": 0}, "publish_id")


def test_no_secret_is_kept_of_an_answer() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        _answer(b'{"access_token": "2.00abcdef", broken')
    assert "2.00abcdef" not in caught.value.raw
