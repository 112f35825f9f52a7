"""The demo's evening as events: read from `evening.toml`, likes unrolled, in order of time."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "evening.toml"
LIKE_GAP_S = 7.0


@dataclass(frozen=True)
class Event:
    """One thing somebody does under the item. `channel` is weibo, wechat, website or client; times in seconds."""

    channel: str
    after_s: float
    kind: str
    author: str = ""
    text: str = ""
    ref: str = ""
    parent: str = ""

    def as_json(self) -> dict[str, Any]:
        """The event as `POST /control/crowd` takes it."""
        return {name: value for name, value in asdict(self).items() if name != "channel" and value != ""}


def load_evening(source: Path = SOURCE) -> list[Event]:
    """Every event of the evening in order of time; a like row of n becomes n events seven seconds apart."""
    events: list[Event] = []
    for clock, channel, kind, author, text, ref, parent in tomllib.loads(source.read_text(encoding="utf-8"))["events"]:
        after_s = seconds_of(clock)
        if kind == "like":
            events += [Event(channel, after_s + LIKE_GAP_S * turn, "like") for turn in range(int(text))]
        else:
            events.append(Event(channel, after_s, kind, author, text, ref, parent))
    return sorted(events, key=lambda event: event.after_s)


def seconds_of(clock: str) -> float:
    """`h:mm:ss` as seconds."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * 3600.0 + minutes * 60.0 + seconds
