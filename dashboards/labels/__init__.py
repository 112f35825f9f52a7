"""Chinese labels of every closed word, error, audit action and job. Text only; no page logic."""

from __future__ import annotations

from dashboards.labels.actions import ACTIONS
from dashboards.labels.errors import ERRORS, ErrorText
from dashboards.labels.figures import FIGURES, KEYS
from dashboards.labels.jobs import ACTORS, JOBS, SPIDERS
from dashboards.labels.signs import NONE, SIGNS, Sign
from dashboards.labels.steps import CASE_EVENTS, DETAILS, PURPOSES, STEPS, SUBJECTS
from dashboards.labels.words import WORDS

__all__ = ["ACTIONS", "ERRORS", "JOBS", "NONE", "SIGNS", "SPIDERS", "STEPS", "WORDS", "ErrorText", "Sign", "label"]

_OTHERS: dict[str, dict[str, str]] = {
    "action": ACTIONS,
    "actor": ACTORS,
    "case_event": CASE_EVENTS,
    "detail": DETAILS,
    "figure": FIGURES,
    "figure_key": KEYS,
    "job": JOBS,
    "purpose": PURPOSES,
    "spider": SPIDERS,
    "step": STEPS,
    "subject": SUBJECTS,
}


def label(kind: str, value: str | None) -> str:
    """The Chinese word for `value` of a word list: a class of core.models.words by name, or `action`, `job`, `step`, …

    An unknown value is shown as it is, so that a page never hides what the database holds.
    """
    if value is None or value == "":
        return "—"
    words = WORDS.get(kind) or _OTHERS[kind]
    return words.get(str(value), str(value))
