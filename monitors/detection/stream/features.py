"""Turns mentions into hashed terms: character grams, place names, topics, pairs of the two, the post above. Pure.

Grams stand for words: no dictionary, no segmenter, so a name nobody knew yesterday is a term today.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitors.detection.stream.mentions import Heard
from monitors.detection.stream.severity import matters_of
from monitors.detection.stream.topics import topics_of
from monitors.text import without_emoticons
from monitors.text.grams import Grams, grams, read
from monitors.text.stopwords import FILLERS

ORDERS = (2, 3, 4)
MOST_CHARACTERS = 140  # of one text; what a long message is about stands at its beginning
PLACE = re.compile(
    r"[A-Z]\d{0,2}(?:市|区|县)|[一-龥]{2,3}(?:省|市|区|县|镇|乡|村)|[一-龥]{2,4}(?:街道|小区|花园|公司|大道|学校)"
)
MOST_NAMING = 400  # of which places and topics are read
MOST_PLACES = 3
_NOT_LETTER = re.compile(r"[^\w]|_")
Buckets = NDArray[np.int32]


@dataclass(frozen=True)
class Terms:
    """The terms of a batch: row i holds distinct buckets, ascending.

    `named`: buckets that tell a matter by themselves (a pair, the post above), as no gram does; `prints` are equal for
    copies, 0 where no word is left; `severe`: a severe matter at a place, by row; `pairs`: a topic at a place.
    """

    rows: list[Buckets]
    named: list[int]
    prints: list[int]
    severe: list[list[int]]
    pairs: list[int]


def terms_of(heard: Sequence[Heard], bits: int) -> Terms:
    """The terms of each mention in 2 ** bits buckets, a batch at a time."""
    plain = [_folded(one.text) for one in heard]
    found = grams(plain, bits, ORDERS)
    names = [_names(one, bits) for one in heard]
    rows = [_joined(found, at, named.all) for at, named in enumerate(names)]
    return Terms(
        rows,
        [name for named in names for name in named.whole],
        [_print(text) for text in plain],
        [named.severe for named in names],
        [pair for named in names for pair in named.pairs],
    )


def thread_bucket(under: str, bits: int) -> int:
    """The bucket that counts what is said under one post."""
    return _bucket(f"#{under}", bits)


def _folded(text: str) -> str:
    plain = read(without_emoticons(text[: 2 * MOST_CHARACTERS]))[:MOST_CHARACTERS]
    return "" if _NOT_LETTER.sub("", plain) in FILLERS else plain


def _print(plain: str) -> int:
    letters = _NOT_LETTER.sub("", plain)
    return zlib.crc32(letters.encode("utf-8", "surrogatepass")) if letters else 0


def _joined(found: Grams, at: int, extra: list[int]) -> Buckets:
    row = found.indices[found.bounds[at] : found.bounds[at + 1]]
    return np.union1d(row, np.array(extra, np.int32)).astype(np.int32) if extra else row


@dataclass(frozen=True)
class _Named:
    all: list[int]
    whole: list[int]
    severe: list[int]
    pairs: list[int]


def _names(one: Heard, bits: int) -> _Named:
    """Buckets of the places and topics named, of their pairs, of the post above; and of severe matters at a place."""
    head = one.text[:MOST_NAMING]
    topics, matters = topics_of(head), matters_of(head)
    places = list(dict.fromkeys(PLACE.findall(head)))[:MOST_PLACES]
    pairs = [_bucket(f"{place}+{topic}", bits) for place in places for topic in topics]
    severe = [_bucket(f"{place}!{matter}", bits) for place in places for matter in matters]
    whole = pairs + severe
    if one.under:
        whole.append(thread_bucket(one.under, bits))
    return _Named([_bucket(name, bits) for name in [*places, *topics]] + whole, whole, severe, pairs)


def _bucket(name: str, bits: int) -> int:
    return (zlib.crc32(f"\x03{name}".encode("utf-8", "surrogatepass")) * 2654435761 & 0xFFFFFFFF) >> (32 - bits)
