"""Every sentiment engine by the name the command line takes; none is loaded before it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from core.ports import Scorer
from monitors.sentiment import SnowScorer
from monitors.sentiment.linear import LinearScorer


def _fast() -> Scorer:
    return LinearScorer(quick=True)


def _retrained() -> Scorer:
    from monitors.sentiment.retrained import retrained_scorer

    return retrained_scorer()


def _second() -> Scorer:
    from monitors.sentiment.second import default_second

    return default_second()


OPTIONAL = frozenset({"second"})
"""Engines that need a package which does not come with the product; they raise NotConfigured without it."""

ENGINES: dict[str, Callable[[], Scorer]] = {
    "default": LinearScorer,
    "fast": _fast,
    "second": _second,
    "snownlp": SnowScorer,
    "snownlp-retrained": _retrained,
}
