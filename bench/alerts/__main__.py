"""The alert pipeline under kill -9: every alert once, every message at least once, repeats only after a kill in a call.

Run: python -m bench.alerts [--kills 300] [--seed 1]. A real process raises and sends alerts to a real mail server and a
real group robot, both here; it is killed at random instants and started again. What arrived is counted where it came.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from sqlalchemy import func, select

from bench.alerts import sender
from bench.machine import show
from core.clock import SystemClock
from core.config import Settings
from core.house import House, create_tables, open_house
from core.models import Alert, AlertSend, Issue
from core.models.words import Level, SendState

TAKES_S = 0.08  # the mail server and the group take so long to answer: there must be something to kill
MOST_S = 0.5  # a sender lives up to so long
ISSUE_EVERY_S = 0.4
WAIT_S = 300.0
context = get_context("forkserver")
context.set_forkserver_preload(["bench.alerts.sender"])


class Arrivals:
    """What arrived, in order, by the number of its message."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.said: dict[str, list[str]] = defaultdict(list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(str(mail["Message-ID"]))
        self.said[str(mail["Message-ID"])].append(str(mail["Subject"]))
        await asyncio.sleep(TAKES_S)
        return "250 OK"

    def hear(self, text: str) -> None:
        """A robot's text; its last line is the number."""
        number = text.rpartition("编号：")[2].strip()
        self.said[f"group {number}"].append(text.partition("\n")[0])
        time.sleep(TAKES_S)


def main() -> int:
    """Run, judge, print; 1 when anything was lost, doubled or repeated without reason or mark."""
    options = argparse.ArgumentParser(prog="python -m bench.alerts", description=__doc__)
    options.add_argument("--kills", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    arrivals = Arrivals()
    mail = Controller(arrivals, hostname="127.0.0.1", port=_free_port())
    mail.start()
    group = _listen(arrivals)
    try:
        with tempfile.TemporaryDirectory() as home:
            settings = _settings(Path(home), mail, group)
            house = open_house(settings, create=True)
            create_tables(house.db)
            kills, in_call = _break(house, settings, chosen.kills, random.Random(chosen.seed))
            figures = _judge(house, arrivals) | {"kills": kills, "kills_with_a_message_claimed": in_call}
            house.close()
    finally:
        mail.stop()
        group.shutdown()
    show("alerts", figures)
    bad = ("alerts_doubled", "issues_without_alert", "messages_not_sent", "never_arrived", "repeats_without_mark")
    return int(any(figures[name] for name in bad) or figures["repeats"] > in_call)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listen(arrivals: Arrivals) -> ThreadingHTTPServer:
    class Robot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrivals.hear(body["text"]["content"])
            answer = b'{"errcode":0,"errmsg":"ok"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Robot)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _settings(home: Path, mail: Controller, group: ThreadingHTTPServer) -> Settings:
    port = mail.port
    return Settings.model_validate({
        "home": home, "smtp_url": f"smtp://127.0.0.1:{port}", "mail_to": "fenxi@example.gov.cn",
        "wecom_url": f"http://127.0.0.1:{group.server_port}/send?key=1",
        "allow_private": f"127.0.0.1:{port},127.0.0.1:{group.server_port}",
    })  # fmt: skip


def _break(house: House, settings: Settings, kills: int, rng: random.Random) -> tuple[int, int]:
    """Kill the sender so often while new issues come up, then let one finish; (kills, those that hit a claimed one)."""
    given, began = settings.model_dump(mode="json"), time.monotonic()
    made = in_call = 0
    process = _start(given)
    for done in range(kills):
        while time.monotonic() - began > made * ISSUE_EVERY_S:
            made += 1
            _issue(house, made)
        time.sleep(rng.uniform(0.01, MOST_S))
        process.kill()
        process.join()
        in_call += _claimed(house)
        process = _start(given)
        if done % 50 == 49:
            print(f"{done + 1} kills, {made} issues", file=sys.stderr, flush=True)
    until = time.monotonic() + WAIT_S
    while _waiting(house) and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2 * sender.LEASE_S)
    process.kill()
    process.join()
    return kills, in_call


def _start(settings: dict[str, Any]) -> BaseProcess:
    ready = context.Event()
    process = context.Process(target=sender.work, args=(settings, ready), daemon=True)
    process.start()
    ready.wait(WAIT_S)
    return process


def _issue(house: House, number: int) -> None:
    now = SystemClock().now()
    with house.db.write() as session:
        session.add(
            Issue(
                fingerprint=f"f{number}", title=f"第{number}件事", level=Level.YELLOW.value, terms=["停水"],
                version="v", reasons={"mentions": 12, "authors": 11}, first_at=now, last_at=now, created_at=now,
                updated_at=now,
            )
        )  # fmt: skip


def _claimed(house: House) -> int:
    """Whether the killed sender held a message: claimed, not sent, no failure told."""
    now = house.clock.now()
    held = (AlertSend.state == SendState.WAITING, AlertSend.tries > 0, AlertSend.error == "", AlertSend.next_at > now)
    with house.db.read() as session:
        return int(bool(session.scalar(select(func.count(AlertSend.id)).where(*held))))


def _waiting(house: House) -> int:
    with house.db.read() as session:
        return session.scalar(select(func.count(AlertSend.id)).where(AlertSend.state == SendState.WAITING)) or 0


def _judge(house: House, arrivals: Arrivals) -> dict[str, Any]:
    with house.db.read() as session:
        issues = session.scalar(select(func.count(Issue.id))) or 0
        alerts = Counter((alert.issue_id, alert.reason) for alert in session.scalars(select(Alert)))
        sends = list(session.scalars(select(AlertSend)))
        first = Counter(issue_id for issue_id, reason in alerts if reason == "first")
    keys, unsent = {_key(send) for send in sends}, [send for send in sends if send.state != SendState.SENT]
    times = {key: len(arrivals.said.get(key, [])) for key in keys}
    unmarked = {key: sum("重发" not in subject for subject in arrivals.said.get(key, [])) for key in keys}
    return {
        "issues": issues, "alerts": sum(alerts.values()), "alerts_doubled": sum(n > 1 for n in alerts.values()),
        "issues_without_alert": issues - len(first), "messages": len(sends),
        "messages_not_sent": len(unsent),
        "never_arrived": sum(not number for number in times.values()),
        "repeats": sum(number - 1 for number in times.values() if number > 1),
        "repeats_without_mark": sum(number > 1 for number in unmarked.values()),
        "strangers": len(set(arrivals.said) - keys),
        "not_sent": [f"{send.notifier} {send.state} after {send.tries}: {send.error}" for send in unsent[:5]],
    }  # fmt: skip


def _key(send: AlertSend) -> str:
    number = f"alert-message-{send.id}"
    return f"<{number}@localhost>" if send.notifier == "mail" else f"group {number}"


if __name__ == "__main__":
    sys.exit(main())
