"""Trains the router: labelled messages, messages whose titles name one first level, and the tree's own words.

Needs numpy alone; the same files give the same bytes. Reads the data directory, writes one model file.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitors.routing import Message, shares
from monitors.routing.features import Block, Counted, Reading, counted, title_and_body
from monitors.routing.nodes import Expansions, node_pairs, second_level_texts
from monitors.routing.tree import Tree, TreePath
from monitors.text.grams import read

WORDS = Path(__file__).with_name("words.toml")
TITLE_ROWS, BODY_ROWS = 6, 30  # unlabelled messages that must hold a gram in title or text before it is kept
NAMED_MOST = 250  # messages a first level that are taken because their title names it
NAMED_KNOWN, NAMED_NEW = 0.1, 0.3  # weight of one such row: class with labelled rows, class without
OWN_KNOWN, OWN_NEW = 0.1, 1.0  # the same for a row made of the tree's own words
RIDGE = 0.2  # against the mean squared length of a labelled row
BALANCE = 0.5  # a class's weight is (mean rows / its rows) ** BALANCE
FOLDS = 5
SHARPNESS = np.geomspace(1.0, 64.0, 61)
Pair = tuple[str, str]


@dataclass(frozen=True)
class Texts:
    """All that training reads, as models read it: title and text pairs, labels, and the tree."""

    labelled: list[Pair]
    labels: list[str]
    unlabelled: list[Pair]
    paths: tuple[TreePath, ...]
    expansions: Expansions


@dataclass(frozen=True)
class Design:
    """Rows of the linear model: labelled ones first. `classes` has those with labelled rows first."""

    classes: tuple[str, ...]
    known: int  # classes that have labelled rows
    reading: Reading
    rows: NDArray[np.float32]
    labels: NDArray[np.int64]
    weight: NDArray[np.float64]
    labelled: int


def load_texts(data_dir: Path) -> Texts:
    """Read `messages/` of a data directory; messages of the unlabelled sets that repeat a labelled one are left out.

    Raises FileNotFoundError, naming the file that is missing.
    """
    folder = data_dir / "messages"
    gold = _table(folder / "labelled.tsv.gz")
    labelled = _pairs(gold, "text")
    found = _pairs(_table(folder / "stream.tsv.gz"), "text") + _pairs(_table(folder / "replies.tsv.gz"), "message")
    paths = tuple((row["一级分类"], row["二级分类"], row["三级分类"]) for row in _table(folder / "taxonomy.tsv"))
    firsts = {path[0] for path in paths}
    words = tomllib.loads(WORDS.read_text("utf-8"))
    expansions = {name: table for name, table in words.items() if name in firsts}
    return Texts(labelled, [row["label"] for row in gold], _new_pairs(found, labelled), paths, expansions)


def _pairs(rows: Sequence[dict[str, str]], column: str) -> list[Pair]:
    return [title_and_body(Message(row["title"], row[column])) for row in rows]


def _new_pairs(pairs: Sequence[Pair], known: Sequence[Pair]) -> list[Pair]:
    """Pairs whose title and text are both new, one a title."""
    titles, bodies = ({pair[at] for pair in known} for at in (0, 1))
    new: dict[str, Pair] = {}
    for pair in pairs:
        if pair[0] not in titles and pair[1] not in bodies:
            new.setdefault(pair[0], pair)
    return list(new.values())


def _table(path: Path) -> list[dict[str, str]]:
    opening: Any = gzip.open if path.suffix == ".gz" else open
    csv.field_size_limit(10**9)
    with opening(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def named_rows(titles: Sequence[str], classes: Sequence[str], expansions: Expansions) -> list[tuple[int, int]]:
    """(row, class) of titles that hold words of exactly one first level, at most NAMED_MOST a class, in order."""
    owners = word_owners(expansions)
    taken: Counter[str] = Counter()
    rows = []
    for at, title in enumerate(titles):
        firsts = set().union(*(owned for word, owned in owners.items() if word in title))
        name = firsts.pop() if len(firsts) == 1 else ""
        if name and taken[name] < NAMED_MOST:
            taken[name] += 1
            rows.append((at, classes.index(name)))
    return rows


def word_owners(expansions: Expansions) -> dict[str, set[str]]:
    """The first levels that own each word of the expansions, the word as models read it."""
    owners: dict[str, set[str]] = {}
    for first, table in expansions.items():
        for word in chain.from_iterable(table.values()):
            owners.setdefault(read(word), set()).add(first)
    return owners


def design(texts: Texts) -> Design:
    """Rows, labels and weights; what is kept and its worth come from the unlabelled messages alone."""
    known = sorted(set(texts.labels))
    classes = (*known, *sorted({path[0] for path in texts.paths} - set(known)))
    titles, bodies = _counted_pairs(texts.unlabelled)
    reading = Reading(_block(titles, TITLE_ROWS), _block(bodies, BODY_ROWS))
    named = named_rows([title for title, _ in texts.unlabelled], classes, texts.expansions)
    own = [(text, classes.index(first)) for first, text in second_level_texts(texts.paths, texts.expansions)]
    pairs = [*texts.labelled, *(texts.unlabelled[at] for at, _ in named), *((text, text) for text, _ in own)]
    gold = np.array([classes.index(label) for label in texts.labels])
    labels = np.array([label for _, label in (*named, *own)])
    weight = np.where(
        np.arange(len(labels)) < len(named),
        np.where(labels < len(known), NAMED_KNOWN, NAMED_NEW),
        np.where(labels < len(known), OWN_KNOWN, OWN_NEW),
    )
    rows = reading.rows(*_counted_pairs(pairs))
    weights = np.concatenate([np.ones(len(gold)), weight])
    return Design(classes, len(known), reading, rows, np.concatenate([gold, labels]), weights, len(gold))


def _counted_pairs(pairs: Sequence[Pair]) -> tuple[Counted, Counted]:
    return counted([title for title, _ in pairs]), counted([body for _, body in pairs])


def _block(texts: Counted, least: int) -> Block:
    """Grams that at least so many texts hold, worth 1 + ln((1 + texts) / (1 + holding)), as scikit-learn smooths it."""
    holding = np.bincount(texts.indices)
    kept = np.flatnonzero(holding >= least)
    return Block(kept, (1 + np.log((1 + len(texts)) / (1 + holding[kept]))).astype(np.float32))


def likeness(plan: Design) -> NDArray[np.float64]:
    """(rows, rows): inner products, in units of a labelled row's mean squared length."""
    table = (plan.rows @ plan.rows.T).astype(np.float64)
    return np.asarray(table / np.diag(table)[: plan.labelled].mean())


