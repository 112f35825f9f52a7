"""Words of the tree's nodes: their names, the names' pieces, and the expansions of words.toml. Pure, for training."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from monitors.routing.tree import OTHER, Tree, TreePath
from monitors.text.grams import read

PIECE = 0.4  # weight of two characters of a name beside a whole word
RAREST = 6.0  # a word's worth is capped: rarer says no more
COMMONEST = 0.1  # share of messages above which a piece of a name says nothing
_JOINT = re.compile(r"[、，“”\"和与及]")
Expansions = dict[str, dict[str, list[str]]]


def second_level_texts(paths: Sequence[TreePath], expansions: Expansions) -> list[tuple[str, str]]:
    """(first level, its words as one text) for every named second level, in order."""
    below: dict[tuple[str, str], list[str]] = {}
    for first, second, third in paths:
        below.setdefault((first, second), [second]).append(third)
    texts = []
    for (first, second), names in below.items():
        if second == OTHER:
            continue
        own = [words for key, words in expansions.get(first, {}).items() if key.partition("/")[0] == second]
        words = [*(name for name in names if name != OTHER), *(word for part in own for word in part)]
        texts.append((first, "。".join(map(read, words))))
    return texts


def node_pairs(paths: Sequence[TreePath], expansions: Expansions, texts: Sequence[str]) -> Tree:
    """The tree with its words: each weighs its inverse document frequency over the texts, pieces of names less."""
    nodes = _node_words(paths, expansions)
    worth = _worth(sorted(set().union(*nodes)), texts)
    number = dict(zip(worth, range(len(worth)), strict=True))
    pairs = [(node, word) for node, own in enumerate(nodes) for word in own if word in worth]
    return Tree(
        tuple(paths),
        tuple(worth),
        np.array([node for node, _ in pairs], np.int32),
        np.array([number[word] for _, word in pairs], np.int32),
        np.array([worth[word] * nodes[node][word] for node, word in pairs], np.float32),
    )


def _worth(words: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """ln((1 + texts) / (1 + texts that hold the word)), at most RAREST, of every word that is not too common."""
    holding = {word: sum(word in text for text in texts) for word in words}
    kept = [word for word in words if holding[word] <= COMMONEST * len(texts)]
    return {word: min(RAREST, float(np.log((1 + len(texts)) / (1 + holding[word])))) for word in kept}


def _node_words(paths: Sequence[TreePath], expansions: Expansions) -> list[dict[str, float]]:
    """Words and weights of every node, in the order of `Tree`: leaves, then second levels."""
    seconds = dict.fromkeys(path[:2] for path in paths)
    words = [_name_words(name[-1]) for name in (*paths, *seconds)]
    place = {(first, f"{second}/{third}"): at for at, (first, second, third) in enumerate(paths)}
    place |= {pair: len(paths) + at for at, pair in enumerate(seconds)}
    for first, table in expansions.items():
        for key in table.keys() & {key for name, key in place if name == first}:
            words[place[first, key]] |= dict.fromkeys(map(read, table[key]), 1.0)
    return words


def _name_words(name: str) -> dict[str, float]:
    """Whole parts of a node's name weigh 1, two characters of one less; 其他 has none."""
    if name == OTHER:
        return {}
    parts = [part for part in _JOINT.split(read(name)) if len(part) > 1]
    pieces = {part[at : at + 2]: PIECE for part in parts for at in range(len(part) - 1)}
    return pieces | dict.fromkeys(parts, 1.0)
