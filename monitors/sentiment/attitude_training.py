"""Trains the attitude model from the label file, the texts its keys name, and COLD's offensive posts.

The same files give the same bytes: sorted rows, one thread, no chance. Needs scikit-learn (dependency group `train`).
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from monitors.sentiment.attitude import ATTITUDES, SEVERITIES, AttitudeModel, model_bytes, read_model, shares
from monitors.sentiment.attitude_features import Block, Entries, Layout, Message, Reading, read_messages
from monitors.text.grams import Grams

LABELS = Path(__file__).with_name("labels") / "attitude.tsv"
SEED = 20261124
STRENGTH, INSULT_STRENGTH = 10.0, 3.0  # liblinear's C
FEWEST, FEWEST_INSULT = 3, 6  # texts that must hold a gram before it is kept
PLAIN_WEIGHT = 0.5  # of a titled message's further rows: title and text together as one plain text, and title alone
OWN_WEIGHT = 2.0  # of one of our labels beside one of COLD's for the offensive mark
FOLDS = 5  # that the sharpness of the probabilities is fitted over
SHARPNESS = np.geomspace(0.2, 5.0, 65)
Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Label:
    """One row of the label file: what was decided and what the two readers said; `kept` is apart or chosen."""

    key: str
    kept: str
    attitude: int
    severity: int
    offensive: int
    readers: tuple[str, str]
    severities: tuple[str, str]


@dataclass(frozen=True)
class Material:
    """Labels with their texts, in the order of keys: the reading, the same as plain texts, titles as plain texts."""

    labels: list[Label]
    messages: list[Message]
    reading: Reading
    plain: Reading
    short: Reading

    def __len__(self) -> int:
        return len(self.labels)

    def column(self, name: str) -> Rows:
        """attitude, severity or offensive of every row."""
        return np.array([getattr(label, name) for label in self.labels], np.int64)


@dataclass(frozen=True)
class Insults:
    """COLD: grams of every post, 1 where it is offensive, and which of its three splits it belongs to."""

    texts: Grams
    offensive: Rows
    split: list[str]


def read_labels(path: Path = LABELS) -> list[Label]:
    """The label file in the order of keys. Raises ValueError naming the row whose label is unknown."""
    labels = []
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["attitude"] not in ATTITUDES or row["severity"] not in "0123" or row["offensive"] not in "01":
                raise ValueError(f"{path}: {row['key']} has a label that docs/labelling-attitude.md does not know")
            readers = row.get("first") or "", row.get("second") or ""
            severities = row.get("first_severity") or "", row.get("second_severity") or ""
            numbers = ATTITUDES.index(row["attitude"]), int(row["severity"]), int(row["offensive"])
            labels.append(Label(row["key"], row["part"], *numbers, readers, severities))
    return sorted(labels, key=lambda label: label.key)


def load_material(data_dir: Path, labels: Path = LABELS) -> Material:
    """Labels with the messages and reposts their keys name. Raises KeyError with a key that names none."""
    rows = read_labels(labels)
    wanted = {row.key for row in rows}
    found: dict[str, Message] = {}
    for key, message in _keyed(data_dir, wanted):
        if key in wanted:
            found.setdefault(key, message)
    messages = [found[row.key] for row in rows]
    plain = [Message("", f"{one.title}。{one.text}" if one.title else one.text) for one in messages]
    short = [Message("", one.title) for one in messages]
    return Material(rows, messages, *map(read_messages, (messages, plain, short)))


def _keyed(data_dir: Path, wanted: set[str]) -> Iterator[tuple[str, Message]]:
    for name in sorted({key.split(":")[1] for key in wanted if key.startswith("m:")}):
        for row in _table(data_dir / "messages" / f"{name}.tsv.gz"):
            yield f"m:{name}:{row['msg_id']}", Message(row["title"], row.get("text") or row.get("message") or "")
    if any(key.startswith("c:") for key in wanted):
        for row in _table(data_dir / "cascades" / "reposts.tsv.gz"):
            yield f"c:{row['original']}:{row['mid']}", Message("", row["text"])


def _table(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(10**9)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")


def load_insults(data_dir: Path) -> Insults:
    """COLD's posts in the file's order. Raises FileNotFoundError."""
    rows = list(_table(data_dir / "offensive" / "cold.tsv.gz"))
    reading = read_messages([Message("", row["text"]) for row in rows])
    offensive = np.array([int(row["label"] == "offensive") for row in rows], np.int64)
    return Insults(reading.bodies, offensive, [row["split"] for row in rows])


@dataclass(frozen=True)
class Heads:
    """Weights (columns, 15) and biases (15,) of the attitudes and the steps of severity, with their layout."""

    layout: Layout
    weights: NDArray[np.float32]
    biases: Numbers

    def sums(self, reading: Reading) -> Numbers:
        """(messages, 15), as the shipped model works them out."""
        return self.layout.entries(reading).times(self.weights) + self.biases


def fit_heads(material: Material, rows: Rows) -> Heads:
    """One logistic regression an attitude and a step of severity, on the rows of an index.

    Titled messages are learned as plain texts too, whole and by their title alone, so that a comment of few words is
    understood. Every regression is balanced: both its sides weigh the same.
    """
    layout = Layout(_block(material.reading.titles, rows), _block(material.plain.bodies, rows))
    titled = rows[np.diff(material.reading.titles.bounds)[rows] > 0]
    parts = [(material.reading, rows), (material.plain, titled), (material.short, titled)]
    matrix = sparse.vstack([_matrix(layout.entries(reading))[taken] for reading, taken in parts]).tocsr()
    taken = np.concatenate([part for _, part in parts])
    weight = np.where(np.arange(len(taken)) < len(rows), 1.0, PLAIN_WEIGHT)
    attitude, severity = material.column("attitude")[taken], material.column("severity")[taken]
    targets = [attitude == place for place in range(len(ATTITUDES))]
    targets += [severity >= step for step in range(1, SEVERITIES)]
    fitted = [_fit(matrix, target, weight, STRENGTH) for target in targets]
    weights = np.column_stack([one for one, _ in fitted]).astype(np.float16).astype(np.float32)
    return Heads(layout, weights, np.array([bias for _, bias in fitted]))


def _block(found: Grams, rows: Rows) -> Block:
    """Grams that at least FEWEST of the rows hold, worth 1 + ln((1 + rows) / (1 + holding)), rounded to 16 bits."""
    taken = np.zeros(len(found), bool)
    taken[rows] = True
    holding = np.bincount(found.indices[np.repeat(taken, np.diff(found.bounds))])
    kept = np.flatnonzero(holding >= FEWEST)
    worth = 1 + np.log((1 + len(rows)) / (1 + holding[kept]))
    return Block(kept, worth.astype(np.float16).astype(np.float32))


def _matrix(entries: Entries) -> sparse.csr_matrix:
    return sparse.csr_matrix((entries.values, (entries.rows, entries.columns)), shape=entries.shape)


def _fit(rows: sparse.csr_matrix, target: NDArray[np.bool_], weight: Numbers, strength: float) -> tuple[Numbers, float]:
    """Weights and bias of a logistic regression whose two sides weigh the same; zeros where one side is missing."""
    if target.all() or not target.any():
        return np.zeros(rows.shape[1]), 5.0 if target.all() else -5.0
    model = LogisticRegression(
        C=strength, solver="liblinear", dual=True, class_weight="balanced", random_state=SEED, tol=1e-2, max_iter=500
    )
    model.fit(rows, target, sample_weight=weight)
    return model.coef_[0], float(model.intercept_[0])


def sharpness_for(sums: Numbers, labels: Rows) -> float:
    """The factor under which softmax gives held-out labels the highest likelihood (one parameter, from a grid)."""
    places = np.arange(len(labels))
    losses = [-np.log(shares(sums, sharp)[places, labels] + 1e-12).mean() for sharp in SHARPNESS]
    return float(SHARPNESS[int(np.argmin(losses))])


def held_out(material: Material, rows: Rows, folds: int = FOLDS, seed: int = SEED) -> tuple[Numbers, Rows]:
    """(rows, 15) sums of the rows, each by heads of the other folds, and the fold of each."""
    labels = material.column("attitude")[rows]
    sums, fold = np.zeros((len(rows), len(ATTITUDES) + SEVERITIES - 1)), np.zeros(len(rows), np.int64)
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, labels)
    for number, (train, test) in enumerate(cut):
        heads = fit_heads(material, rows[train])
        sums[test], fold[test] = heads.sums(material.reading)[rows[test]], number
    return sums, fold


def fit_insult(insults: Insults, material: Material | None) -> tuple[Block, float]:
    """Grams, weights and bias of an offensive text, from COLD without its test split and from our own labels."""
    learned = np.array([split != "test" for split in insults.split])
    texts = [(insults.texts, learned, insults.offensive, 1.0)]
    if material is not None:
        every = np.ones(len(material), bool)
        texts.append((material.plain.bodies, every, material.column("offensive"), OWN_WEIGHT))
    holding = np.bincount(np.concatenate([found.indices for found, *_ in texts]))
    kept = np.flatnonzero(holding >= FEWEST_INSULT)
    block = Block(kept, np.ones(len(kept), np.float32))
    rows = sparse.vstack([_matrix(block.entries(found))[mask] for found, mask, *_ in texts]).tocsr()
    target = np.concatenate([labels[mask] for _, mask, labels, _ in texts])
    weight = np.concatenate([np.full(mask.sum(), each) for _, mask, _, each in texts])
    weights, bias = _fit(rows, target > 0, weight, INSULT_STRENGTH)
    used = weights.astype(np.float16) != 0
    return Block(kept[used], weights[used].astype(np.float16).astype(np.float32)), bias


def train_attitude(data_dir: Path, labels: Path = LABELS, out: Path | None = None) -> dict[str, Any]:
    """Train on the labels and the texts of a data directory, write the model file, and tell rows, sizes and version.

    Raises FileNotFoundError, KeyError and ValueError that name the file or key.
    """
    material = load_material(data_dir, labels)
    insults = load_insults(data_dir)
    every = np.arange(len(material))
    sums, _ = held_out(material, every)
    sharpness = sharpness_for(sums[:, : len(ATTITUDES)], material.column("attitude"))
    heads = fit_heads(material, every)
    insult, bias = fit_insult(insults, material)
    biases = np.append(heads.biases, bias)
    raw = model_bytes(AttitudeModel(heads.layout, heads.weights, biases, sharpness, insult))
    told = {
        "labels": len(material),
        "attitudes": counted([ATTITUDES[place] for place in material.column("attitude")]),
        "offensive_posts": sum(split != "test" for split in insults.split),
        "grams": [len(block.kept) for block in (heads.layout.titles, heads.layout.bodies, insult)],
        "sharpness": round(sharpness, 3),
        "bytes": len(raw),
    }
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(raw)
        told["version"] = read_model(out).version
    return told


def counted(names: Sequence[str]) -> dict[str, int]:
    """How often each name occurs, most frequent first."""
    return dict(Counter(names).most_common())
