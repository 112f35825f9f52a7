"""Run: python -m bench.sentiment --dir ../shared/data [--seeds 5] [--left-out SET …]
[--in-domain SET …] [--errors FILE].

Left out: each whole set is judged by a model of the others; train rows that repeat a judged text (3-gram cosine of 0.7
and more, all pairs) are dropped and counted; seeds differ in which nine tenths of the train rows are used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.machine import show
from bench.sentiment.errors import write_errors
from bench.sentiment.in_domain import judge_in_domain
from bench.sentiment.left_out import judge_left_out
from bench.sentiment.shelf import open_shelf
from monitors.sentiment import SnowScorer
from monitors.sentiment.corpora import SETS
from monitors.sentiment.second import embedder

TARGETS = ("smp2020_usual", "nlpcc2013_sent")
CASES = 100


def main() -> int:
    """0 always: figures are printed, not judged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--left-out", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--in-domain", nargs="*", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--errors", type=Path)
    parser.add_argument("--second", action="store_true", help="with the optional second look; embeds all rows first")
    options = parser.parse_args()
    shelf, seeds, stock = open_shelf(options.dir), range(options.seeds), SnowScorer()
    embedded = {name: embedder()(shelf.texts[name]["kept"].texts) for name in SETS} if options.second else None
    cases = []
    for name in options.left_out:
        figures, values = judge_left_out(shelf, name, seeds, stock, embedded)
        show("sentiment", {"left_out": name, "seeds": len(seeds), **figures})
        if name in TARGETS:
            cases.append((shelf.texts[name]["kept"], values))
    for name in options.in_domain:
        show("sentiment", {"in_domain": name, "seeds": len(seeds), **judge_in_domain(shelf, name, seeds)})
    if options.errors and cases:
        show("sentiment", {"surest_mistakes": CASES, "marks": write_errors(cases, CASES, options.errors)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
