"""snownlp's own model files as compact arrays, read without importing the package (its import keeps 488 MB).

Nothing is trained or changed here: the numbers are the files' numbers.
"""

from __future__ import annotations

import gc
import gzip
import importlib.util
import marshal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAGS = "bmes"  # begin, middle, end of a word, single: the order the package walks them in
BOS = ("", "BOS")
Counts = dict[Any, int]


@dataclass(frozen=True)
class Lexicon:
    """The classifier: add-one word counts of the two classes in the file's own order, and the stop words."""

    classes: tuple[str, ...]
    words: dict[str, dict[str, int]]
    totals: dict[str, float]
    total: float
    stop: frozenset[str]


@dataclass(frozen=True)
class CharacterModel:
    """The segmenter: counts of (character, tag) singles, pairs and triples behind sorted integer keys.

    `chars` maps a character to its number (0 is the start sign); pairs are keyed first * size + second with a
    row of 4x4 tag counts; triples are keyed likewise with, for each key, a run of (tag combination, count).
    """

    chars: dict[str, int]
    weights: tuple[float, float, float]
    total: float
    single: NDArray[np.float64]  # (size, 4)
    pair_keys: NDArray[np.int64]
    pairs: NDArray[np.int32]  # (pairs + 1, 16): the last row is all zero and stands for "never seen"
    triple_keys: NDArray[np.int64]
    triple_starts: NDArray[np.int64]
    triple_combos: NDArray[np.uint8]
    triple_counts: NDArray[np.int32]

    @property
    def size(self) -> int:
        """How many characters are numbered."""
        return len(self.chars)


def package_version() -> str:
    """The version stored with every score, e.g. `snownlp-0.12.3`."""
    return f"snownlp-{version('snownlp')}"


def _package() -> Path:
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("snownlp is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _unpack(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    with _collector_off():
        loaded: dict[str, Any] = marshal.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)  # noqa: S302
    return loaded


@contextmanager
def _collector_off() -> Iterator[None]:
    """Millions of new tuples and nothing to collect: the collector would walk them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def load_lexicon() -> Lexicon:
    """Read the sentiment counts and the stop words."""
    folder = _package()
    model = _unpack(folder / "sentiment" / "sentiment.marshal.3")
    stop = (folder / "normal" / "stopwords.txt").read_text("utf-8").split("\n")
    classes = tuple(model["d"])
    return Lexicon(
        classes=classes,
        words={name: model["d"][name]["d"] for name in classes},
        totals={name: model["d"][name]["total"] for name in classes},
        total=model["total"],
        stop=frozenset(word.strip() for word in stop),
    )


def load_characters() -> CharacterModel:
    """Read the segmenter's counts; about 2 s, done once a process."""
    model = _unpack(_package() / "seg" / "seg.marshal.3")
    uni, bi, tri = (model[name]["d"] for name in ("uni", "bi", "tri"))
    chars = {"": 0}
    for char, _tag in uni:
        chars.setdefault(char, len(chars))
    codes = {state: chars[state[0]] * 4 + tag_number(state[1]) for state in uni}
    pair_keys, pairs = _pairs(bi, codes, len(chars))
    keys, combos, counts = _triples(tri, codes, len(chars))
    triple_keys, starts = np.unique(keys, return_index=True)
    return CharacterModel(
        chars=chars,
        weights=(model["l1"], model["l2"], model["l3"]),
        total=model["uni"]["total"],
        single=_singles(uni, codes, len(chars)),
        pair_keys=pair_keys,
        pairs=pairs,
        triple_keys=triple_keys,
        triple_starts=np.append(starts, len(keys)),
        triple_combos=combos,
        triple_counts=counts,
    )


def tag_number(tag: str) -> int:
    """0..3 in the package's order; the start sign's only tag is 0."""
    return 0 if tag == "BOS" else TAGS.index(tag)


def _states(counts: Counts, codes: Counts, width: int) -> NDArray[np.int64]:
    """The (character, tag) states of every key as numbers: character * 4 + tag, one row a key."""
    flat = np.fromiter((codes[state] for key in counts for state in key), np.int64, len(counts) * width)
    return flat.reshape(-1, width)


def _singles(uni: Counts, codes: Counts, size: int) -> NDArray[np.float64]:
    table = np.zeros(size * 4)
    table[[codes[state] for state in uni]] = list(uni.values())
    return table.reshape(size, 4)


def _pairs(bi: Counts, codes: Counts, size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    states = _states(bi, codes, 2)
    char, tag = states >> 2, states & 3
    keys, row_of = np.unique(char[:, 0] * size + char[:, 1], return_inverse=True)
    table = np.zeros((len(keys) + 1, 16), dtype=np.int32)
    table[row_of, tag[:, 0] * 4 + tag[:, 1]] = np.fromiter(bi.values(), np.int32, len(bi))
    return keys, table


def _triples(tri: Counts, codes: Counts, size: int) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int32]]:
    states = _states(tri, codes, 3)
    char, tag = states >> 2, states & 3
    keys = (char[:, 0] * size + char[:, 1]) * size + char[:, 2]
    combos = (tag[:, 0] * 16 + tag[:, 1] * 4 + tag[:, 2]).astype(np.uint8)
    order = np.argsort(keys, kind="stable")
    return keys[order], combos[order], np.fromiter(tri.values(), np.int32, len(tri))[order]
