"""The crowd, the replays, the truth, the control API and a restart."""

from __future__ import annotations

import csv
import gzip
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner

from sandbox.command import replay
from sandbox.evening import Event, load_evening
from sandbox.options import Options
from sandbox.player import play_evening
from sandbox.replay import Pace, ReplayFault, replay_cascade, replay_messages
from sandbox.server import create_app
from sandbox.store import Store

LINK = "http://127.0.0.1:8000/a/20260101-1.html"
EVENTS = [
    {"after_s": 60, "kind": "comment", "author": "甲", "text": "问", "ref": "c1"},
    {"after_s": 120, "kind": "reply", "author": "乙", "text": "同问", "parent": "c1", "ref": "c2"},
    {"after_s": 180, "kind": "like"},
    {"after_s": 240, "kind": "repost", "author": "丙", "text": "转", "ref": "r1"},
    {"after_s": 300, "kind": "repost", "author": "丁", "text": "再转", "parent": "r1"},
    {"after_s": 360, "kind": "delete", "parent": "c2"},
]


@pytest.fixture
def status(commercial: Any) -> tuple[Any, str, dict[str, Any]]:
    token = commercial.account("weibo")["access_token"]
    return commercial, token, commercial.share(token)


def test_events_carry_their_own_time_however_late_they_are_looked_at(status: Any) -> None:
    kit, token, item = status
    began = kit.clock()
    body = {"platform": "weibo", "item": item["id"], "speed": 2, "events": EVENTS}
    assert kit.client.post("/control/crowd", json=body).get_json() == {"planned": 6}
    kit.clock.pass_(65)
    assert [row["text"] for row in kit.get("comments/show", token, id=item["id"])[1]["comments"]] == ["同问", "问"]
    assert kit.client.get("/control/crowd").get_json() == {"waiting": 4, "ended": {"played": 2}}
    kit.clock.pass_(1_000)
    rows = kit.client.get("/truth/rows", query_string={"status": item["id"]}).get_json()
    times = {row["text"]: row["created_at"] - began for row in rows}
    assert times == {"转": 120.0, "再转": 150.0, "问": 30.0, "同问": 60.0}
    counts = kit.get("statuses/count", token, ids=item["id"])[1][0]
    assert counts == {"id": item["id"], "comments": 1, "reposts": 2, "attitudes": 1}


def test_an_event_without_its_parent_is_told_not_invented(status: Any) -> None:
    kit, _, item = status
    body = {
        "platform": "weibo",
        "item": item["id"],
        "speed": 0,
        "events": [{"kind": "reply", "author": "甲", "text": "答", "parent": "nowhere"}],
    }
    kit.client.post("/control/crowd", json=body)
    assert kit.client.get("/control/crowd").get_json()["ended"] == {"no parent": 1}


def test_the_crowd_stops_when_the_item_is_gone(status: Any) -> None:
    kit, token, item = status
    kit.client.post("/control/crowd", json={"platform": "weibo", "item": item["id"], "events": EVENTS})
    kit.post("statuses/destroy", token, id=item["id"])
    kit.clock.pass_(1_000)
    assert kit.client.get("/control/crowd").get_json()["ended"] == {"item gone": 6}


@pytest.mark.parametrize(
    "body", [{"platform": "weibo", "item": "1", "events": []}, {"platform": "jpush", "item": "1", "events": []}]
)
def test_a_crowd_needs_a_live_item(status: Any, body: dict[str, Any]) -> None:
    kit, _, _ = status
    assert kit.client.post("/control/crowd", json=body).status_code == 400


def test_wechat_readers_do_not_repost(kit: Any) -> None:
    article = kit.publish(kit.wechat_token(kit.account("wechat")))
    body = {"platform": "wechat", "item": article["article_id"], "events": [{"kind": "repost", "author": "甲"}]}
    assert kit.client.post("/control/crowd", json=body).status_code == 400


