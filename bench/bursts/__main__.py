"""Run: python -m bench.bursts [--data ../shared/data/bursts] [--robust]. Ours and peers' rules on the same series.

Windows and false episodes are counted after 15 % of each series and, `capped`, after the benchmark's own shorter
probation. --robust adds changed copies, each constant 30 % off, and invented series; it takes some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np

from bench.bursts.grading import Flags, Floats, Grade, Series, best_threshold, grade, normalised, read_folder, worth
from bench.bursts.invented import LEVELS, SHAPES, changed, invent
from bench.bursts.peers import RULES
from bench.machine import show
from monitors.detection.bursts import USUAL, Habit, Watch

BEST_PUBLISHED = 81.8
SEED = 20261124


def watch(series: Series, habit: Habit = USUAL) -> tuple[Floats, Flags]:
    """Scores and alarms of our detector, bin by bin."""
    step_s = float(np.median(np.diff(series.times)))
    ours = Watch(step_s, habit)
    first = int(series.times[0] // step_s)
    bins = first + np.round((series.times - series.times[0]) / step_s).astype(int)
    readings = [ours.feed(int(at), float(count)) for at, count in zip(bins, series.counts, strict=True)]
    return np.array([one.score for one in readings]), np.array([one.alarm for one in readings])


def graded(series: list[Series], alarms: list[Flags]) -> dict[str, object]:
    """Sums over all series under both probations, and the benchmark's score of these alarms as they are."""
    sums = {
        name: reduce(Grade.plus, (grade(one, flags, capped) for one, flags in zip(series, alarms, strict=True)))
        for name, capped in (("after_15_percent", False), ("capped", True))
    }
    score = normalised([worth(one) for one in series], alarms)
    return {name: total.shown() for name, total in sums.items()} | {"score": round(score, 1)}


def compare(series: list[Series]) -> dict[str, object]:
    """Ours, with our fixed threshold and with the benchmark's best one, and every peer's rule."""
    found = [watch(one) for one in series]
    best, bar = best_threshold([worth(one) for one in series], [scores for scores, _ in found])
    ours = graded(series, [alarms for _, alarms in found])
    each = {one.name: grade(one, alarms, False).shown() for one, (_, alarms) in zip(series, found, strict=True)}
    peers = {name: graded(series, [rule(one.counts) for one in series]) for name, rule in RULES.items()}
    return {
        "ours": ours | {"score_at_best_threshold": round(best, 1), "best_threshold": round(bar, 3)},
        "each_series": each,
        "peers": peers,
        "best_published_score_on_all_ten_series": BEST_PUBLISHED,
    }


def off_by(share: float) -> dict[str, Habit]:
    """The habit with one constant after the other multiplied; `lift` by its part above 1."""
    names = ("half_life_s", "apart_s", "rate", "noise", "escalation", "silent_s")
    habits = {f"{name} x {share}": replace(USUAL, **{name: getattr(USUAL, name) * share}) for name in names}
    habits[f"lift x {share}"] = replace(USUAL, lift=1 + (USUAL.lift - 1) * share)
    habits[f"spans_s x {share}"] = replace(USUAL, spans_s=tuple(span * share for span in USUAL.spans_s))
    return habits


def robust(series: list[Series]) -> dict[str, object]:
    """The same grades with every constant off by 30 %, and on changed copies of the series."""
    habits = off_by(0.7) | off_by(1.3)
    return {
        "constants": {name: graded(series, [watch(one, habit)[1] for one in series]) for name, habit in habits.items()},
        "changed": {name: graded(copies, [watch(one)[1] for one in copies]) for name, copies in changed(series, SEED)},
    }


def invented() -> dict[str, object]:
    """Invented series of every level and shape with 6 bursts, and the same without any."""
    figures: dict[str, object] = {}
    rules: dict[str, Callable[[Series], Flags]] = {"ours": lambda one: watch(one)[1]}
    rules |= {name: _on_series(rule) for name, rule in RULES.items()}
    loud = [invent(level, shape, 6, SEED + at) for at, level in enumerate(LEVELS) for shape in SHAPES]
    calm = [invent(level, shape, 0, SEED - at - 1) for at, level in enumerate(LEVELS) for shape in SHAPES]
    for name, rule in rules.items():
        hits = reduce(Grade.plus, (grade(one, rule(one), False) for one in loud))
        quiet = reduce(Grade.plus, (grade(one, rule(one), False) for one in calm))
        figures[name] = hits.shown() | {"false_a_week_without_bursts": round(quiet.false / quiet.weeks, 2)}
    return figures


def _on_series(rule: Callable[[Floats], Flags]) -> Callable[[Series], Flags]:
    return lambda one: rule(one.counts)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.bursts")
    options.add_argument("--data", type=Path, default=Path("../shared/data/bursts"))
    options.add_argument(
        "--robust", action="store_true", help="changed copies, constants off by 30 %%, invented series"
    )
    chosen = options.parse_args()
    series = read_folder(chosen.data)
    figures: dict[str, object] = {"series": len(series), "bins": sum(len(one.counts) for one in series)}
    figures |= compare(series)
    if chosen.robust:
        figures["robust"] = robust(series)
        figures["invented"] = invented()
    show("bursts", figures)


if __name__ == "__main__":
    main()
