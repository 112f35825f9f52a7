"""Memory of the whole product: proportional set size of web, portal and scheduler after use, in MB.

Run: python -m bench.memory
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.machine import pss_mb, show

SETTLE_S = 20.0
PAGES = 200


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def visit(url: str, wait_s: float) -> None:
    """Fetch one page, waiting for its server to come up."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                answer.read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        web, portal = free_port(), free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WENZHENG_")}
        environment = kept | {
            "WENZHENG_HOME": home,
            "WENZHENG_WEB_BIND": f"127.0.0.1:{web}",
            "WENZHENG_PORTAL_BIND": f"127.0.0.1:{portal}",
        }
        root = Path(__file__).parents[1]
        subprocess.run([sys.executable, "-m", "app", "init"], cwd=root, env=environment, check=True)
        product = subprocess.Popen([sys.executable, "-m", "app", "run"], cwd=root, env=environment)
        try:
            for _ in range(PAGES):
                visit(f"http://127.0.0.1:{web}/login", 60)
                visit(f"http://127.0.0.1:{portal}/messages/new", 60)
            time.sleep(SETTLE_S)
            parts = {
                next((word for word in reversed(child.cmdline()) if word.isalpha()), "?"): pss_mb(child.pid)
                for child in psutil.Process(product.pid).children()
            }
            show("memory", {"pss_mb": pss_mb(product.pid), "by_process_mb": parts, "pages_served": 2 * PAGES})
        finally:
            product.terminate()
            product.wait(60)


if __name__ == "__main__":
    main()
