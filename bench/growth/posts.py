"""Reads posts with their rows in time order, and what a wider model may know of the first rows and of the post."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from monitors.detection.growth import LARGE, MOST, features
from sandbox.replay import parse_time, read_rows

DAY_S, ZONE_S = 86_400, 28_800
MARKS = ("?", "？", "!", "！", "[", "@")


@dataclass(frozen=True)
class Row:
    """One repost or comment: seconds, its id, the id it answers (empty: the post), author, text."""

    at: float
    mid: str
    parent: str
    author: str
    text: str


@dataclass(frozen=True)
class Post:
    """What is known when the post goes out, and every row under it in time order."""

    followers: float
    verified: bool
    text: str
    rows: tuple[Row, ...]

    @property
    def large(self) -> bool:
        return len(self.rows) >= LARGE

    def minutes(self, first: int, last: int) -> float:
        """Minutes from the `first` to the `last` row, both counted from 1."""
        return (self.rows[last - 1].at - self.rows[first - 1].at) / 60


def read_posts(folder: Path) -> tuple[list[Post], Counter[str]]:
    """Posts with at least 30 rows, by id, and what was left out: repeated ids, malformed times, small posts."""
    found: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    left_out: Counter[str] = Counter()
    for line in read_rows(folder / "reposts.tsv.gz", ("original", "mid", "parent", "time", "author_hash", "text")):
        at, known = parse_time(line["time"]), found[line["original"]]
        if at is None:
            left_out["malformed_times"] += 1
        elif line["mid"] in known:
            left_out["repeated_ids"] += 1
        else:
            known[line["mid"]] = Row(at, line["mid"], line["parent"], line["author_hash"], line["text"].strip())
    posts = []
    for line in sorted(read_rows(folder / "originals.tsv.gz", ("id", "followers", "verified", "text")), key=_id):
        rows = tuple(sorted(found[line["id"]].values(), key=lambda row: (row.at, row.mid)))
        if len(rows) < MOST:
            left_out["posts_under_30_rows"] += 1
            continue
        posts.append(Post(float(line["followers"] or 0), line["verified"] == "True", line["text"], rows))
    return posts, left_out


def _id(line: dict[str, str]) -> str:
    return line["id"]


def times_of(post: Post, count: int) -> list[float]:
    """Seconds of the first `count` rows."""
    return [row.at for row in post.rows[:count]]


def wide(post: Post, count: int) -> list[float]:
    """Pace, tree, people, words and hour of the first `count` rows."""
    rows = post.rows[:count]
    return [*features(times_of(post, count))[1:3], *pace(times_of(post, count)), *tree(rows), *words(rows)]


def of_the_post(post: Post) -> list[float]:
    """What an office knows of its own post: followers, verified, length and marks of the text."""
    marks = [float(mark in post.text) for mark in MARKS]
    return [math.log1p(post.followers), float(post.verified), math.log1p(len(post.text)), *marks]


def pace(times: Sequence[float]) -> list[float]:
    """Log times to some rows; gaps: middle, mean, spread, largest; speeding up; the fastest third; hour as an angle."""
    count = len(times)
    spans = [math.log1p(time - times[0]) for time in times]
    gaps = sorted(math.log1p(later - earlier) for earlier, later in pairwise(times))
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    half, third = count // 2, max(2, count // 3)
    speeding = spans[half] - math.log1p(times[-1] - times[half])
    fastest = min(math.log1p(times[place + third] - times[place]) for place in range(count - third))
    hour = 2 * math.pi * ((times[-1] + ZONE_S) % DAY_S) / DAY_S
    reached = [spans[min(place, count) - 1] for place in (3, 5, 10, 20, 30)]
    return [*reached, gaps[len(gaps) // 2], mean, spread, gaps[-1], speeding, fastest, math.sin(hour), math.cos(hour)]


def tree(rows: Sequence[Row]) -> list[float]:
    """Shares: direct, direct in the later half, distinct parents, the largest parent's children, authors; log depth."""
    depths: dict[str, int] = {}
    for row in rows:
        depths[row.mid] = 1 + depths.get(row.parent, 0)
    children = Counter(row.parent for row in rows if row.parent)
    count, later = len(rows), rows[len(rows) // 2 :]
    return [
        sum(not row.parent for row in rows) / count,
        sum(not row.parent for row in later) / len(later),
        len(children) / count,
        max(children.values(), default=0) / count,
        len({row.author for row in rows}) / count,
        math.log(max(depths.values())),
    ]


def words(rows: Sequence[Row]) -> list[float]:
    """Share with text, share of distinct texts, mean log length, share with each of some marks."""
    texts = [row.text for row in rows if row.text]
    distinct = len(set(texts)) / max(1, len(texts))
    length = sum(math.log1p(len(text)) for text in texts) / max(1, len(texts))
    return [
        len(texts) / len(rows),
        distinct,
        length,
        *(sum(mark in row.text for row in rows) / len(rows) for mark in MARKS),
    ]
