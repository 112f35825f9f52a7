"""snownlp's own files, read without importing the package (its import keeps 488 MB).

Nothing is changed here: the numbers are the files' numbers.
"""

from __future__ import annotations

import ctypes
import gzip
import importlib.util
import marshal
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from monitors.sentiment.characters import CharacterModel, tables_of
from monitors.sentiment.corpus import count


@dataclass(frozen=True)
class Lexicon:
    """The classifier: add-one word counts of the two classes in the file's own order, and the stop words."""

    classes: tuple[str, ...]
    words: dict[str, dict[str, int]]
    totals: dict[str, float]
    total: float
    stop: frozenset[str]


def package_version() -> str:
    """The version stored with every score, e.g. `snownlp-0.12.3`."""
    return f"snownlp-{version('snownlp')}"


def package_folder() -> Path:
    """Where snownlp is installed; found without importing it."""
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("snownlp is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def read_marshal(path: Path) -> dict[str, Any]:
    """A model file of the package, gzipped or plain."""
    raw = path.read_bytes()
    loaded: dict[str, Any] = marshal.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)  # noqa: S302
    return loaded


def load_lexicon() -> Lexicon:
    """Read the sentiment counts and the stop words."""
    folder = package_folder()
    model = read_marshal(folder / "sentiment" / "sentiment.marshal.3")
    stop = (folder / "normal" / "stopwords.txt").read_text("utf-8").split("\n")
    classes = tuple(model["d"])
    return Lexicon(
        classes=classes,
        words={name: model["d"][name]["d"] for name in classes},
        totals={name: model["d"][name]["total"] for name in classes},
        total=model["total"],
        stop=frozenset(word.strip() for word in stop),
    )


@lru_cache(maxsize=1)
def load_characters() -> CharacterModel:
    """The segmenter's tables, 58 MB that all scorers of a process share; made in 1.3 s and for that long 250 MB."""
    tables = tables_of(count((package_folder() / "seg" / "data.txt").read_text("utf-8")))
    _give_back()
    return tables


def _give_back() -> None:
    """Return freed pages to the system: glibc keeps 140 MB of them otherwise, other C libraries have no such call."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
