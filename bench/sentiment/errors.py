"""The surest mistakes of a judged set, by row number and marks of the text; never the text itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitors.sentiment.corpora import NEUTRAL, POSITIVE, Corpus
from monitors.text.grams import read

MARKS = {
    "negation": re.compile("[不没无别未非莫]"),
    "turn": re.compile("但|却|不过|可是|然而|虽"),
    "question": re.compile("[?？]|吗|呢|难道"),
    "laughter": re.compile("哈哈|呵呵|嘿嘿|嘻嘻|笑"),
    "wish_or_regret": re.compile("希望|要是|如果|早知|本来|可惜"),
    "quoted_or_told": re.compile('[“”"「」:：]'),
    "person_lives_it": re.compile("[我俺咱]"),
}
SHORT = 10


def marks_of(text: str) -> list[str]:
    """The marks a text bears, `short` below ten characters, `none` without any."""
    plain = read(text)
    found = [name for name, pattern in MARKS.items() if pattern.search(plain)]
    return found + ["short"] * (len(plain) < SHORT) or ["none"]


def write_errors(cases: list[tuple[Corpus, NDArray[np.float64]]], most: int, out: Path) -> dict[str, int]:
    """Write `most` mistakes, as many of each set, surest first; returns how many bear each mark.

    `cases` holds whole sets and the values of their non-neutral rows; rows are counted from 0 in the shared file.
    """
    lines, counts = ["set\trow\tlabel\tvalue\tmarks"], Counter[str]()
    for corpus, values in cases:
        places = np.flatnonzero(corpus.labels != NEUTRAL)
        positive = corpus.labels[places] == POSITIVE
        gap = np.where(positive, 0.5 - values, values - 0.5)
        for at in np.argsort(-gap, kind="stable")[: most // len(cases)]:
            marks = marks_of(corpus.texts[places[at]])
            counts.update(marks)
            label = "pos" if positive[at] else "neg"
            lines.append(f"{corpus.name}\t{places[at]}\t{label}\t{values[at]:.3f}\t{' '.join(marks)}")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return dict(counts.most_common())
