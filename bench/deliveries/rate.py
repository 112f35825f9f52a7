"""Deliveries a second through the real worker, and the very calls it made again in a bare httpx loop."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from bench.deliveries.scene import IN_FLIGHT, Scene
from bench.deliveries.turnstile import Turnstile
from core.clock import SystemClock
from core.http import Request, Response
from publisher.delivery import Worker

FROM_ANSWER = {"media_id": "media_id", "cidlist": "cid"}  # what a later call of the same delivery takes from an answer
WAIT_S = 600.0


@dataclass
class Spent:
    """Seconds of one side: by the wall, of this process's processor, of the sandbox's."""

    deliveries: int
    calls: int
    wall_s: float
    cpu_s: float
    sandbox_cpu_s: float
    most_in_flight: int

    @property
    def a_second(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.wall_s

    def shown(self) -> dict[str, float]:
        """The figures as they are printed."""
        return {
            "deliveries": self.deliveries, "calls": self.calls, "wall_s": round(self.wall_s, 2),
            "deliveries_a_second": round(self.a_second, 1), "cpu_s": round(self.cpu_s, 2),
            "cpu_ms_a_delivery": round(self.cpu_s / self.deliveries * 1000, 2),
            "sandbox_cpu_s": round(self.sandbox_cpu_s, 2), "most_calls_in_flight": self.most_in_flight,
        }  # fmt: skip


@dataclass
class Listening:
    """The outbound door, with an ear: the calls of each delivery in their order. A once-only call ends a delivery."""

    door: Turnstile
    chains: list[list[Request]] = field(default_factory=list)
    open: dict[int, list[Request]] = field(default_factory=lambda: defaultdict(list))

    def send(self, request: Request, deadline_s: float, fresh: bool = False) -> Response:
        """As the door does."""
        chain = self.open[threading.get_ident()]
        chain.append(request)
        if fresh:
            self.chains.append(chain)
            del self.open[threading.get_ident()]
        return self.door.send(request, deadline_s, fresh)

    def close(self) -> None:
        """As the door does."""
        self.door.close()


def measure_product(scene: Scene, count: int) -> tuple[Spent, list[list[Request]]]:
    """`count` due items through one worker; what it spent, and every delivery's calls."""
    house = scene.office.house
    now = SystemClock().now()
    articles = scene.items(count, [now] * count)
    ear = Listening(Turnstile(house.door, IN_FLIGHT))
    stop = threading.Event()
    with Meter(scene) as meter:
        worker = Worker(replace(house, door=ear), "bench")  # type: ignore[arg-type]
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        states = scene.wait(articles, WAIT_S)
        meter.stop()
        stop.set()
        thread.join()
    sent = states.get("confirmed", 0) + states.get("sent", 0)
    if sent != count:
        raise RuntimeError(f"only {sent} of {count} went out: {states}")
    return meter.spent(count, sum(len(chain) for chain in ear.chains), ear.door.highest), ear.chains


def measure_loop(scene: Scene, chains: list[list[Request]]) -> Spent:
    """The same calls with the same bodies, `IN_FLIGHT` threads, one kept-alive client each, nothing else."""
    work: queue.SimpleQueue[list[Request]] = queue.SimpleQueue()
    for chain in chains:
        work.put(chain)
    threads = [threading.Thread(target=_loop, args=(work,)) for _ in range(IN_FLIGHT)]
    with Meter(scene) as meter:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        meter.stop()
    return meter.spent(len(chains), sum(len(chain) for chain in chains), IN_FLIGHT)


class Meter:
    """Wall and processor seconds between entering and `stop`; the processor's of this process unless told whose."""

    def __init__(self, scene: Scene, cpu_s: Callable[[], float] = time.process_time) -> None:
        self.scene, self.cpu_s = scene, cpu_s

    def __enter__(self) -> Meter:
        self.began = (time.perf_counter(), self.cpu_s(), self.scene.sandbox_cpu_s())
        return self

    def stop(self) -> None:
        """The end of what is measured."""
        self.ended = (time.perf_counter(), self.cpu_s(), self.scene.sandbox_cpu_s())

    def __exit__(self, *_error: object) -> None:
        """Nothing is open."""

    def spent(self, deliveries: int, calls: int, most_in_flight: int) -> Spent:
        """The figures of this side."""
        wall_s, cpu_s, sandbox_s = (after - before for before, after in zip(self.began, self.ended, strict=True))
        return Spent(deliveries, calls, wall_s, cpu_s, sandbox_s, most_in_flight)


def _loop(work: queue.SimpleQueue[list[Request]]) -> None:
    with httpx.Client(timeout=30, trust_env=False, verify=False) as client:  # plain HTTP: no TLS context
        while True:
            try:
                chain = work.get_nowait()
            except queue.Empty:
                return
            known: dict[str, Any] = {}
            for request in chain:
                answer = _send(client, request, known)
                for name, field_name in FROM_ANSWER.items():
                    if name in answer:
                        value = answer[name]
                        known[field_name] = value[0] if isinstance(value, list) else value


def _send(client: httpx.Client, request: Request, known: dict[str, Any]) -> dict[str, Any]:
    content = request.content
    if request.json is not None:
        body = {name: known.get(name, value) for name, value in request.json.items()}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    answer = client.request(
        request.method, request.url, params=dict(request.params) if request.params else None,
        data=dict(request.form) if request.form else None, content=content,
        files=dict(request.files) if request.files else None, auth=request.auth,
    )  # fmt: skip
    body = answer.json()
    if answer.status_code != 200 or body.get("errcode") or body.get("error_code") or body.get("error"):
        raise RuntimeError(f"{request!r}: {answer.text[:300]}")
    return body if isinstance(body, dict) else {}
