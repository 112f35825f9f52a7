"""How numbers and times read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboards import formats

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1204, "1\u202f204"),
        (12_000, "1.2\u202f万"),
        (0.256, "0.26"),
        (None, "—"),
        (-12_340_000, "-1\u202f234.0\u202f万"),
    ],
)
def test_numbers_have_thousands_and_wan(value: float | None, text: str) -> None:
    assert formats.number(value) == text


def test_a_ratio_names_its_base_and_is_no_ratio_without_one() -> None:
    assert formats.share(87, 100) == "87\u202f%，基数 100"
    assert formats.share(3, 0) == "—，基数 0"


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0, "今天 12:00"),
        (-12, "今天 00:00"),
        (-13, "昨天 23:00"),
        (13, "明天 01:00"),
        (-48, "2026-11-22"),
        (72, "2026-11-27 12:00"),
    ],
)
def test_near_times_are_told_by_day_name_in_shanghai(hours: int, text: str) -> None:
    assert formats.short_time(NOON + timedelta(hours=hours), NOON) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 秒"), (720, "12 分"), (11_520, "3 小时 12 分"), (7200, "2 小时"), (183_600, "2 天 3 小时")],
)
def test_spans_are_told_in_two_units(seconds: int, text: str) -> None:
    assert formats.span(seconds) == text


def test_a_form_time_is_shanghai_wall_time() -> None:
    assert formats.form_time(NOON) == "2026-11-24T12:00"


def test_stored_html_loses_scripts_and_handlers_and_keeps_its_pictures() -> None:
    html = '<p onclick="x()">甲<script>alert(1)</script></p><img src="media:ab" alt="图" onerror="x()">'
    safe = str(formats.safe_html(html))
    assert "script" not in safe
    assert "onclick" not in safe
    assert "onerror" not in safe
    assert 'src="/media/ab"' in safe


def test_change_is_told_with_sign_and_word() -> None:
    assert formats.change(12, 10) == "比前期增加 2"
    assert formats.change(8, 10) == "比前期减少 2"
    assert formats.change(10, 10) == "与前期持平"
    assert formats.change(10, None) == "前期无数据"
