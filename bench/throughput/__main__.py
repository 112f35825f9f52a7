"""Mentions a second through score, terms, detection and issue assignment on one core, and the detector's memory.

    OPENBLAS_NUM_THREADS=1 nice python -m bench.throughput [--dir ../shared/data] [--full] [--engine NAME]

The stream repeats real texts under new ids and authors, 40 a minute: two of three drawn at random, one of three from a
whole cascade in its order, so that issues come and go all the time. Cost is processor time of this one process over
the last 10,000 mentions before each point; `--full` goes on to three million. The baseline of the same run is the
present way to terms (jieba) alone, once a text. Memory: what the process grew by, and the arrays, once 1,000,000
distinct terms have been counted.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from app.wiring import scorers
from bench.injected.material import Cascade, read_cascades, read_messages
from bench.machine import show
from core.ports import Scorer
from monitors.detection.stream.checkpoint import to_bytes
from monitors.detection.stream.detector import Detector
from monitors.detection.stream.mentions import Heard
from monitors.detection.stream.tables import WIDTHS
from monitors.text import terms_of

A_MINUTE = 40
BEGIN = 1_730_390_400.0
BATCH, SPAN = 500, 10_000
SMALL, FULL = (10_000, 30_000, 100_000), (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
DISTINCT = 1_000_000
JIEBA_TEXTS = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--engine", choices=sorted(scorers()), default=sorted(scorers())[0])
    chosen = parser.parse_args()
    cascades = read_cascades(chosen.dir, "test")
    texts = [line.text for cascade in cascades for line in cascade.lines]
    texts += [message.line.text for message in read_messages(chosen.dir, "test")]
    points = FULL if chosen.full else SMALL
    figures = measure(repeated(texts, cascades), scorers()[chosen.engine](), points)
    sample = random.Random(2).sample(texts, JIEBA_TEXTS)
    began = time.process_time()
    for text in sample:
        terms_of.__wrapped__(text)
    jieba = JIEBA_TEXTS / (time.process_time() - began)
    last = figures["points"][-1]["per_s_without_scoring"]
    show(
        "throughput",
        {
            "engine": chosen.engine,
            "texts": len(texts),
            **figures,
            "jieba_terms_alone_per_s": round(jieba),
            "ratio_to_jieba_terms_alone": round(last / jieba, 2),
            "memory": memory(),
        },
    )


def repeated(texts: Sequence[str], cascades: Sequence[Cascade]) -> Iterator[Heard]:
    """An endless stream of the texts, each mention with an id and an author of its own."""
    chance = random.Random(1)
    lines: list[str] = []
    number = 0
    while True:
        if number % 3:
            text = chance.choice(texts)
        else:
            lines = lines or [line.text for line in reversed(chance.choice(cascades).lines)]
            text = lines.pop()
        at = BEGIN + number * 60 / A_MINUTE
        yield Heard(f"m{number}", at, f"a{number % 99_991}", f"source{number % 7}", text)
        number += 1


def measure(stream: Iterator[Heard], scorer: Scorer, points: Sequence[int]) -> dict[str, Any]:
    """Processor cost over the last SPAN mentions before each point."""
    detector = Detector()
    scorer.score_many(["预热"])
    score_s = detect_s = 0.0
    shown: list[dict[str, Any]] = []
    for number in range(0, points[-1], BATCH):
        batch = list(islice(stream, BATCH))
        inside = any(point - SPAN <= number < point for point in points)
        began = time.process_time()
        if inside:  # scoring has no memory of its own that grows: outside the measured spans it is left out
            scorer.score_many([one.text for one in batch])
        middle = time.process_time()
        detector.feed(batch)
        score_s, detect_s = score_s + middle - began, detect_s + time.process_time() - middle
        if number + BATCH in points:
            shown.append(_point(number + BATCH, score_s, detect_s, detector))
        if not inside or number + BATCH in points:
            score_s = detect_s = 0.0
    costs = [point["us_a_mention"] for point in shown]
    return {"points": shown, "cost_last_over_first": round(costs[-1] / costs[0], 2)}


def _point(mentions: int, score_s: float, detect_s: float, detector: Detector) -> dict[str, Any]:
    return {
        "mentions": mentions,
        "us_a_mention": round((score_s + detect_s) / SPAN * 1e6, 1),
        "per_s": round(SPAN / (score_s + detect_s)),
        "per_s_without_scoring": round(SPAN / detect_s),
        "issues": len(detector.issues),
        "active_issues": len(detector.members.active),
        "rss_mb": round(psutil.Process().memory_info().rss / 2**20),
    }


def memory() -> dict[str, float]:
    """The detector after it has counted DISTINCT different terms."""
    before = psutil.Process().memory_info().rss
    detector = Detector()
    terms = np.random.default_rng(3).permutation(1 << detector.bits)[:DISTINCT].astype(np.int32)
    bins = np.zeros(len(WIDTHS), np.int64)
    for part in np.array_split(terms, 1000):
        detector.table.count(part, np.ones(len(part), np.float32), bins)
    grown = psutil.Process().memory_info().rss - before
    arrays = detector.table.rows.nbytes + detector.volumes.rows.nbytes + 7 * (1 << detector.bits)
    return {
        "distinct_terms": int(detector.table.rows.any((1, 2)).sum()),
        "arrays_mb": round(arrays / 2**20, 1),
        "process_grew_mb": round(grown / 2**20, 1),
        "checkpoint_mb": round(len(to_bytes(detector)) / 2**20, 1),
    }


if __name__ == "__main__":
    main()