def write_cascade(folder: Path) -> Path:
    mids = iter(f"m{n}" for n in range(1_000))
    said = [mid for mid in mids if zlib.crc32(mid.encode()) % 10 < 3][:2]
    kept = next(mid for mid in (f"k{n}" for n in range(100)) if zlib.crc32(mid.encode()) % 10 >= 3)
    rows = [
        ("o1", said[0], "", "2012-09-13 08:00:00", "a1", "会是真的吗"),
        ("o1", "child", said[0], "2012-09-13 08:05:00", "a2", "不清楚"),
        ("o1", "grandchild", "child", "2012-09-13 08:06:00", "a3", ""),
        ("o1", kept, "", "2012-09-13 09:00:00", "a4", '他说"等等"'),
        ("o1", "early", kept, "2012-09-13 08:30:00", "a5", "早于上级"),
        ("o1", "silent", "", "2012-09-13 08:10:00", "a6", ""),
        ("o1", "silent", "", "2012-09-13 08:10:00", "a6", ""),
        ("o1", "odd", "", "02月06日 17:45", "a7", ""),
        ("o2", "other", "", "2012-09-13 08:10:00", "a8", ""),
    ]
    file = folder / "reposts.tsv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, dialect="excel-tab")
        writer.writerows([("original", "mid", "parent", "time", "author_hash", "text"), *rows])
    with gzip.open(folder / "originals.tsv.gz", "wt", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, dialect="excel-tab")
        writer.writerows([("id", "time"), ("o1", "Thu Sep 13 07:00:00 +0800 2012")])
    return file


def test_a_cascade_is_played_whole_with_its_parents_and_one_shift(status: Any, tmp_path: Path) -> None:
    kit, token, item = status
    server = serve(kit)
    try:
        played = replay_cascade(write_cascade(tmp_path), "o1", server.base_url, item["id"])
    finally:
        server.stop()
    assert (played.reposts, played.comments, played.answers) == (3, 1, 2)
    assert played.skipped == {"duplicate id": 1, "malformed time": 1}
    rows = kit.client.get("/truth/rows", query_string={"status": item["id"]}).get_json()
    parents = {row["ref"]: row["parent_ref"] for row in rows}
    assert parents["grandchild"] == "child"
    assert parents["silent"] is None
    assert {row["ref"]: row["kind"] for row in rows}["grandchild"] == "answer"
    began = kit.client.get(f"/control/weibo/{item['id']}").get_json()["created_at"]
    assert {row["created_at"] - began for row in rows if row["ref"] == "early"} == {5_400.0}
    listed = kit.get("statuses/repost_timeline", token, id=item["id"], count=200)[1]["reposts"]
    by_text = {row["text"]: row for row in listed}
    assert by_text["早于上级"]["pid"] == by_text['他说"等等"']["id"]


def test_a_second_replay_of_the_same_rows_plays_none_twice(status: Any, tmp_path: Path) -> None:
    kit, _, item = status
    server = serve(kit)
    try:
        file = write_cascade(tmp_path)
        replay_cascade(file, "o1", server.base_url, item["id"], align="now")
        again = replay_cascade(file, "o1", server.base_url, item["id"])
        with pytest.raises(ReplayFault, match="没有编号为 o9"):
            replay_cascade(file, "o9", server.base_url, item["id"])
    finally:
        server.stop()
    assert again.total == 0
    assert again.skipped["already played"] == 6


def test_a_replay_with_a_speed_waits_as_long_as_the_stream_says(status: Any, tmp_path: Path) -> None:
    kit, _, item = status
    server = serve(kit)
    slept: list[float] = []
    try:
        pace = Pace(3_600.0, slept.append)
        played = replay_cascade(write_cascade(tmp_path), "o1", server.base_url, item["id"], pace)
    finally:
        server.stop()
    assert played.total == 6
    assert max(slept) == pytest.approx(2.0, abs=0.5)


