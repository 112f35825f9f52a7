"""Word-level comparison."""

from __future__ import annotations

from dashboards.diff import changed, compare

OLD = "市民政局将于十二月一日发放冬季补贴，请居民携带身份证办理。"
NEW = "市民政局将于十二月三日发放冬季取暖补贴，请居民携带身份证办理。"


def test_the_pieces_give_back_both_texts() -> None:
    pieces = compare(OLD, NEW)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == OLD
    assert "".join(piece.text for piece in pieces if piece.kind != "cut") == NEW
    assert changed(pieces)


def test_a_new_word_is_shown_as_added_and_nothing_else_of_its_sentence() -> None:
    added = "".join(piece.text for piece in compare(OLD, NEW) if piece.kind == "added")
    assert "取暖" in added
    assert "居民" not in added


def test_equal_texts_have_no_change() -> None:
    assert not changed(compare(OLD, OLD))
    assert compare("", "") == []
