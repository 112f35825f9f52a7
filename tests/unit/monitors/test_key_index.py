"""The table that finds integer keys."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.sentiment.keys import KeyIndex


@pytest.mark.parametrize("step", [1, 7, 2**20, 2**40 + 1])
def test_every_key_is_found_at_its_place_and_nothing_else_is(step: int) -> None:
    keys = np.arange(5000) * step
    index = KeyIndex(keys)
    assert index.find(keys).tolist() == list(range(5000))
    assert (index.find(np.arange(5000, 9000) * step) == -1).all()
    if step > 1:
        assert (index.find(keys + 1) == -1).all()
    assert len(index) == 5000


def test_keys_keep_the_places_they_were_given_in() -> None:
    assert KeyIndex(np.array([30, 10, 20])).find(np.array([10, 20, 30, 40, 10])).tolist() == [1, 2, 0, -1, 1]


def test_an_index_without_keys_finds_nothing() -> None:
    assert KeyIndex(np.empty(0, dtype=np.int64)).find(np.array([0, 1])).tolist() == [-1, -1]
    assert KeyIndex(np.array([4])).find(np.empty(0, dtype=np.int64)).tolist() == []