class Served:
    def __init__(self, kit: Any) -> None:
        from sandbox.listener import Listener

        self.listener = Listener(kit.app)
        self.base_url = self.listener.base_url
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.listener.shutdown()
        self.thread.join()
        self.listener.server_close()


def serve(kit: Any) -> Served:
    return Served(kit)


class Portal(http.server.ThreadingHTTPServer):
    """A stand-in with the portal's forms: gives a token once a form, refuses a post without it or with 违禁."""

    daemon_threads = True

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str]]] = []
        self.devices: list[str] = []
        self.busy = 0
        self.forms = 0
        super().__init__(("127.0.0.1", 0), PortalHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class PortalHandler(http.server.BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        self.server.forms += 1
        once = f'<input type="hidden" name="once" value="{self.server.forms}">'.encode()
        self.answer(
            200,
            b'<form><input type="hidden" name="csrf_token" value="t&amp;1"><input name="homepage">' + once,
            cookie="session=s1",
        )

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.busy:
            self.server.busy -= 1
            return self.answer(429, b"")
        if self.headers["Content-Type"] == "application/json":
            self.server.devices.append(self.headers["X-Client-Id"])
            self.server.taken.append((self.path, json.loads(raw)))
            return self.answer(201, b"{}")
        form = {name: values[0] for name, values in parse_qs(raw).items()}
        if "session=s1" not in self.headers.get("Cookie", "") or form.get("csrf_token") != "t&1":
            return self.answer(400, b"")
        if "违禁" in form["text"]:
            return self.answer(422, b"")
        self.server.taken.append((self.path, form))
        return self.answer(302, b"")

    def answer(self, status: int, body: bytes, cookie: str | None = None) -> None:
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if status == 302:
            self.send_header("Location", "/nowhere")
        if status == 429:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    server = Portal()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_messages_are_posted_in_order_of_time_and_refusals_counted(portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "stream.tsv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as out:
        csv.writer(out, dialect="excel-tab").writerows(
            [
                ("msg_id", "user", "time", "likes", "against", "title", "text"),
                (1, "A1", "2019/2/28 11:25:05", 0, 0, "后来", "后来的话"),
                (2, "A2", "2019-01-02 08:00:00", 0, 0, "先来", "先来的话"),
                (3, "A3", "2019/3/1 9:00:00", 0, 0, "不收", "违禁"),
                (4, "A4", "某日", 0, 0, "无时", "无时"),
            ]
        )
    played = replay_messages(file, portal.url)
    assert [form["title"] for _, form in portal.taken] == ["先来", "后来"]
    assert {path for path, _ in portal.taken} == {"/messages/new"}
    assert portal.taken[0][1]["name"] == "A2"
    assert [form["once"] for _, form in portal.taken] == ["1", "2"]
    assert "homepage" not in portal.taken[0][1]
    assert (played.comments, played.skipped) == (2, {"malformed time": 1, "refused 422": 1})


def test_the_evening_reaches_every_channel(commercial: Any, portal: Portal) -> None:
    token = commercial.account("weibo")["access_token"]
    item = commercial.share(token)
    article = commercial.publish(commercial.wechat_token(commercial.account("wechat")))
    server = serve(commercial)
    try:
        planned = play_evening(
            server.base_url,
            portal.url,
            speed=0,
            items={"weibo": str(item["id"]), "wechat": article["article_id"], "website": "7", "client": "7"},
        )
    finally:
        server.stop()
    evening = load_evening()
    at_portal = [event for event in evening if event.channel in ("website", "client")]
    assert planned["portal"] == {"taken": len(at_portal), "refused": 0}
    assert planned["weibo"] == sum(event.channel == "weibo" for event in evening)
    assert commercial.client.get("/control/crowd").get_json()["waiting"] == 0
    ended = commercial.client.get("/control/crowd").get_json()["ended"]
    assert ended == {"played": planned["weibo"] + planned["wechat"]}
    assert {path for path, _ in portal.taken} == {
        "/items/7/comments",
        "/client/items/7/comments",
        "/client/items/7/likes",
    }


def test_a_refused_visitor_is_counted(portal: Portal) -> None:
    from sandbox.visitors import visit

    events = [Event("website", 0, "comment", "甲", "违禁"), Event("website", 1, "comment", "乙", "可以")]
    assert visit(portal.url, "7", events, speed=0) == {"taken": 1, "refused": 1}


def test_a_visitor_waits_as_the_portal_says_and_gives_up_in_the_end(portal: Portal) -> None:
    from sandbox.visitors import visit

    slept: list[float] = []
    portal.busy = 2
    event = Event("website", 0, "comment", "甲", "可以")
    assert visit(portal.url, "7", [event], 0, sleep=slept.append) == {"taken": 1, "refused": 0}
    assert slept == [7.0, 7.0]
    portal.busy = 6
    assert visit(portal.url, "7", [event], 0, sleep=slept.append) == {"taken": 0, "refused": 1}


def test_every_like_comes_from_another_device_and_an_author_keeps_one(portal: Portal) -> None:
    from sandbox.visitors import visit

    events = [
        Event("client", 0, "like"),
        Event("client", 1, "like"),
        *(Event("client", n, "comment", "甲", f"第{n}句") for n in (2, 3)),
    ]
    visit(portal.url, "7", events, speed=0)
    assert len(set(portal.devices)) == 3
    assert portal.devices[2] == portal.devices[3]


def test_the_truth_tells_live_and_deleted_copies_with_their_times(kit: Any) -> None:
    token = kit.account("weibo")["access_token"]
    first = kit.share(token)
    kit.clock.pass_(10)
    kit.post("statuses/destroy", token, id=first["id"])
    kit.share(token, "再发")
    kit.share(token, "别的", link="http://127.0.0.1:8000/a/20260101-10.html")
    copies = kit.copies()
    assert [copy["live"] for copy in copies["weibo"]] == [False, True]
    assert copies["weibo"][0]["deleted_at"] - copies["weibo"][0]["accepted_at"] == 10
    assert copies["live"] == {"weibo": 1, "wechat": 0, "jpush": 0}


def test_a_link_is_told_from_a_longer_one_and_a_mark_belongs_to_it(kit: Any) -> None:
    token = kit.wechat_token(kit.account("wechat"))
    kit.draft(token)
    kit.draft(token, content_source_url=LINK + "x")
    assert len(kit.copies()["wechat_drafts"]) == 1


def test_the_truth_of_an_account_lists_drafts_and_audits(kit: Any) -> None:
    account = kit.account("wechat")
    token = kit.wechat_token(account)
    kit.call("freepublish/submit", token, {"media_id": kit.draft(token)})
    told = kit.client.get("/truth", query_string={"account": account["appid"]}).get_json()
    assert len(told["wechat_drafts"]) == len(told["wechat_in_audit"]) == 1
    assert told["calls"] == {"freepublish/submit": {"seen": 1, "late": 0, "struck": 0}}


def test_the_request_log_masks_tokens_and_secrets(kit: Any) -> None:
    account = kit.account("wechat")
    token = kit.wechat_token(account)
    weibo = kit.account("weibo")["access_token"]
    kit.share(weibo)
    log = kit.client.get("/truth/calls").text
    assert token not in log
    assert weibo not in log
    assert account["secret"] not in log
    rows = kit.client.get("/truth/calls", query_string={"api": "statuses/share"}).get_json()
    assert [(row["platform"], row["status"]) for row in rows] == [("weibo", 200)]


def test_accounts_keep_given_credentials_and_refuse_a_second_of_the_same_id(kit: Any) -> None:
    made = kit.account("weibo", uid="2000000001", access_token="2.00demo", client_id="1", client_secret="s")
    assert kit.get("account/get_uid", "2.00demo")[1] == {"uid": 2_000_000_001}
    assert made["access_token"] == "2.00demo"
    again = kit.client.post("/control/accounts", json={"platform": "weibo", "uid": "2000000001"})
    assert again.status_code == 409
    for wrong in ({"platform": "fax"}, {"platform": "weibo", "speed": 1}):
        assert kit.client.post("/control/accounts", json=wrong).status_code == 400


def test_settings_can_be_changed_and_unknown_ones_are_refused(kit: Any) -> None:
    account = kit.account("wechat")
    path = f"/control/accounts/wechat/{account['appid']}"
    assert kit.client.patch(path, json={"audit_s": 1}).get_json()["audit_s"] == 1
    assert kit.client.patch(path, json={"colour": 1}).status_code == 400
    assert kit.client.patch("/control/accounts/wechat/none", json={"audit_s": 1}).status_code == 404


def test_state_survives_a_restart_with_audits_faults_and_events(make_kit: Any, tmp_path: Path) -> None:
    kit = make_kit()
    options = Options(clock=kit.clock)
    store = Store(tmp_path / "state.db")
    kit.app = create_app(store, options)
    kit.client = kit.app.test_client()
    token = kit.wechat_token(kit.account("wechat"))
    kit.call("freepublish/submit", token, {"media_id": kit.draft(token)})
    kit.fault("http_500", api="draft/count")
    store.close()
    kit.app = create_app(Store(tmp_path / "state.db"), options)
    kit.client = kit.app.test_client()
    kit.clock.pass_(30)
    assert kit.copies()["live"]["wechat"] == 1
    assert kit.client.get("/cgi-bin/draft/count", query_string={"access_token": token}).status_code == 500


def test_the_process_prints_its_address_runs_jobs_and_leaves_on_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--state", str(tmp_path / "s.db"), "--time-factor", "100"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line.startswith("sandbox listening on http://127.0.0.1:")
        body = json.dumps({"platform": "jpush"}).encode()
        address = line.split()[-1] + "/control/accounts"
        call = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(call, timeout=10) as answer:
            assert len(json.loads(answer.read())["app_key"]) == 24
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_command_line_plays_a_cascade_and_says_what_it_left_out(status: Any, tmp_path: Path) -> None:
    kit, _, item = status
    server = serve(kit)
    try:
        run = CliRunner().invoke(
            replay,
            [
                "cascades",
                "--file",
                str(write_cascade(tmp_path)),
                "--original",
                "o1",
                "--status",
                str(item["id"]),
                "--sandbox-url",
                server.base_url,
            ],
        )
    finally:
        server.stop()
    assert run.exit_code == 0, run.output
    assert run.output == "播放 6（转发 3，评论或留言 1，回复 2）；跳过：duplicate id 1，malformed time 1\n"


def test_the_command_line_posts_messages(portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "stream.tsv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as out:
        csv.writer(out, dialect="excel-tab").writerows(
            [
                ("msg_id", "user", "time", "likes", "against", "title", "text"),
                *((n, f"A{n}", f"2019/2/{n} 11:25:05", 0, 0, f"第{n}条", "话") for n in range(1, 6)),
            ]
        )
    run = CliRunner().invoke(replay, ["messages", "--file", str(file), "--portal-url", portal.url, "--limit", "3"])
    assert run.output == "播放 3（转发 0，评论或留言 3，回复 0）；跳过：无\n"
    assert [form["title"] for _, form in portal.taken] == ["第1条", "第2条", "第3条"]


def test_the_front_page_leads_to_everything_live(kit: Any) -> None:
    status = kit.share(kit.account("weibo")["access_token"], "头条停水")
    kit.publish(kit.wechat_token(kit.account("wechat")), title="公众号停水")
    account = kit.account("jpush")
    kit.push(account)
    page = kit.client.get("/").text
    assert "头条停水" in page
    assert "公众号停水" in page
    assert f"/{status['user']['id']}/" in page
    assert "停水通告" in kit.client.get(f"/inbox/{account['app_key']}").text
    assert kit.client.get("/inbox/none").status_code == 404
