"""The processes of the harness: workers that are killed and stopped, and a keeper that looks after rows.

Started by a fork server that has everything imported, so that a killed worker is replaced within milliseconds.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bench.ledger import lag, naive
from bench.ledger.office import make_settings
from core.house import House, open_house
from publisher.delivery import Lookout, Worker, handle_callbacks

LOOK_S, CALLBACKS_S = 2.0, 1.0
context = get_context("forkserver")
context.set_forkserver_preload(["bench.ledger.preload"])


@dataclass(frozen=True)
class Post:
    """What a process needs to start: settings as a dict, its name, and how it is disguised."""

    settings: dict[str, Any]
    name: str
    elsewhere: bool = False  # it says it runs on another machine: a taker may not end it
    naive: bool = False
    log: str = ""


def start_worker(post: Post) -> BaseProcess:
    """A worker process that claims and delivers."""
    return _start(_work, post)


def start_keeper(post: Post) -> BaseProcess:
    """A process that does what the scheduler's jobs do: look, callbacks."""
    return _start(_keep, post)


def start_meter(pipe: Connection) -> BaseProcess:
    """A process that measures how long the machine keeps the others of the crew waiting; they share a parent."""
    process = context.Process(target=_measure, args=(pipe,), daemon=True)
    process.start()
    return process


def _measure(pipe: Connection) -> None:
    lag.measure(os.getppid(), pipe)


def send(process: BaseProcess, number: signal.Signals) -> bool:
    """Send a signal; False when the process has gone."""
    try:
        os.kill(process.pid or 0, number)
    except ProcessLookupError:
        return False
    return True


def _start(job: Any, post: Post) -> BaseProcess:
    process = context.Process(target=job, args=(post,), daemon=True)
    process.start()
    return process


def _work(post: Post) -> None:
    house, stop = _enter(post)
    Worker(house, post.name).run(stop)


def _keep(post: Post) -> None:
    house, stop = _enter(post)
    lookout = Lookout(house)
    factor = house.settings.time_factor

    def read_callbacks() -> None:
        while not stop.wait(CALLBACKS_S / factor):
            _safely(lambda: handle_callbacks(house))

    thread = threading.Thread(target=read_callbacks, daemon=True)
    thread.start()
    while not stop.wait(LOOK_S / factor):
        _safely(lookout.run)
    thread.join()
    lookout.close()


def _safely(job: Any) -> None:
    """As the scheduler does: a failed round is logged and the next one comes."""
    try:
        job()
    except Exception:
        logging.exception("round failed")
        time.sleep(0.1)


def _enter(post: Post) -> tuple[House, threading.Event]:
    if post.log:
        logging.basicConfig(filename=post.log, level=logging.WARNING, format=f"%(asctime)s {post.name} %(message)s")
    if post.elsewhere:
        name = f"{post.name}.elsewhere"
        socket.gethostname = lambda: name
    if post.naive:
        naive.install()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return open_house(make_settings(sandbox=None, **post.settings)), stop
