"""A stored figure as words: the numbers a chip shows, and the whole value as a table. Computes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dashboards.formats import full_time, number
from dashboards.labels.figures import KEYS


def chips(value: Any) -> list[tuple[str, str]]:
    """The numbers worth a glance as (word, number): filled entries of a count by key, or how long a list is."""
    if isinstance(value, list):
        return [("", number(len(value)))]
    if isinstance(value, dict):
        found = []
        for key, each in value.items():
            shown = each.get("now") if isinstance(each, dict) and "now" in each else each
            if isinstance(shown, int | float) and (shown or key in {"mentions", "raised", "open"}):
                found.append((KEYS.get(key, key), number(shown)))
        return found
    return [("", number(value))] if isinstance(value, int | float) else []


def table(value: Any) -> tuple[list[str], list[list[str]]]:
    """The value as column heads and rows, whatever its form."""
    if isinstance(value, list):
        keys = list(value[0]) if value and isinstance(value[0], dict) else []
        heads = [KEYS.get(key, key) for key in keys] or ["内容"]
        return heads, [[cell(row[key]) for key in keys] if keys else [cell(row)] for row in value]
    if isinstance(value, dict):
        inner = [each for each in value.values() if isinstance(each, dict)]
        keys = list(inner[0]) if inner else []
        if inner and all(list(each) == keys for each in inner) and len(inner) == len(value):
            rows = [[KEYS.get(name, name), *(cell(each[key]) for key in keys)] for name, each in value.items()]
            return ["", *(KEYS.get(key, key) for key in keys)], rows
        return ["项", "数"], [[KEYS.get(name, name), cell(each)] for name, each in value.items()]
    return ["数"], [[cell(value)]]


def cell(value: Any) -> str:
    """One value in words."""
    if value is None:
        return "未知"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, dict):
        return "，".join(f"{KEYS.get(name, name)} {cell(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "、".join(cell(each) for each in value)
    return KEYS.get(value, _instant(value)) if isinstance(value, str) else str(value)


def _instant(text: str) -> str:
    """An ISO instant in Shanghai time; other text as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return full_time(at)[:16] if at.tzinfo else text
