"""Run: python -m bench.deliveries [--full]. Small by default; --full is what the project promises its figures for."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.deliveries.processes import open_crew
from bench.deliveries.punctuality import measure_punctuality
from bench.deliveries.rate import Spent, measure_loop, measure_product
from bench.deliveries.scene import IN_FLIGHT, LATENCY_MS, THREADS, open_scene
from bench.machine import show

PROCESSES = 2
WARM = 96
SMALL, FULL = (2, 240, 1000, 20, 10), (3, 900, 10_000, 20, 60)  # rounds, deliveries each; planned, a second, seconds


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.deliveries")
    options.add_argument("--full", action="store_true", help="a minute of 20 a second with 10,000 planned")
    options.add_argument("--rate-only", action="store_true")
    options.add_argument("--punctuality-only", action="store_true")
    chosen = options.parse_args()
    rounds, count, planned, a_second, seconds = FULL if chosen.full else SMALL
    figures: dict[str, object] = {
        "latency_ms": LATENCY_MS,
        "in_flight": IN_FLIGHT,
        "threads": THREADS,
        "synchronous": "FULL",
    }
    with tempfile.TemporaryDirectory() as home:
        if not chosen.punctuality_only:
            figures["rate"] = compare(Path(home) / "rate", rounds, count)
        if not chosen.rate_only:
            place = Path(home) / "punctuality"
            place.mkdir()
            with open_scene(place, a_second * seconds) as scene:
                figures["due_to_first_byte"] = measure_punctuality(scene, planned, a_second, seconds)
    show("deliveries", figures)


def compare(home: Path, rounds: int, count: int) -> dict[str, object]:
    """The sides in turn, so that what else the machine does falls on all of them; sums over all rounds.

    Tokens and pictures are fetched before the measured part, on every side.
    """
    home.mkdir()
    sides: dict[str, list[Spent]] = {"one_process": [], "processes": [], "bare_loop": []}
    with open_scene(home, rounds * (count + WARM) * 3) as scene:
        measure_loop(scene, measure_product(scene, WARM)[1])
        for _ in range(rounds):
            spent, chains = measure_product(scene, count)
            sides["one_process"].append(spent)
            sides["bare_loop"].append(measure_loop(scene, chains))
            with open_crew(scene, PROCESSES) as crew:
                crew.deliver(WARM, 0)
                sides["processes"].append(crew.deliver(count, spent.calls / spent.deliveries))
    one, several, loop = (_sum(sides[name]) for name in ("one_process", "processes", "bare_loop"))
    return {
        "product": one.shown(),
        f"product_in_{PROCESSES}_processes": several.shown(),
        "bare_loop": loop.shown(),
        "ratio": round(one.a_second / loop.a_second, 3),
        f"ratio_of_{PROCESSES}_processes": round(several.a_second / loop.a_second, 3),
    }


def _sum(sides: list[Spent]) -> Spent:
    return Spent(
        sum(side.deliveries for side in sides), sum(side.calls for side in sides), sum(side.wall_s for side in sides),
        sum(side.cpu_s for side in sides), sum(side.sandbox_cpu_s for side in sides),
        max(side.most_in_flight for side in sides),
    )  # fmt: skip


if __name__ == "__main__":
    main()
