"""Plays the background and injects the events, by a seed. Moves times only; every text stays as it was written."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.injected.material import BEIJING, Cascade, Line, Message
from monitors.detection.stream.mentions import Heard, in_order

DAY_S = 86_400
BEGIN = 1_730_390_400.0 - 8 * 3600  # a midnight in Beijing; which one does not matter
DAYS, A_DAY, WARM_DAYS, LAST_START = 31, 2_050, 7, 29
SMALLEST, LARGEST, EVENTS = 5, 500, 64
MESSAGE_SHARE = 0.5
FEWEST_CASCADES = 200


@dataclass(frozen=True)
class Event:
    """What was injected: which posts, and what it is made of (`cascade` or `messages`)."""

    name: str
    made_of: str
    ids: frozenset[str]


@dataclass
class Played:
    """The stream in order, the events, and for each background post of a cascade the cascade's key."""

    heard: list[Heard]
    events: list[Event]
    cascade_of: dict[str, str]
    background: int
    notes: dict[str, object] = field(default_factory=dict)


def play(cascades: Sequence[Cascade], messages: Sequence[Message], seed: int, threads: bool = False) -> Played:
    """One stream of `DAYS` days with `EVENTS` events, the same for the same seed.

    `threads`: a post tells under which post it was written, as a repost does where it is collected.
    """
    chance = random.Random(seed)
    mixed = chance.sample(list(cascades), len(cascades))
    sizes = log_uniform_sizes(EVENTS, chance)
    lines: list[tuple[float, Line]] = []
    events: list[Event] = []
    groups = _groups(messages)
    taken: set[tuple[str, ...]] = set()
    used: set[str] = set()
    for number, size in enumerate(sorted(sizes, reverse=True)):
        kind = _group_for(groups, size, taken, chance) if number % 2 or size < SMALLEST else None
        own = _from_messages(groups[kind], size, mixed, chance) if kind else _from_cascade(mixed, size, used, chance)
        if kind:
            taken.add(kind)
        start = chance.randrange(WARM_DAYS, LAST_START) * DAY_S
        lines += [(start + at, line) for at, line in own]
        name = "·".join(kind) if kind else own[0][1].id
        events.append(Event(name, "messages" if kind else "cascade", frozenset(line.id for _at, line in own)))
    injected = len(lines)
    lines += _compressed([message.line for message in messages if message.kind not in taken])
    rest = [cascade for cascade in mixed if cascade.key not in used]
    cascade_of, chosen = {}, 0
    for cascade in rest:
        if len(lines) - injected >= DAYS * A_DAY and chosen >= FEWEST_CASCADES:
            break
        chosen += 1
        for at, line in _paced(cascade.lines, chance.randrange(DAYS) * DAY_S):
            if at < DAYS * DAY_S:
                cascade_of[line.id] = cascade.key
                lines.append((at, line))
    heard = in_order(
        Heard(line.id, BEGIN + at, line.author, line.source, line.text, line.under if threads else "")
        for at, line in lines
    )
    background = len(lines) - injected
    notes = {
        "events": len(events), "events_of": dict(Counter(event.made_of for event in events)),
        "sizes": sorted(len(event.ids) for event in events), "background_cascades": chosen,
        "background_posts_a_day": round(background / DAYS), "played_days": DAYS, "posts": len(heard),
    }  # fmt: skip
    return Played(heard, events, cascade_of, background, notes)


def log_uniform_sizes(count: int, chance: random.Random) -> list[int]:
    """Sizes from SMALLEST to LARGEST, one from each of `count` equal steps of the logarithm."""
    span = math.log(LARGEST / SMALLEST)
    return [round(SMALLEST * math.exp(span * (step + chance.random()) / count)) for step in range(count)]


def _groups(messages: Sequence[Message]) -> dict[tuple[str, ...], list[Line]]:
    groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for message in messages:
        if message.kind:
            groups[message.kind].append(message.line)
    return dict(groups)


def _group_for(
    groups: dict[tuple[str, ...], list[Line]], size: int, taken: set[tuple[str, ...]], chance: random.Random
) -> tuple[str, ...] | None:
    """A class and place with at least `size` messages, not taken yet."""
    fitting = sorted(kind for kind, lines in groups.items() if len(lines) >= size and kind not in taken)
    return chance.choice(fitting) if fitting else None


def _from_messages(
    group: Sequence[Line], size: int, cascades: Sequence[Cascade], chance: random.Random
) -> list[tuple[float, Line]]:
    """`size` messages of a class and place at times thinned from one whole cascade's."""
    curve = chance.choice([cascade for cascade in cascades if len(cascade.lines) >= 2 * size])
    offsets = [at for at, _line in _paced(curve.lines, 0)]
    near = [at for at in offsets if at - offsets[0] <= 2 * DAY_S]
    times = sorted(chance.sample(near if len(near) >= size else offsets, size))
    return list(zip(times, chance.sample(list(group), size), strict=True))


def _from_cascade(
    cascades: Sequence[Cascade], size: int, used: set[str], chance: random.Random
) -> list[tuple[float, Line]]:
    """The beginning of a cascade: its post and the first of what was written under it, at their own pace."""
    fitting = [cascade for cascade in cascades if len(cascade.lines) >= size and cascade.key not in used]
    if not fitting:
        fitting = sorted((c for c in cascades if c.key not in used), key=lambda cascade: -len(cascade.lines))[:1]
    cascade = chance.choice(fitting)
    used.add(cascade.key)
    return _paced(cascade.lines[:size], 0)


def _paced(lines: Sequence[Line], start: float) -> list[tuple[float, Line]]:
    """At their own pace and own hour of the day, beginning on the day that begins at `start`."""
    midnight = (lines[0].at + BEIJING_S) // DAY_S * DAY_S - BEIJING_S
    return [(start + line.at - midnight, line) for line in lines]


BEIJING_S = BEIJING.utcoffset(None).total_seconds()


def _compressed(lines: Sequence[Line]) -> list[tuple[float, Line]]:
    """Years of messages in `DAYS` days: the order of days and the hour of the day are their own."""
    return [
        (number * DAYS // len(lines) * DAY_S + (line.at + BEIJING_S) % DAY_S, line) for number, line in enumerate(lines)
    ]
