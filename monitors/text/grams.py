"""Hashed character n-grams of many texts at once, in numpy: the features of every linear model here. Pure.

Says nothing about what a text means; `read` alone decides what counts as the same character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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


def read(text: str | None) -> str:
    """The text as models read it: own words, one width, lower case, every number one sign, at most `LONGEST`."""
    plain = unicodedata.normalize("NFKC", clean(text)[:LONGEST]).lower()
    return _LETTERS.sub(r"\1\1", _DIGITS.sub("0", plain))


@dataclass(frozen=True)
class Grams:
    """Rows of distinct features: row i holds `indices[bounds[i]:bounds[i + 1]]`, ascending, each below 2 ** bits."""

    indices: NDArray[np.int32]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1


def grams(texts: Sequence[str], bits: int) -> Grams:
    """The distinct 1- to 3-grams of texts that `read` gave, hashed into 2 ** bits buckets; both ends are marked."""
    rows, keys = _hashed(texts, bits)
    pairs = np.unique(rows << np.int64(bits) | keys)
    counts = np.bincount(pairs >> np.int64(bits), minlength=len(texts))
    bounds = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Grams((pairs & np.int64((1 << bits) - 1)).astype(np.int32), bounds)


def _hashed(texts: Sequence[str], bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(row, bucket) of every gram of every text; grams never reach from one text into the next."""
    marked = [START + text + END for text in texts]
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), [len(text) for text in marked])
    found_rows, found_keys = [], []
    rolled = np.zeros(len(codes), np.uint64)
    for order in ORDERS:
        last = len(codes) - order + 1
        if last <= 0:
            break
        rolled = (rolled[:last] + codes[order - 1 :] + np.uint64(order)) * _PRIME
        whole = rows[:last] == rows[order - 1 :]
        mixed = (rolled[whole] ^ (rolled[whole] >> np.uint64(29))) * _SPREAD
        found_rows.append(rows[:last][whole])
        found_keys.append((mixed >> np.uint64(64 - bits)).astype(np.int64))
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *found_rows]), np.concatenate([empty, *found_keys])