def solve(plan: Design, inner: NDArray[np.float64], use: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows used, classes): dual coefficients of weighted ridge regression onto class indicators.

    The minimum of sum w (f(x) - y)^2 + RIDGE |f|^2 (Saunders et al. 1998); known classes are balanced.
    """
    labels = plan.labels[use]
    gold = plan.labels[use[use < plan.labelled]]
    rows = np.bincount(gold, minlength=len(plan.classes))
    factor = np.where(rows > 0, (len(gold) / plan.known / np.maximum(rows, 1)) ** BALANCE, 1.0)
    root = np.sqrt(plan.weight[use] * factor[labels])[:, None]
    target = np.eye(len(plan.classes))[labels] - 1 / len(plan.classes)
    table = inner[np.ix_(use, use)] * root * root.T
    table[np.diag_indices_from(table)] += RIDGE
    return np.asarray(root * np.linalg.solve(table, root * target))


def folds(labels: NDArray[np.int64], seed: int, count: int = FOLDS) -> NDArray[np.int64]:
    """The fold of every row, stratified: each class is shuffled and dealt out one by one."""
    dice = np.random.default_rng(seed)
    fold = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        fold[dice.permutation(rows)] = (np.arange(len(rows)) + dice.integers(count)) % count
    return fold


def held_out(plan: Design, inner: NDArray[np.float64], rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """(rows, classes): scores of the labelled rows, each by a model that has seen only the other folds of `rows`."""
    fold = folds(plan.labels[rows], seed)
    others = np.arange(plan.labelled, len(plan.labels))
    scores = np.zeros((len(rows), len(plan.classes)))
    for number in range(FOLDS):
        use = np.concatenate([rows[fold != number], others])
        scores[fold == number] = inner[np.ix_(rows[fold == number], use)] @ solve(plan, inner, use)
    return scores


def sharpness_for(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The factor under which softmax gives held-out labels the highest likelihood (one parameter, from a grid)."""
    losses = [-np.log(shares(scores, sharp)[np.arange(len(labels)), labels] + 1e-12).mean() for sharp in SHARPNESS]
    return float(SHARPNESS[int(np.argmin(losses))])


def train_routing(data_dir: Path, out: Path) -> dict[str, Any]:
    """Train on the data directory's messages, write the model file, and tell rows, sizes and version.

    Raises FileNotFoundError when a file of `messages/` is missing.
    """
    texts = load_texts(data_dir)
    plan = design(texts)
    inner = likeness(plan)
    gold = np.arange(plan.labelled)
    sharpness = sharpness_for(held_out(plan, inner, gold, seed=0), plan.labels[gold])
    scale = float(np.square(plan.rows[: plan.labelled]).sum(axis=1).mean())
    weights = plan.rows.T @ (solve(plan, inner, np.arange(len(plan.labels))) / scale)
    tree = node_pairs(texts.paths, texts.expansions, [f"{title}。{body}" for title, body in texts.unlabelled])
    arrays = _arrays(plan, weights, sharpness, tree)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    named = Counter(plan.classes[label] for label in plan.labels[plan.labelled :])
    return {
        "version": str(arrays["version"]),
        "labelled": plan.labelled,
        "unlabelled": len(texts.unlabelled),
        "named_or_own_words": dict(named),
        "grams": list(map(len, (plan.reading.titles.kept, plan.reading.bodies.kept))),
        "words": len(tree.words),
        "sharpness": round(sharpness, 2),
        "bytes": out.stat().st_size,
    }


def _arrays(plan: Design, weights: NDArray[np.float64], sharpness: float, tree: Tree) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "classes": np.array(plan.classes),
        "title_kept": plan.reading.titles.kept.astype(np.int32),
        "title_worth": plan.reading.titles.worth.astype(np.float16),
        "body_kept": plan.reading.bodies.kept.astype(np.int32),
        "body_worth": plan.reading.bodies.worth.astype(np.float16),
        "weights": weights.astype(np.float16),
        "sharpness": np.array(sharpness),
        "paths": np.array(tree.paths),
        "words": np.array(tree.words),
        "pair_node": tree.pair_node,
        "pair_word": tree.pair_word,
        "pair_weight": tree.pair_weight.astype(np.float16),
    }
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()[:8]
    return arrays | {"version": np.array(f"routing-1-{digest}")}
