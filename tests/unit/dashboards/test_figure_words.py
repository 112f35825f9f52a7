"""A stored figure in words."""

from __future__ import annotations

from dashboards.figure_words import cell, chips, table


def test_the_numbers_of_a_split_are_told_by_word_and_empty_parts_are_left_out() -> None:
    assert chips({"positive": 3, "negative": 12_000, "no_text": 0}) == [("正面", "3"), ("负面", "1.2\u202f万")]


def test_a_list_is_told_by_its_length_and_states_by_state() -> None:
    assert chips([{"title": "甲"}, {"title": "乙"}]) == [("", "2")]
    assert chips({"states": {"confirmed": 2, "held": 0}, "channels": {}}) == [("已确认", "2")]


def test_entries_of_one_form_become_columns() -> None:
    heads, rows = table({"likes": {"now": 5, "before": 2}, "reads": {"now": None, "before": 1}})
    assert heads == ["", "本期", "前期"]
    assert rows == [["点赞", "5", "2"], ["阅读", "未知", "1"]]


def test_rows_keep_their_keys_and_instants_are_shown_in_shanghai() -> None:
    heads, rows = table([{"source": "微博评论", "since": "2026-11-24T04:00:00+00:00"}])
    assert heads == ["信源", "从"]
    assert rows == [["微博评论", "2026-11-24 12:00"]]
    assert table([]) == (["内容"], [])
    assert cell("2026-11-24") == "2026-11-24"
