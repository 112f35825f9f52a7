"""Injected events in a played month: recall, false issues and members, beside the rule peers use, in the same run.

    nice python -m bench.injected [--dir ../shared/data] [--part test] [--seed 1]

Background: real citizens' messages in thirty-one days (order of days and hour of the day are their own) and whole
Weibo cascades at their own pace. Events: the beginnings of other cascades at their own pace, and the messages of one
class and place, taken out of the background, at times thinned from a real cascade's; sizes log-uniform from 5 to 500.
Every text is as it was written. Twice: `five_fields` (id, time, author, source, text), and `with_post_above`, where a
repost also tells under which post it was written, as it does where reposts are collected. Cascades of the background
burst by themselves: an issue made of one of them is counted apart. Parameters were chosen on the part `tune` alone.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

from bench.injected.judging import judge
from bench.injected.material import read_cascades, read_messages
from bench.injected.naive import find
from bench.injected.playing import Played, play
from bench.machine import show
from monitors.detection.stream.detector import Detector
from monitors.detection.stream.issues import Issue
from monitors.detection.stream.mentions import Heard, minute_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.injected", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--part", choices=("tune", "test"), default="test")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    cascades, messages = read_cascades(chosen.dir, chosen.part), read_messages(chosen.dir, chosen.part)
    plain = play(cascades, messages, chosen.seed)
    threaded = play(cascades, messages, chosen.seed, threads=True)
    began = time.process_time()
    baseline = judge(plain, find(plain.heard))
    baseline["cpu_s"] = round(time.process_time() - began, 1)
    show(
        "injected",
        {
            "part": chosen.part,
            "seed": chosen.seed,
            "stream": plain.notes,
            "five_fields": measure(plain),
            "with_post_above": measure(threaded),
            "three_times_the_week": baseline,
            "same_when_shuffled_within_a_minute": same_when_shuffled(threaded, chosen.seed),
        },
    )


def measure(played: Played) -> dict[str, Any]:
    """The figures of our detector; quiet signals are no bursts and are counted apart."""
    began = time.process_time()
    issues = detect(played.heard)
    bursts = [issue for issue in issues if issue.kind == "burst"]
    minutes = {one.id: minute_of(one.at) for one in played.heard}
    waits = []
    for event in played.events:
        own = [issue.alarm_minute for issue in bursts if 2 * len(event.ids & set(issue.ids)) >= len(issue.ids)]
        waits += [min(own) - min(minutes[each] for each in event.ids)] if own else []
    return {
        **judge(played, [issue.ids for issue in bursts]),
        "quiet_signals": len(issues) - len(bursts),
        "members_by_time_alone": round(sum(i.untold for i in bursts) / max(1, sum(len(i.ids) for i in bursts)), 3),
        "minutes_from_first_post_to_alarm_median": sorted(waits)[len(waits) // 2] if waits else None,
        "cpu_s": round(time.process_time() - began, 1),
    }


def detect(heard: list[Heard]) -> list[Issue]:
    """All issues of a stream."""
    detector = Detector()
    detector.feed(heard)
    detector.close()
    return detector.issues


def same_when_shuffled(played: Played, seed: int) -> bool:
    """Whether the stream with every minute's mentions in another order gives the same issues."""
    chance = random.Random(seed)
    shuffled = sorted(played.heard, key=lambda one: (minute_of(one.at), chance.random()))
    return [(i.alarm_minute, i.ids) for i in detect(shuffled)] == [
        (i.alarm_minute, i.ids) for i in detect(played.heard)
    ]


if __name__ == "__main__":
    main()
