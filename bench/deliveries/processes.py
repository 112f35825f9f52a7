"""The same through several worker processes, as an office starts them; the calls in flight are shared out evenly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

import psutil
from sqlalchemy import update

from bench.deliveries.rate import Meter, Spent
from bench.deliveries.scene import IN_FLIGHT, THREADS, Scene
from bench.deliveries.turnstile import Turnstile
from core.clock import SystemClock
from core.config import Settings
from core.house import open_house
from core.models import Delivery
from publisher.delivery import Worker

START_S, STOP_S, WAIT_S = 60.0, 30.0, 600.0
context = get_context("spawn")


@dataclass
class Crew:
    """Running workers."""

    scene: Scene
    processes: list[BaseProcess]

    def deliver(self, count: int, calls_each: float) -> Spent:
        """`count` items that become due together; from that instant to the last one's end."""
        later = SystemClock().now() + timedelta(hours=1)
        articles = self.scene.items(count, [later] * count)
        with Meter(self.scene, self.cpu_s) as meter:
            with self.scene.office.house.db.write() as session:
                now = SystemClock().now()
                session.execute(update(Delivery).where(Delivery.article_id.in_(articles)).values(due_at=now))
            states = self.scene.wait(articles, WAIT_S)
            meter.stop()
        sent = states.get("confirmed", 0) + states.get("sent", 0)
        if sent != count:
            raise RuntimeError(f"only {sent} of {count} went out: {states}")
        return meter.spent(count, round(count * calls_each), IN_FLIGHT)  # no process may have more than its share

    def cpu_s(self) -> float:
        """Processor seconds the workers have used so far."""
        used = [psutil.Process(process.pid).cpu_times() for process in self.processes]
        return sum(each.user + each.system for each in used)


@contextmanager
def open_crew(scene: Scene, processes: int) -> Iterator[Crew]:
    """Workers that have signed on; they end with the block."""
    settings = scene.office.settings.model_dump() | {"deliver_threads": THREADS // processes}
    stop, ready = context.Event(), context.Barrier(processes + 1)
    crew = [
        context.Process(target=_work, args=(settings, IN_FLIGHT // processes, ready, stop), daemon=True)
        for _ in range(processes)
    ]
    for process in crew:
        process.start()
    try:
        ready.wait(START_S)
        yield Crew(scene, list(crew))
    finally:
        stop.set()
        for process in crew:
            process.join(STOP_S)
            process.kill()
            process.join()


def _work(settings: dict[str, Any], most: int, ready: Any, stop: Any) -> None:
    opened = open_house(Settings.model_validate(settings))
    house = replace(opened, door=Turnstile(opened.door, most))  # type: ignore[arg-type]
    ended = threading.Event()
    worker = threading.Thread(target=Worker(house, "bench").run, args=(ended,))
    worker.start()
    ready.wait(START_S)
    stop.wait()
    ended.set()
    worker.join()
    opened.close()
