"""What the linear scorer looks at: hashed 1- to 3-grams, and 1- and 2-grams of what a negation reaches.

Emoticons like [泪], emoji and runs of punctuation are grams like any other. Pure; says nothing about what a gram means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.text.grams import END, START, code_points, hashed, read

BITS = 20
PLANE = 1 << 16  # characters the tables below know one by one; later ones (emoji) stand for themselves
SCALES = {1: 1.0, 2: 1.0, 3: 0.5}
"""Weight of an order before a row is brought to length one: 3-grams travel badly from one subject to another."""
NEGATED = 0.5
NEGATORS = "不没無无别未非莫勿"
REACH = 6  # characters after a negator that it may turn round, unless the clause ends before
_BREAKS = START + END + " \t\r\n　，。！？；：、,.!?;:…~～"
SHADOW = np.uint32(0x20000)  # moves a character within a negation's reach to a place no text uses
ZERO = ord("0")
_KIND_BITS = 3
_KIND_SCALES = np.array([*SCALES.values(), NEGATED, NEGATED, 0, 0, 0], np.float32)


def _table(characters: str) -> NDArray[np.bool_]:
    found = np.zeros(PLANE, bool)
    found[[ord(char) for char in characters]] = True
    return found


_NEGATES, _ENDS = _table(NEGATORS), _table(_BREAKS)


@dataclass(frozen=True)
class Features:
    """Entries of all rows: row `rows[i]` has `values[i]` in bucket `keys[i]`, every row of length one (or empty)."""

    rows: NDArray[np.int64]
    keys: NDArray[np.int64]
    values: NDArray[np.float32]
    count: int


def fold_table(pairs: Mapping[str, str] | None = None) -> NDArray[np.uint16]:
    """What each of the first 65,536 characters is read as: one width, lower case, digits as 0, and `pairs` on top.

    `pairs` maps single characters to single ones, such as traditional to simplified.
    """
    table = np.arange(PLANE, dtype=np.uint16)
    for code in range(PLANE):
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        if len(plain) == 1 and ord(plain) < PLANE:
            table[code] = ZERO if plain.isdecimal() else ord(plain)
    for old, new in sorted((pairs or {}).items()):
        if len(old) == len(new) == 1 and ord(old) < PLANE and ord(new) < PLANE:
            table[ord(old)] = ord(new)
    return table


def features(texts: Sequence[str | None], fold: NDArray[np.uint16]) -> Features:
    """The distinct features of each text, read with care (`grams.read`); the same alone and among others."""
    codes, rows = code_points([read(text) for text in texts])
    entries = np.concatenate([np.zeros(0, np.int64), *_entries(folded(codes, fold), rows)])
    entries.sort()
    kept = np.ones(len(entries), bool)
    np.not_equal(entries[1:], entries[:-1], out=kept[1:])
    entries = entries[kept]
    found = entries >> np.int64(BITS + _KIND_BITS)
    values = _KIND_SCALES[(entries >> np.int64(BITS)) & np.int64(len(_KIND_SCALES) - 1)]
    lengths = np.bincount(found, values * values, len(texts))
    values *= (1 / np.sqrt(np.maximum(lengths, 1e-9))).astype(np.float32)[found]
    return Features(found, entries & np.int64((1 << BITS) - 1), values, len(texts))


def folded(codes: NDArray[np.uint32], fold: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Characters as the table reads them; those beyond it stay as they are."""
    if not len(codes) or codes.max() < PLANE:
        return fold[codes].astype(np.uint32)
    small = codes < PLANE
    return np.where(small, fold[np.where(small, codes, 0)], codes).astype(np.uint32)


def _entries(codes: NDArray[np.uint32], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Row, kind and bucket of every feature in one number, each occurrence an entry; one array a kind."""
    entries = [
        (rows[places] << np.int64(BITS + _KIND_BITS)) | keys | np.int64(kind << BITS)
        for kind, (places, keys) in enumerate(hashed(codes, rows, BITS, tuple(SCALES)))
    ]
    reached = np.flatnonzero(negated(codes))
    if len(reached):
        # a place that breaks the run of reached characters starts another "row": no 2-gram goes over it
        runs = reached - np.arange(len(reached))
        entries += [
            (rows[reached[places]] << np.int64(BITS + _KIND_BITS)) | keys | np.int64((len(SCALES) + kind) << BITS)
            for kind, (places, keys) in enumerate(hashed(codes[reached] + SHADOW, runs, BITS, (1, 2)))
        ]
    return entries


def negated(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters stand within `REACH` after a negator of their own clause; a negator itself never does."""
    small = np.minimum(codes, np.uint32(PLANE - 1))
    negates, ends = _NEGATES[small], _ENDS[small]
    if not negates.any():
        return negates
    places = np.arange(len(codes))
    last = np.maximum.accumulate(np.where(negates, places, -REACH - 1))
    end = np.maximum.accumulate(np.where(ends, places, -1))
    reached: NDArray[np.bool_] = (last > end) & (places - last <= REACH) & ~negates
    return reached
