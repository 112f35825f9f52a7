"""Hashed character grams: the same features alone and in a batch, none across two texts, none twice."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.text.grams import grams, read

BITS = 18
TEXTS = ["供水恢复了", "", "停水三天没人管", "供水恢复了！"]


def row(texts: list[str], at: int) -> set[int]:
    found = grams(texts, BITS)
    return set(found.indices[found.bounds[at] : found.bounds[at + 1]].tolist())


@pytest.mark.parametrize("at", range(len(TEXTS)))
def test_a_text_has_the_same_features_alone_and_among_others(at: int) -> None:
    assert row(TEXTS, at) == row([TEXTS[at]], 0)


def test_features_are_distinct_ascending_and_within_the_table() -> None:
    found = grams(["哈哈哈哈哈哈"], BITS)
    assert (np.diff(found.indices) > 0).all()
    assert found.indices.max() < 2**BITS
    assert len(found) == 1


def test_order_of_words_and_both_ends_count() -> None:
    assert row(["不好"], 0) != row(["好不"], 0)
    assert row(["好"], 0) - row(["好的"], 0)


def test_a_gram_keeps_its_bucket_whatever_other_orders_are_asked_for() -> None:
    pairs = set(grams(["停水三天"], BITS, (2,)).indices.tolist())
    assert pairs < set(grams(["停水三天"], BITS).indices.tolist())
    assert len(pairs) == len("停水三天") + 1


def test_a_text_cut_into_words_is_joined_again_and_a_plain_space_stays() -> None:
    assert read("停水 三天 没人 管") == "停水三天没人管"
    assert read("停水三天了吧 没人管这件事") == "停水三天了吧 没人管这件事"


def test_no_text_at_all_gives_no_rows() -> None:
    assert (len(grams([], BITS)), len(grams([""], BITS))) == (0, 1)


def test_reading_folds_width_case_numbers_links_and_names() -> None:
    assert read("ＡＢＣ１２３４ http://t.cn/abc @张三 很好") == "abc0 很好"
    assert read("电话13800001111") == read("电话 13900002222".replace(" ", ""))
    assert read(None) == ""
