"""Finds rows of one collection that repeat rows of another: equal readings, or a 3-gram cosine of 0.7 and more."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from monitors.text.grams import grams, read

NEAR = 0.7
BITS = 20
CHUNK = 500


def trigrams(texts: list[str]) -> sparse.csr_matrix:
    """Rows of length one over the distinct 3-grams of each text; a text too short for one keeps an empty row."""
    found = grams([read(text) for text in texts], BITS, (3,))
    rows = sparse.csr_matrix(
        (np.ones(len(found.indices), np.float32), found.indices, found.bounds), shape=(len(found), 1 << BITS)
    )
    lengths = np.sqrt(np.maximum(np.diff(found.bounds), 1))
    return (sparse.diags(1 / lengths) @ rows).astype(np.float32).tocsr()


def repeats(train: list[str], test: list[str]) -> NDArray[np.bool_]:
    """Which train texts repeat a test text, exactly the cosine of all pairs."""
    held, against = trigrams(train), trigrams(test).T.tocsc()
    highest = np.zeros(len(train))
    for start in range(0, len(train), CHUNK):
        nearness = (held[start : start + CHUNK] @ against).tocsr()
        if nearness.nnz:
            highest[start : start + CHUNK] = np.asarray(nearness.max(axis=1).todense()).ravel()
    return highest >= NEAR
