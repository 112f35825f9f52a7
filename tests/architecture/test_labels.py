"""Every closed word, error, audit action, job, spider, remote step and figure has a Chinese label."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from core import errors, ports
from core.budget import KEPT_FOR
from core.errors import AppError
from core.models import words
from core.models.words import AlarmLevel, CaseState, CommentState, Decision, DeliveryState, Level
from dashboards.labels import ACTIONS, ERRORS, JOBS, SIGNS, SPIDERS, STEPS, WORDS
from dashboards.labels.figures import FIGURES
from dashboards.labels.jobs import ACTORS
from dashboards.labels.steps import CASE_EVENTS, PURPOSES
from publisher.channels import TABLE, channel_class
from scheduler import jobs

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "publisher", "monitors", "casework", "spiders", "scheduler", "dashboards", "portal", "app")
CHINESE = re.compile("[\u4e00-\u9fff]")
MADE = {"review.{decision}": Decision, "comment.{state}": CommentState, "case.{after.value}": CaseState}


def enums(module: object) -> list[type[StrEnum]]:
    return [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, StrEnum) and list(kind)]


@pytest.mark.parametrize("kind", [*enums(words), *enums(ports)], ids=lambda kind: kind.__name__)
def test_every_member_of_a_word_list_has_a_label_and_no_label_is_left_over(kind: type[StrEnum]) -> None:
    assert set(WORDS[kind.__name__]) == {member.value for member in kind}
    assert all(CHINESE.search(word) for word in WORDS[kind.__name__].values())


@pytest.mark.parametrize("kind", [DeliveryState, Level, AlarmLevel, CommentState, CaseState])
def test_every_state_that_is_shown_by_colour_has_a_sign_too(kind: type[StrEnum]) -> None:
    assert {member.value for member in kind} <= set(SIGNS)


def test_every_error_kind_says_what_happened_what_it_means_and_what_to_do() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AppError)]
    assert len(kinds) > 10
    for kind in kinds:
        text = ERRORS[kind.key]
        assert all(CHINESE.search(part) for part in (text.happened, text.means, text.remedy)), kind


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of a function or method of that name in the rooms' code."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if called == name:
                        yield node


def texts(node: ast.expr) -> set[str]:
    """The texts an expression can be: both sides of a conditional, and a pattern's members."""
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.JoinedStr):
        pattern = ast.unparse(node)[2:-1]
        return {re.sub(r"\{.*\}", member.value, pattern) for member in MADE[pattern]}
    return set()


def test_every_audit_action_in_the_code_has_a_label() -> None:
    found = {text for call in calls("record") if len(call.args) >= 3 for text in texts(call.args[2])}
    found = {text for text in found if "." in text}
    assert len(found) > 25
    assert found <= set(ACTIONS), found - set(ACTIONS)


def test_every_job_has_a_label() -> None:
    assert set(jobs.TABLE) <= set(JOBS)


def test_every_spider_has_a_label() -> None:
    found = set()
    for path in (ROOT / "spiders" / "sources").glob("*.py"):
        found |= set(re.findall(r'^    name = "([a-z_]+)"', path.read_text("utf-8"), re.MULTILINE))
    assert found
    assert found <= set(SPIDERS)


def test_every_remote_step_of_every_channel_has_a_label() -> None:
    for kind in TABLE:
        channel = channel_class(kind)
        assert channel.once_steps | channel.repeatable_steps <= set(STEPS), kind


def test_every_purpose_of_a_request_and_every_unpersonal_actor_has_a_label() -> None:
    assert set(KEPT_FOR) == set(PURPOSES)
    named = {text for call in calls("system") if call.args for text in texts(call.args[0])}
    assert named
    assert named <= set(ACTORS), named - set(ACTORS)


def test_every_event_of_a_case_has_a_label() -> None:
    assert {state.value for state in CaseState} <= set(CASE_EVENTS)


def test_every_figure_of_a_brief_has_a_name() -> None:
    named = {text for call in calls("Figure") if call.args for text in texts(call.args[0])}
    assert len(named) > 8
    assert named - {"standing_issues"} <= set(FIGURES), named - set(FIGURES)
