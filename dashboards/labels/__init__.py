"""Chinese labels of every closed word, error, audit action and job. Text only; no page logic."""

from __future__ import annotations

from dashboards.labels.actions import ACTIONS
from dashboards.labels.errors import ERRORS, ErrorText
from dashboards.labels.jobs import JOBS, SPIDERS
from dashboards.labels.signs import SIGNS, Sign
from dashboards.labels.steps import CODES, STEPS
from dashboards.labels.words import WORDS

__all__ = ["ACTIONS", "CODES", "ERRORS", "JOBS", "SIGNS", "SPIDERS", "STEPS", "WORDS", "ErrorText", "Sign", "label"]


def label(kind: str, value: str | None) -> str:
    """The Chinese word for `value` of the word list `kind` (class name in core.models.words, or `action`, `job`, …).

    An unknown value is shown as it is, so that a page never hides what the database holds.
    """
    if value is None or value == "":
        return "—"
    return WORDS.get(kind, {}).get(str(value)) or _OTHERS.get(kind, {}).get(str(value), str(value))


_OTHERS: dict[str, dict[str, str]] = {"action": ACTIONS, "job": JOBS, "spider": SPIDERS, "step": STEPS, "code": CODES}
