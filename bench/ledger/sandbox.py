"""A real sandbox process and its control API, as the harness and the journeys use it. The product never sees this."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

WAIT_S = 30


class Sandbox:
    """Started on construction; `stop()` ends it."""

    def __init__(
        self, state: Path, *, time_factor: float, regime: str = "ordinary", latency_ms: float = 0, seed: int = 1
    ) -> None:
        command = [
            sys.executable, "-m", "sandbox", "--port", "0", "--state", str(state), "--regime", regime,
            "--time-factor", str(time_factor), "--seed", str(seed), "--latency-ms", str(latency_ms),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.base_url = self.process.stdout.readline().split()[-1]

    @property
    def address(self) -> str:
        """host:port for the outbound door's list."""
        return self.base_url.removeprefix("http://")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(timeout=WAIT_S)
        if self.process.stdout:
            self.process.stdout.close()

    def account(self, platform: str, **settings: Any) -> dict[str, Any]:
        """A new account with its credentials."""
        return self._call("POST", "/control/accounts", {"platform": platform, **settings})

    def change(self, platform: str, account: str, **settings: Any) -> None:
        """Change an account's settings."""
        self._call("PATCH", f"/control/accounts/{platform}/{account}", settings)

    def fault(self, *specs: dict[str, Any]) -> None:
        """Script faults."""
        if specs:
            self._call("POST", "/control/faults", list(specs))

    def faults_fired(self) -> dict[str, int]:
        """How often each kind of fault struck."""
        fired: Counter[str] = Counter()
        for fault in self._call("GET", "/control/faults"):
            fired[fault["kind"]] += fault["fired"]
        return dict(sorted(fired.items()))

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._call("DELETE", "/control/faults")

    def kill_tokens(self, platform: str, account: str) -> None:
        """End every token of an account."""
        self._call("POST", "/control/tokens/kill", {"platform": platform, "account": account})

    def remove(self, platform: str, item: str) -> None:
        """The platform takes an item down."""
        self._call("POST", "/control/remove", {"platform": platform, "item": item})

    def copies(self, link: str) -> dict[str, Any]:
        """The truth about one canonical link."""
        return self._call("GET", "/truth/copies?" + urlencode({"link": link}))

    def calls(self, **wanted: Any) -> list[dict[str, Any]]:
        """The request log."""
        return self._call("GET", "/truth/calls?" + urlencode({"limit": 100_000, **wanted}))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.base_url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return json.loads(answer.read())
