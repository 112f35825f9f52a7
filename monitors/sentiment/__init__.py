"""snownlp's stock sentiment score behind the Scorer port: the same values as `SnowNLP(text).sentiments`, much faster.

Says what the package says and nothing more; a blank text gets no value at all. Pure: reads model files, no rows.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from math import exp, log
from typing import Generic, TypeVar

from core.models.words import Sentiment
from core.ports import Score
from monitors import text as reading
from monitors.sentiment.model import Lexicon, load_characters, load_lexicon, package_version
from monitors.sentiment.segmenter import Segmenter

NEGATIVE_BELOW = 0.4
"""Below it a text counts as negative: a desk would rather read one comment too many than miss a complaint."""
POSITIVE_ABOVE = 0.9
"""Above it a text counts as positive; between the two lies the neutral band. snownlp says above 0.5 to very many texts
that are not praise: on 6,413 everyday posts and 12,644 post sentences with hand-made labels, 0.4 / 0.9 gave macro-F1
0.43 and 0.36 where the usual 0.4 / 0.6 gave 0.39 and 0.29."""
CHUNK_CHARACTERS = 20_000  # of one pass through the segmenter; about 10 MB of tables
MEMO_TEXTS = 50_000
MEMO_RUNS = 100_000

Value = TypeVar("Value")
_IDEOGRAPHS = re.compile("([一-龥]+)")  # the package's own range, U+4E00 to U+9FA5


def label_of(value: float, wordless: bool = False) -> str:
    """The label of a value."""
    if wordless:
        return Sentiment.NEUTRAL
    if value < NEGATIVE_BELOW:
        return Sentiment.NEGATIVE
    return Sentiment.POSITIVE if value > POSITIVE_ABOVE else Sentiment.NEUTRAL


class SnowScorer:
    """Scores texts in batches; equal texts and equal runs of characters are worked out once. Thread-safe."""

    def __init__(self) -> None:
        self.version = package_version()
        self._lock = threading.Lock()
        self._segmenter: Segmenter | None = None
        self._bayes = _Bayes(load_lexicon())
        self._values: _Memo[float] = _Memo(MEMO_TEXTS)
        self._runs: _Memo[list[str]] = _Memo(MEMO_RUNS)

    def score_many(self, texts: Sequence[str | None]) -> list[Score]:
        """One Score a text, in order: `value` is snownlp's number 0..1, or None with label `no_text` when blank."""
        values = self.values({text for text in texts if text and not reading.is_blank(text)})
        return [self._score(text, values) for text in texts]

    def _score(self, text: str | None, values: dict[str, float]) -> Score:
        value = values.get(text) if text else None
        if text is None or value is None:
            return Score(Sentiment.NO_TEXT, None, self.version)
        return Score(label_of(value, reading.is_wordless(text)), value, self.version)

    def values(self, texts: Iterable[str]) -> dict[str, float]:
        """snownlp's number of each distinct non-empty text."""
        with self._lock:
            found = {text: self._values.get(text) for text in texts}
            for chunk in _chunks([text for text, value in found.items() if value is None]):
                for text, words in zip(chunk, self._words(chunk), strict=True):
                    found[text] = value = self._bayes.value(words)
                    self._values.put(text, value)
        return {text: value for text, value in found.items() if value is not None}

    def _words(self, texts: list[str]) -> list[list[str]]:
        pieces = [[piece.strip() for piece in _IDEOGRAPHS.split(text)] for text in texts]
        cut = self._cut({piece for row in pieces for piece in row if _IDEOGRAPHS.match(piece)})
        return [[word for piece in row for word in cut.get(piece, piece.split())] for row in pieces]

    def _cut(self, runs: set[str]) -> dict[str, list[str]]:
        """The words of each run of characters, new ones worked out together."""
        cut = {run: words for run in runs if (words := self._runs.get(run)) is not None}
        new = sorted(runs - cut.keys())
        for run, words in zip(new, self._cutter().cut_many(new), strict=True):
            cut[run] = words
            self._runs.put(run, words)
        return cut

    def _cutter(self) -> Segmenter:
        if self._segmenter is None:
            self._segmenter = Segmenter(load_characters())
        return self._segmenter


class _Bayes:
    """The package's naive Bayes over two classes, with its order of additions and its way with overflow."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._stop, self._classes = lexicon.stop, lexicon.classes
        self._prior = {name: log(lexicon.totals[name]) - log(lexicon.total) for name in lexicon.classes}
        self._unseen = {name: log(1.0 / lexicon.totals[name]) for name in lexicon.classes}
        self._logs = {
            name: {word: log(float(count) / lexicon.totals[name]) for word, count in lexicon.words[name].items()}
            for name in lexicon.classes
        }

    def value(self, words: list[str]) -> float:
        """Probability of `pos` as the package reports it."""
        kept = [word for word in words if word not in self._stop]
        sums = {}
        for name in self._classes:
            logs, unseen, total = self._logs[name], self._unseen[name], self._prior[name]
            for word in kept:
                total += logs.get(word, unseen)
            sums[name] = total
        winner, best = "", 0.0
        for name in self._classes:
            share = self._share(sums, name)
            if share > best:
                winner, best = name, share
        return best if winner == "pos" else 1 - best

    def _share(self, sums: dict[str, float], name: str) -> float:
        now = 0.0
        try:
            for other in self._classes:
                now += exp(sums[other] - sums[name])
        except OverflowError:
            return 0.0
        return 1 / now


class _Memo(Generic[Value]):
    """A bounded dictionary that forgets what was used longest ago."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        if key in self._rows:
            self._rows.move_to_end(key)
            return self._rows[key]
        return None

    def put(self, key: str, value: Value) -> None:
        self._rows[key] = value
        if len(self._rows) > self._limit:
            self._rows.popitem(last=False)


def _chunks(texts: list[str]) -> Iterable[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        if chunk and size + len(text) > CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text)
    if chunk:
        yield chunk
