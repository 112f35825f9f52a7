"""Dates that cannot be meant: days that do not exist, weekdays that do not fit, years far ahead."""

from __future__ import annotations

import re
from datetime import date, timedelta

from core.ports import Problem, Severity

FULL = re.compile(r"(?<!\d)(\d{4})年(\d{1,2})月(\d{1,2})日(?:[（(]?(?:星期|周)([一二三四五六日天])[）)]?)?")
SHORT = re.compile(r"(?<![\d年])(\d{1,2})月(\d{1,2})日")
WEEKDAYS = "一二三四五六日"
LEAP_YEAR = 2024  # a day without a year may be 29 February
FAR_DAYS = 3660


def check(text: str, today: date) -> list[Problem]:
    """Problems of the dates in the text against the calendar; `today` is the Shanghai day."""
    problems = [problem for match in FULL.finditer(text) if (problem := _judge(match, today))]
    for month, day in SHORT.findall(text):
        if _day(LEAP_YEAR, int(month), int(day)) is None:
            problems.append(Problem("body", f"“{month}月{day}日”不存在，请核对日期。", code="date_impossible"))
    return problems


def _judge(match: re.Match[str], today: date) -> Problem | None:
    year, month, day, weekday = match.groups()
    shown = f"{year}年{month}月{day}日"
    found = _day(int(year), int(month), int(day))
    if found is None:
        return Problem("body", f"“{shown}”不存在，请核对日期。", code="date_impossible")
    real = WEEKDAYS[found.weekday()]
    if weekday and weekday.replace("天", "日") != real:
        text = f"“{shown}”是星期{real}，文中写的是星期{weekday}，请核对。"
        return Problem("body", text, Severity.CONFIRM, "weekday_wrong")
    if found > today + timedelta(days=FAR_DAYS):
        return Problem("body", f"“{shown}”在十年以后，请核对年份。", Severity.WARN, "date_far")
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
