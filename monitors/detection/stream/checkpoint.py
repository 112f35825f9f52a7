"""Keeps a detector in bytes, with the number of mentions it has read, and brings it back exactly. Pure.

Arrays go as numpy writes them without pickle, the rest as JSON; hashed terms are worked out again from the texts.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from monitors.detection.stream.detector import Detector
from monitors.detection.stream.features import terms_of
from monitors.detection.stream.issues import Cause, Issue
from monitors.detection.stream.mentions import Heard
from monitors.detection.stream.tables import Table

FORM = 1
COUNTERS = ("prints", "holders", "weights", "pace")


class UnreadableState(ValueError):
    """Bytes that are not a detector's state in the present form; the detector starts anew."""


def to_bytes(detector: Detector) -> bytes:
    """The whole state; `detector.offset` mentions of the stream are in it."""
    members, window = detector.members, detector.window
    rest = {
        "form": FORM, "bits": detector.bits, "begin": detector.begin, "tick": detector.tick,
        "offset": detector.offset, "warned": list(detector.watch.warned.items()),
        "waiting": [asdict(each[0]) for each in detector.waiting],
        "first": window.first, "heard": [asdict(one) for one in window.heard], "owners": window.owners,
        "issues": [_issue_out(issue) for issue in members.issues], "active": members.active,
        "threads": list(members.threads.items()), "loose_minute": members.loose_minute,
    }  # fmt: skip
    arrays: dict[str, Any] = {
        "rest": np.frombuffer(json.dumps(rest, ensure_ascii=False).encode("utf-8", "surrogatepass"), np.uint8),
        "loose": members.loose,
        "named": np.flatnonzero(members.named),
        "paired": np.flatnonzero(detector.paired),
    }
    for name, table in (("table", detector.table), ("volumes", detector.volumes)):
        used = np.flatnonzero(table.rows.any((1, 2)))
        arrays[f"{name}_at"], arrays[f"{name}_rows"] = used, table.rows[used]
    kept = io.BytesIO()
    np.savez(kept, **arrays)
    return kept.getvalue()


def from_bytes(state: bytes) -> Detector:
    """The detector that `to_bytes` kept; fed with the rest of the stream it finds what it would have found.

    Raises UnreadableState.
    """
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
            rest = json.loads(arrays["rest"].tobytes().decode("utf-8", "surrogatepass"))
            if rest["form"] != FORM:
                raise UnreadableState(f"form {rest['form']} is not {FORM}")
            return _restored({name: arrays[name] for name in arrays.files}, rest)
    except (OSError, KeyError, ValueError) as error:
        raise UnreadableState(str(error)) from error


def _restored(arrays: dict[str, Any], rest: dict[str, Any]) -> Detector:
    detector = Detector(rest["bits"])
    detector.begin, detector.tick, detector.offset = rest["begin"], rest["tick"], rest["offset"]
    detector.watch.warned = dict(rest["warned"])
    members = detector.members
    members.loose, members.loose_minute = arrays["loose"], rest["loose_minute"]
    members.named[arrays["named"]] = True
    detector.paired[arrays["paired"]] = True
    for name, table in (("table", detector.table), ("volumes", detector.volumes)):
        _fill(table, arrays[f"{name}_at"], arrays[f"{name}_rows"])
    heard = [Heard(**one) for one in rest["heard"]]
    terms = terms_of(heard, detector.bits)
    detector.window.first = rest["first"]
    detector.window.add(heard, terms.rows, terms.prints)
    detector.window.owners = rest["owners"]
    waiting = [Heard(**one) for one in rest["waiting"]]
    terms = terms_of(waiting, detector.bits)
    detector.waiting = list(zip(waiting, terms.rows, terms.prints, terms.severe, strict=True))
    members.issues += [_issue_in(each) for each in rest["issues"]]
    members.active, members.threads = rest["active"], dict(rest["threads"])
    for number in members.active:
        members.index(members.issues[number])
    return detector


def _fill(table: Table, at: Any, rows: Any) -> None:
    table.rows[at] = rows


def _issue_out(issue: Issue) -> dict[str, Any]:
    kept = {each.name: getattr(issue, each.name) for each in fields(issue)}
    kept["cause"], kept["posts"] = asdict(issue.cause), [asdict(one) for one in issue.posts]
    for name in COUNTERS:
        kept[name] = list(kept[name].items())
    return kept


def _issue_in(kept: dict[str, Any]) -> Issue:
    counts = {name: dict(map(tuple, kept[name])) for name in COUNTERS}
    return Issue(
        **{
            **kept,
            **counts,
            "cause": Cause(**kept["cause"]),
            "authors": Counter(kept["authors"]),
            "sources": Counter(kept["sources"]),
            "prints": Counter(counts["prints"]),
            "holders": Counter(counts["holders"]),
            "posts": [Heard(**one) for one in kept["posts"]],
        }
    )
