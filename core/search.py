"""Full text over jieba tokens in SQLite FTS5, in a file of its own that can always be rebuilt. Holds no truth."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.config import Settings
from core.errors import NotConfigured
from core.lexicon import jieba
from core.ports import Hit, SearchIndex

BUSY_S = 30
MAX_TERMS = 32  # words of one query that count
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, row_id INTEGER NOT NULL, UNIQUE (kind, row_id)
);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(tokens, tokenize = 'unicode61 remove_diacritics 0');
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def open_index(settings: Settings) -> SearchIndex:
    """The search back end of `settings`; NotConfigured for one this version does not know."""
    if settings.search_url:
        raise NotConfigured("WENZHENG_SEARCH_URL 指定的检索后端尚不支持，请留空以使用内置检索")
    return FtsIndex(settings.search_path)


def tokens(text: str) -> list[str]:
    """Words of a text as they are indexed: long words and the words inside them, lower case, full width folded."""
    return [word for word in jieba().cut_for_search(_fold(text)) if _counts(word)]


class FtsIndex:
    """The SearchIndex port on one SQLite file; any number of threads and processes may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, kind: str, rows: Iterable[tuple[int, str]]) -> None:
        """Index (row id, text) pairs; what was indexed under the same id is replaced."""
        ready = [(row_id, " ".join(tokens(text))) for row_id, text in rows]
        with self._write() as db:
            for row_id, words in ready:
                db.execute("INSERT OR IGNORE INTO entry (kind, row_id) VALUES (?, ?)", (kind, row_id))
                entry_id = _entry_id(db, kind, row_id)
                db.execute("DELETE FROM words WHERE rowid = ?", (entry_id,))
                db.execute("INSERT INTO words (rowid, tokens) VALUES (?, ?)", (entry_id, words))

    def remove(self, kind: str, row_ids: Iterable[int]) -> None:
        """Forget rows; unknown ids are no error."""
        with self._write() as db:
            for row_id in row_ids:
                entry_id = _entry_id(db, kind, row_id)
                db.execute("DELETE FROM words WHERE rowid = ?", (entry_id,))
                db.execute("DELETE FROM entry WHERE id = ?", (entry_id,))

    def query(self, text: str, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0) -> list[Hit]:
        """Rows that hold every word of `text`, best first. Any characters may be asked for; no word, no hit."""
        words = _expression(text)
        if not words:
            return []
        where, values = _of_kinds(kinds)
        with self._connect() as db:
            found = db.execute(
                "SELECT kind, row_id, -rank FROM words JOIN entry ON entry.id = words.rowid"  # noqa: S608
                f" WHERE words MATCH ?{where} ORDER BY rank, row_id DESC LIMIT ? OFFSET ?",
                (words, *values, limit, offset),
            )
            return [Hit(kind, row_id, rank) for kind, row_id, rank in found]

    def aggregate(self, text: str, kinds: Sequence[str] = ()) -> dict[str, int]:
        """How many rows of each kind hold every word of `text`."""
        words = _expression(text)
        if not words:
            return {}
        where, values = _of_kinds(kinds)
        with self._connect() as db:
            found = db.execute(
                "SELECT kind, count(*) FROM words JOIN entry ON entry.id = words.rowid"  # noqa: S608
                f" WHERE words MATCH ?{where} GROUP BY kind",
                (words, *values),
            )
            return dict(found.fetchall())

    def note(self, name: str, value: int) -> None:
        """Keep a number with the index; it is lost when the file is."""
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", (name, value))

    def noted(self, name: str) -> int | None:
        """The number kept under `name`; None in a new file."""
        with self._connect() as db:
            found = db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
            return int(found[0]) if found else None

    def ping(self) -> bool:
        """Whether the index answers."""
        try:
            with self._connect() as db:
                return db.execute("SELECT count(*) FROM entry WHERE id < 0").fetchone() == (0,)
        except sqlite3.Error:
            return False

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        new = not self._path.exists()
        if new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        try:
            if new or not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'note'").fetchone():
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(SCHEMA)
            db.execute("PRAGMA synchronous = NORMAL")  # a lost tail is indexed again; nothing else depends on it
            yield db
        finally:
            db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _entry_id(db: sqlite3.Connection, kind: str, row_id: int) -> int:
    found = db.execute("SELECT id FROM entry WHERE kind = ? AND row_id = ?", (kind, row_id)).fetchone()
    return int(found[0]) if found else -1


def _of_kinds(kinds: Sequence[str]) -> tuple[str, list[str]]:
    if not kinds:
        return "", []
    return f" AND kind IN ({', '.join('?' * len(kinds))})", list(kinds)


def _expression(text: str) -> str:
    """An FTS5 expression in which every word is quoted, so that no character of the query has a meaning."""
    words = [word for word in jieba().cut(_fold(text)) if _counts(word)]
    return " AND ".join(_alternatives(word) for word in words[:MAX_TERMS])


def _alternatives(word: str) -> str:
    """The word itself (a single character: as the beginning of a word), or all the shorter words inside it."""
    whole = f'"{word}"' if len(word) > 1 else f'"{word}" *'
    inner = [part for part in jieba().cut_for_search(word) if part != word and _counts(part)]
    if not inner:
        return whole
    parts = " AND ".join(f'"{part}"' for part in inner)
    return f"({whole} OR ({parts}))"


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _counts(word: str) -> bool:
    return any(character.isalnum() for character in word) and '"' not in word
