"""snownlp's own naive Bayes with word counts of other labelled texts, worked out by the exact engine.

Shows what the package gives when it is trained on what people post instead of shop reviews.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from monitors.sentiment import SnowScorer
from monitors.sentiment.corpora import NEGATIVE, NEUTRAL, Corpus
from monitors.sentiment.model import Lexicon, load_lexicon

MODEL = Path(__file__).parents[1] / "models" / "snownlp-retrained.json.gz"
CLASSES = ("neg", "pos")  # the order in which the package trains


def retrain(sets: Sequence[Corpus]) -> Lexicon:
    """The counts `snownlp.sentiment.train` gives for the negative and positive texts of the sets; neutral ones go."""
    stock = load_lexicon()
    cutter = SnowScorer(stock)
    counts = {name: Counter[str]() for name in CLASSES}
    for one in sets:
        kept = one.part(one.labels != NEUTRAL)
        for words, label in zip(cutter.words(kept.texts), kept.labels.tolist(), strict=True):
            counts[CLASSES[label != NEGATIVE]].update(word for word in words if word not in stock.stop)
    return _lexicon(counts, stock)


def _lexicon(counts: dict[str, Counter[str]], stock: Lexicon) -> Lexicon:
    """Add-one counts and totals as the package keeps them: a new word counts one more, in its class alone."""
    words = {name: {word: count + 1 for word, count in sorted(found.items())} for name, found in counts.items()}
    totals = {name: float(sum(found.values())) for name, found in words.items()}
    return replace(stock, classes=CLASSES, words=words, totals=totals, total=sum(totals.values()))


def lexicon_bytes(lexicon: Lexicon) -> bytes:
    """The counts as a file, the same bytes for the same counts; stop words stay with the package."""
    text = json.dumps({name: lexicon.words[name] for name in lexicon.classes}, ensure_ascii=False, sort_keys=True)
    return gzip.compress(text.encode(), 9, mtime=0)


def read_lexicon(raw: bytes) -> Lexicon:
    """The counts of a file that `lexicon_bytes` made."""
    words = json.loads(gzip.decompress(raw))
    counts = {name: Counter({word: count - 1 for word, count in words[name].items()}) for name in CLASSES}
    return _lexicon(counts, load_lexicon())


def retrained_scorer(path: Path = MODEL) -> SnowScorer:
    """The exact engine over the counts of the file; its version names the file's content."""
    raw = path.read_bytes()
    return SnowScorer(read_lexicon(raw), f"snownlp-retrained-{hashlib.sha256(raw).hexdigest()[:10]}")


def values(scorer: SnowScorer, texts: Iterable[str]) -> list[float]:
    """snownlp's number of each text, in order; 0.5 for a blank one."""
    kept = list(texts)
    found = scorer.values({text for text in kept if text.strip()})
    return [found.get(text, 0.5) for text in kept]
