"""Hashed character n-grams of many texts at once, in numpy: the features of every linear model here. Pure.

Says nothing about what a text means; `read` alone decides what counts as the same character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.text import clean

LONGEST = 2000  # characters of one text that are read
ORDERS = (1, 2, 3)
START, END = "\x02", "\x03"
_PRIME, _SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"([a-z])\1{2,}")
_GAP = re.compile(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])")
_CUT_UP = 4  # a text with a space in every so many characters was cut into words by somebody


def read(text: str | None) -> str:
    """The text as models read it: own words, one width, lower case, every number one sign, at most `LONGEST`.

    A text that comes cut into words is joined again: spaces between ideographs go.
    """
    plain = unicodedata.normalize("NFKC", clean(text)[:LONGEST]).lower()
    if plain.count(" ") * _CUT_UP >= len(plain):
        plain = _GAP.sub("", plain)
    return _LETTERS.sub(r"\1\1", _DIGITS.sub("0", plain))


@dataclass(frozen=True)
class Grams:
    """Rows of distinct features: row i holds `indices[bounds[i]:bounds[i + 1]]`, ascending, each below 2 ** bits."""

    indices: NDArray[np.int32]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1


def grams(texts: Sequence[str], bits: int, orders: Sequence[int] = ORDERS) -> Grams:
    """The distinct n-grams (1 to 3 unless told) of texts that `read` gave, hashed into 2 ** bits buckets.

    Both ends of a text are marked; a gram's bucket does not depend on which other orders are asked for.
    """
    rows, keys = _hashed(texts, bits, orders)
    pairs = np.sort(rows << np.int64(bits) | keys)
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))[: len(pairs)]]
    counts = np.bincount(pairs >> np.int64(bits), minlength=len(texts))
    bounds = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Grams((pairs & np.int64((1 << bits) - 1)).astype(np.int32), bounds)


def _hashed(texts: Sequence[str], bits: int, orders: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(row, bucket) of every gram of every text; grams never reach from one text into the next."""
    codes, rows = code_points(texts)
    found = hashed(codes, rows, bits, orders)
    empty = np.zeros(0, np.int64)
    return (
        np.concatenate([empty, *(rows[places] for places, _ in found)]),
        np.concatenate([empty, *(keys for _, keys in found)]),
    )


def code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The characters of all texts one after another, both ends of each marked, and the text each belongs to."""
    joined = (END + START).join(texts).join((START, END)) if texts else ""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 2
    return codes, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def hashed(
    codes: NDArray[np.uint32], rows: NDArray[np.int64], bits: int, orders: Sequence[int]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each order, rising: where its grams begin in `codes` and their buckets. A gram stays within one row."""
    found = []
    for order, keys in zip(orders, buckets(codes, bits, orders), strict=False):
        places = np.flatnonzero(rows[: len(keys)] == rows[order - 1 :])
        found.append((places, keys[places]))
    return found


def buckets(codes: NDArray[np.uint32], bits: int, orders: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """For each order, rising: the bucket of the gram that begins at each place, whatever text it reaches into.

    Ends early when `codes` is shorter than an order.
    """
    wide = codes.astype(np.uint64)
    rolled = np.zeros(len(codes), np.uint64)
    for order in range(1, min(max(orders), len(codes)) + 1):
        rolled = rolled[: len(codes) - order + 1] + wide[order - 1 :]
        rolled += np.uint64(order)
        rolled *= _PRIME
        if order in orders:
            mixed = rolled >> np.uint64(29)
            mixed ^= rolled
            mixed *= _SPREAD
            mixed >>= np.uint64(64 - bits)
            yield mixed.view(np.int64)
