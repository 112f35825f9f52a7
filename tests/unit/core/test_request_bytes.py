"""Requests as bytes: what is written by hand here goes out as httpx would write it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from core.http import Request
from core.http.bodies import build

URL = "https://api.example.gov.cn/2/share.json"
VALUES: list[dict[str, Any]] = [
    {"status": "停水 & 通知：a=b+c%20", "rip": "1.2.3.4"},
    {"count": 1, "trim": True, "off": False, "none": None, "ratio": 1.5, "empty": ""},
    {"emoji": "😀", "quote": "'\"<>/?#~*()!", "line": "一\r\n二"},
]


@pytest.mark.parametrize("values", VALUES)
def test_a_form_goes_out_as_httpx_would_send_it(values: dict[str, Any]) -> None:
    ours, theirs = build(Request("POST", URL, form=values), fresh=True), httpx.Request("POST", URL, data=values)
    assert ours.body == theirs.read()
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


@pytest.mark.parametrize("values", VALUES)
def test_parameters_go_out_with_the_same_meaning(values: dict[str, Any]) -> None:
    ours = build(Request("GET", URL, params=values), fresh=False)
    theirs = httpx.URL(URL, params=values)
    assert ours.url.target.startswith(b"/2/share.json?")
    assert httpx.URL("https://h" + ours.url.target.decode()).params == theirs.params


def test_parameters_are_added_to_those_of_the_address() -> None:
    assert build(Request("GET", URL + "?a=1", params={"b": 2}), fresh=False).url.target == b"/2/share.json?a=1&b=2"


def test_an_address_with_words_and_a_port_is_written_as_httpx_does() -> None:
    url = "http://例子.中国:8080/路况/a b"
    ours, theirs = build(Request("GET", url), fresh=False).url, httpx.URL(url)
    assert (ours.host, ours.port, ours.target) == (theirs.raw_host, 8080, theirs.raw_path)


def test_json_goes_out_as_raw_utf8_and_nothing_as_nothing() -> None:
    sent = build(Request("POST", URL, json={"title": "停水"}), fresh=False)
    assert sent.body == '{"title":"停水"}'.encode()
    empty = build(Request("GET", URL), fresh=False)
    assert (empty.body, "Content-Type" in empty.headers) == (b"", False)


def test_files_go_out_as_multipart_with_their_form() -> None:
    request = Request("POST", URL, form={"status": "图"}, files={"pic": ("a.png", b"\x89PNG", "image/png")})
    sent = build(request, fresh=True)
    assert sent.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="status"' in sent.body
    assert b"\x89PNG" in sent.body


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.gov.cn/a", "api.example.gov.cn"), ("http://127.0.0.1:8080/a", "127.0.0.1:8080"),
        ("http://[::1]:8080/a", "[::1]:8080"), ("http://h:80/a", "h"),
    ],
)  # fmt: skip
def test_the_host_is_written_as_http_wants_it(url: str, host: str) -> None:
    assert build(Request("GET", url), fresh=False).headers["Host"] == host


def test_a_call_that_may_have_a_body_tells_its_length_even_when_it_has_none() -> None:
    assert build(Request("post", URL), fresh=False).headers["Content-Length"] == "0"
    assert "Content-Length" not in build(Request("GET", URL), fresh=False).headers


def test_a_header_of_the_caller_takes_the_place_of_ours_however_it_is_written() -> None:
    sent = build(Request("POST", URL, json={}, headers={"content-type": "text/plain"}), fresh=False)
    assert [value for name, value in sent.headers.items() if name.lower() == "content-type"] == ["text/plain"]


def test_what_is_no_word_and_no_number_is_no_form_value() -> None:
    with pytest.raises(TypeError, match="audience"):
        build(Request("POST", URL, form={"audience": ["a"]}), fresh=False)


def test_a_request_on_the_wire_does_not_show_its_secrets() -> None:
    assert "s3cret" not in repr(build(Request("POST", URL, json={"k": "s3cret"}, auth=("a", "s3cret")), fresh=False))
