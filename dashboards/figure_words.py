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
        value = value.get("states", value)
        found = []
        for key, each in value.items():
            shown = each.get("now") if isinstance(each, dict) and "now" in each else each
            if isinstance(shown, int | float) and (shown or key in {"mentions", "raised", "open"}):
                found.append((word(key), number(shown)))
        return found
    return [("", number(value))] if isinstance(value, int | float) else []


def word(key: str) -> str:
    """The Chinese name of a key inside a figure's value, or the key itself."""
    return KEYS.get(key, key)


def table(value: Any) -> tuple[list[str], list[list[str]]]:
    """The value as column heads and rows, whatever its form."""
    if isinstance(value, list):
        return _list_table(value)
    return _dict_table(value) if isinstance(value, dict) else (["数"], [[cell(value)]])


def _list_table(values: list[Any]) -> tuple[list[str], list[list[str]]]:
    if not values or not isinstance(values[0], dict):
        return ["内容"], [[cell(each)] for each in values]
    keys = list(values[0])
    return [word(key) for key in keys], [[cell(each[key]) for key in keys] for each in values]


def _dict_table(value: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Entries of one form make columns (now, before, total); others are told in one cell each."""
    forms = {tuple(each) if isinstance(each, dict) else None for each in value.values()}
    keys = forms.pop() if len(forms) == 1 else None
    if keys is None:
        return ["项", "数"], [[word(name), cell(each)] for name, each in value.items()]
    rows = [[word(name), *(cell(each[key]) for key in keys)] for name, each in value.items()]
    return ["", *(word(key) for key in keys)], rows


def cell(value: Any) -> str:
    """One value in words."""
    if value is None:
        return "未知"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, dict):
        return "，".join(f"{word(name)} {cell(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "、".join(cell(each) for each in value)
    text = str(value)
    return KEYS[text] if text in KEYS else _instant(text)


def _instant(text: str) -> str:
    """An ISO instant in Shanghai time; other text as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return full_time(at)[:16] if at.tzinfo else text
