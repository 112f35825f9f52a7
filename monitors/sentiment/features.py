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
    """The distinct features of each text, read with care (`grams.read`)."""
    codes, rows = code_points([read(text) for text in texts])
    parts = [_distinct(part) for part in _parts(folded(codes, fold), rows)]
    return _unit(parts, len(texts))


def folded(codes: NDArray[np.uint32], fold: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Characters as the table reads them; those beyond it stay as they are."""
    if not len(codes) or codes.max() < PLANE:
        return fold[codes].astype(np.uint32)
    small = codes < PLANE
    return np.where(small, fold[np.where(small, codes, 0)], codes).astype(np.uint32)


Part = tuple[NDArray[np.int64], NDArray[np.int64], float]


def _parts(codes: NDArray[np.uint32], rows: NDArray[np.int64]) -> list[Part]:
    """(rows, buckets, scale) of every kind of feature, each occurrence an entry."""
    found = hashed(codes, rows, BITS, tuple(SCALES))
    parts = [(rows[places], keys, scale) for (places, keys), scale in zip(found, SCALES.values(), strict=False)]
    reached = np.flatnonzero(negated(codes))
    if len(reached):
        # a place that breaks the run of reached characters starts another "row": no 2-gram goes over it
        runs = np.cumsum(np.diff(reached, prepend=reached[0]) != 1)
        shadows = hashed(codes[reached] + SHADOW, runs, BITS, (1, 2))
        parts += [(rows[reached[places]], keys, NEGATED) for places, keys in shadows]
    return parts


def negated(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters stand within `REACH` after a negator of their own clause; a negator itself never does."""
    small = np.minimum(codes, np.uint32(PLANE - 1))
    negates, ends = _NEGATES[small], _ENDS[small]
    places = np.arange(len(codes))
    last = np.maximum.accumulate(np.where(negates, places, -REACH - 1))
    end = np.maximum.accumulate(np.where(ends, places, -1))
    reached: NDArray[np.bool_] = (last > end) & (places - last <= REACH) & ~negates
    return reached


def _distinct(part: Part) -> Part:
    rows, keys, scale = part
    pairs = np.sort(rows << np.int64(BITS) | keys)
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))[: len(pairs)]]
    return pairs >> np.int64(BITS), pairs & np.int64((1 << BITS) - 1), scale


def _unit(parts: list[Part], count: int) -> Features:
    lengths = np.zeros(count)
    for rows, _keys, scale in parts:
        lengths += np.bincount(rows, minlength=count) * scale**2
    inverse = (1 / np.sqrt(np.maximum(lengths, 1e-9))).astype(np.float32)
    none = np.zeros(0, np.int64)
    return Features(
        np.concatenate([none, *(rows for rows, _keys, _scale in parts)]),
        np.concatenate([none, *(keys for _rows, keys, _scale in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(inverse[rows] * np.float32(scale) for rows, _keys, scale in parts)]),
        count,
    )
