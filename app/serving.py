"""Serves a web app with gunicorn (gthread, one worker, 16 threads) inside this process's tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication

THREADS = 16


class Server(BaseApplication):
    """gunicorn with the house's settings; `make_app` runs in the worker, after the fork, so no connection is shared."""

    def __init__(self, make_app: Callable[[], WSGIApplication], bind: str) -> None:
        self._make_app = make_app
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._bind,
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 60,
            "graceful_timeout": 20,
            "keepalive": 5,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "wenzheng",
            "forwarded_allow_ips": "127.0.0.1",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return self._make_app()
