"""Every scripted fault truly strikes: on the wire, in the effect and in the truth."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

LINK = "http://127.0.0.1:8000/a/20260101-1.html"
SHARE = "/2/statuses/share.json"


def post(base_url: str, token: str, text: str = "通告", timeout: float = 10.0) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=timeout)
    body = urlencode({"access_token": token, "status": f"{text} {LINK}"})
    try:
        connection.request("POST", SHARE, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer
    finally:
        connection.close()


@pytest.fixture
def token(kit: Any) -> str:
    return str(kit.account("weibo")["access_token"])


def live(kit: Any) -> int:
    return int(kit.copies()["live"]["weibo"])


def test_http_500_comes_before_the_effect_or_after_it(kit: Any, base_url: str, token: str) -> None:
    kit.fault("http_500", api="statuses/share", code=502)
    assert post(base_url, token).status == 502
    assert live(kit) == 0
    kit.fault("http_500", api="statuses/share", after=True)
    assert post(base_url, token).status == 500
    assert live(kit) == 1


def test_a_time_out_before_accept_leaves_nothing(kit: Any, base_url: str, token: str) -> None:
    kit.fault("timeout_before", seconds=30)
    with pytest.raises(TimeoutError):
        post(base_url, token, timeout=0.3)
    assert live(kit) == 0


def test_a_time_out_after_accept_leaves_one_copy(kit: Any, base_url: str, token: str) -> None:
    kit.fault("timeout_after", seconds=30)
    with pytest.raises(TimeoutError):
        post(base_url, token, timeout=0.3)
    assert live(kit) == 1


def test_a_hanging_call_is_reset_when_its_time_is_over(kit: Any, base_url: str, token: str) -> None:
    kit.fault("timeout_after", seconds=0.2)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(base_url, token)
    assert live(kit) == 1


@pytest.mark.parametrize(("kind", "copies"), [("timeout_before", 0), ("timeout_after", 1), ("accept_late", 0)])
def test_the_connection_may_break_at_once(kit: Any, base_url: str, token: str, kind: str, copies: int) -> None:
    kit.fault(kind, connection="close")
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(base_url, token)
    assert live(kit) == copies


def test_a_late_accept_takes_effect_after_its_delay_with_the_very_request(kit: Any, base_url: str, token: str) -> None:
    kit.fault("accept_late", api="statuses/share", seconds=40, connection="close")
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(base_url, token, "迟到")
    kit.clock.pass_(39)
    assert live(kit) == 0
    due_at = kit.clock() + 1
    kit.clock.pass_(100)
    copies = kit.copies()["weibo"]
    assert [copy["text"][:2] for copy in copies] == ["迟到"]
    assert copies[0]["accepted_at"] == due_at
    calls = kit.copies()["calls"]["statuses/share"]
    assert calls == {"seen": 1, "late": 1, "struck": 1}


def test_a_resend_meanwhile_stands_beside_the_late_accept(kit: Any, base_url: str, token: str) -> None:
    kit.fault("accept_late", seconds=40, connection="close")
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(base_url, token)
    assert post(base_url, token).status == 200
    kit.clock.pass_(41)
    assert live(kit) == 2


def test_a_late_wechat_submit_counts_and_publishes_when_it_comes(kit: Any) -> None:
    wechat = kit.wechat_token(kit.account("wechat"))
    media_id = kit.draft(wechat)
    kit.fault("accept_late", api="freepublish/submit", seconds=40)
    kit.client.post("/cgi-bin/freepublish/submit", query_string={"access_token": wechat}, json={"media_id": media_id})
    quota = {"cgi_path": "/cgi-bin/freepublish/submit"}
    assert kit.call("openapi/quota/get", wechat, quota)["quota"]["used"] == 0
    kit.clock.pass_(41)
    assert kit.call("openapi/quota/get", wechat, quota)["quota"]["used"] == 1
    assert len(kit.copies()["wechat_in_audit"]) == 1
    kit.clock.pass_(60)
    assert kit.copies()["live"]["wechat"] == 1


def test_a_late_push_with_a_cid_is_still_one_push(kit: Any) -> None:
    account = kit.account("jpush")
    kit.fault("accept_late", platform="jpush", api="push", seconds=40)
    body = {"platform": "all", "audience": "all", "cid": "c1", "notification": {"alert": LINK}}
    kit.client.post("/v3/push", json=body, auth=(account["app_key"], account["master_secret"]))
    kit.push(account, cid="c1", notification={"alert": LINK})
    kit.clock.pass_(41)
    assert kit.copies()["live"]["jpush"] == 1


def test_an_answer_is_cut_after_n_bytes_of_its_body(kit: Any, base_url: str, token: str) -> None:
    kit.fault("cut", bytes=10)
    with pytest.raises(http.client.IncompleteRead) as caught:
        post(base_url, token)
    assert len(caught.value.partial) == 10
    assert live(kit) == 1


def test_bad_json_comes_with_200_after_the_effect(kit: Any, base_url: str, token: str) -> None:
    kit.fault("bad_json")
    answer = post(base_url, token)
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)  # type: ignore[attr-defined]
    assert live(kit) == 1


def test_list_lag_on_a_write_hides_it_and_on_a_read_shows_the_past(kit: Any, token: str) -> None:
    kit.fault("list_lag", api="statuses/share", seconds=15)
    kit.share(token)
    assert kit.get("statuses/user_timeline", token)[1]["statuses"] == []
    kit.clock.pass_(16)
    assert len(kit.get("statuses/user_timeline", token)[1]["statuses"]) == 1
    kit.fault("list_lag", api="statuses/user_timeline", seconds=30)
    assert kit.get("statuses/user_timeline", token)[1]["statuses"] == []
    assert len(kit.get("statuses/user_timeline", token)[1]["statuses"]) == 1


@pytest.mark.parametrize(("platform", "code"), [("weibo", 21332), ("wechat", 40001)])
def test_a_token_is_killed_before_the_call_is_checked(kit: Any, platform: str, code: int) -> None:
    account = kit.account(platform)
    token = account.get("access_token") or kit.wechat_token(account)
    kit.fault("kill_token", platform=platform)
    if platform == "weibo":
        assert kit.get("account/get_uid", token)[1]["error_code"] == code
    else:
        assert kit.call("draft/batchget", token, {})["errcode"] == code


def test_rate_limits_have_each_platforms_code(kit: Any, token: str) -> None:
    kit.fault("rate_limit", times=3)
    assert kit.get("account/get_uid", token)[1]["error_code"] == 10023
    wechat = kit.wechat_token
    account = kit.account("wechat")
    asked = {"grant_type": "client_credential", "appid": account["appid"], "secret": account["secret"]}
    assert kit.client.get("/cgi-bin/token", query_string=asked).get_json()["errcode"] == 45009
    assert kit.push(kit.account("jpush"))[1]["error"]["code"] == 2002
    assert wechat(account)


@pytest.mark.parametrize("code", [20016, 20019, 20031, 10001])
def test_any_documented_code_can_be_asked_for_and_has_no_effect(kit: Any, token: str, code: int) -> None:
    kit.fault("code", platform="weibo", api="statuses/share", code=code)
    assert kit.post("statuses/share", token, status=f"通告 {LINK}")[1]["error_code"] == code
    assert live(kit) == 0


def test_a_fault_strikes_its_platform_api_and_account_only(kit: Any, token: str) -> None:
    other = kit.account("weibo")
    kit.fault("http_500", platform="weibo", api="statuses/share", account=other["uid"])
    kit.fault("http_500", platform="jpush")
    assert kit.get("account/get_uid", other["access_token"])[0] == 200
    assert kit.post("statuses/share", token, status=f"通告 {LINK}")[0] == 200
    answer = kit.client.post(SHARE, data={"access_token": other["access_token"], "status": "x"})
    assert answer.status_code == 500
    assert [fault["fired"] for fault in kit.client.get("/control/faults").get_json()] == [1, 0]


def test_times_and_skip_are_counted(kit: Any, token: str) -> None:
    kit.fault("http_500", api="account/get_uid", times=2, skip=1)
    codes = [
        kit.client.get("/2/account/get_uid.json", query_string={"access_token": token}).status_code for _ in range(4)
    ]
    assert codes == [200, 500, 500, 200]


def test_a_seeded_probability_strikes_alike_in_every_run(make_kit: Any) -> None:
    runs = []
    for seed in (7, 7, 8):
        kit = make_kit()
        token = kit.account("weibo")["access_token"]
        kit.fault("http_500", api="account/get_uid", probability=0.5, seed=seed)
        runs.append(
            [
                kit.client.get("/2/account/get_uid.json", query_string={"access_token": token}).status_code
                for _ in range(30)
            ]
        )
    assert runs[0] == runs[1] != runs[2]
    assert 5 < runs[0].count(500) < 25


def test_faults_can_be_cleared_and_nonsense_is_refused(kit: Any, token: str) -> None:
    kit.fault("http_500", probability=1.0)
    assert kit.client.delete("/control/faults").get_json() == {"removed": 1}
    assert kit.get("account/get_uid", token)[0] == 200
    for wrong in ({"kind": "earthquake"}, {"kind": "cut", "byte": 3}, {"kind": "code"}):
        assert kit.client.post("/control/faults", json=wrong).status_code == 400


def test_fault_seconds_are_divided_by_the_time_factor(make_kit: Any) -> None:
    kit = make_kit(time_factor=10.0)
    token = kit.account("weibo")["access_token"]
    kit.fault("list_lag", api="statuses/share", seconds=15)
    kit.share(token)
    kit.clock.pass_(1.6)
    assert len(kit.get("statuses/user_timeline", token)[1]["statuses"]) == 1


def test_one_connection_serves_many_requests_and_a_chunked_body(kit: Any, base_url: str, token: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
    connection.connect()
    local = connection.sock.getsockname()
    body = urlencode({"access_token": token, "status": f"分块 {LINK}"}).encode()
    connection.request(
        "POST",
        SHARE,
        iter([body[:9], body[9:]]),
        {"Content-Type": "application/x-www-form-urlencoded"},
        encode_chunked=True,
    )
    assert json.loads(connection.getresponse().read())["text"].startswith("分块")
    connection.request("GET", f"/2/account/get_uid.json?access_token={token}")
    assert connection.getresponse().read()
    assert connection.sock.getsockname() == local
    connection.close()


def test_a_client_that_leaves_early_does_no_harm(kit: Any, base_url: str, token: str) -> None:
    kit.fault("timeout_before", api="account/get_uid", seconds=30)
    address = urlsplit(base_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as half:
        half.sendall(f"GET /2/account/get_uid.json?access_token={token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not kit.app.world.faults.report()[0]["fired"]:
            threading.Event().wait(0.01)
    assert post(base_url, token).status == 200


@pytest.mark.parametrize("length", ["Content-Length: 400", "Transfer-Encoding: chunked"])
def test_half_a_request_is_no_request(kit: Any, base_url: str, token: str, length: str) -> None:
    """A worker that is killed while it writes: a front server passes nothing on, and no quota is used."""
    address = urlsplit(base_url)
    head = f"POST {SHARE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
    half_form = f"access_token={token}&status=" + quote(f"半句 {LINK}")
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as half:
        half.sendall((head + ("" if "Length" in length else "190\r\n") + half_form).encode())
        half.shutdown(socket.SHUT_WR)
        assert half.recv(100) == b""
    assert kit.client.get("/truth/calls?api=statuses/share").json == []
    assert post(base_url, token).status == 200


def test_a_fault_can_be_bound_to_what_a_call_is_about(kit: Any, token: str) -> None:
    wechat = kit.wechat_token(kit.account("wechat"))
    other, ours = kit.draft(wechat, content_source_url="http://127.0.0.1/other"), kit.draft(wechat)
    kit.fault("code", api="freepublish/submit", code=53501, contains=LINK)
    kit.fault("http_500", api="statuses/share", contains="/b/2.html")
    assert kit.call("freepublish/submit", wechat, {"media_id": other})["errcode"] == 0
    assert kit.call("freepublish/submit", wechat, {"media_id": ours})["errcode"] == 53501
    assert kit.share(token)["id"]
    struck = kit.client.post(SHARE, data={"access_token": token, "status": "x http://127.0.0.1/b/2.html"})
    assert struck.status_code == 500
