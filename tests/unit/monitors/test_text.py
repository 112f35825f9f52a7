"""Reading social text: own words, terms, junk and copies."""

from __future__ import annotations

import pytest

from monitors import text as reading


@pytest.mark.parametrize(
    ("raw", "own"),
    [
        ("好事//@李四:转发微博", "好事"),
        ("//@李四:停水了", ""),
        ("回复@张三:水费太贵", "水费太贵"),
        ("回覆 @wang_5 水费太贵", "水费太贵"),
        ("请@李四 看看", "请@李四 看看"),
        (None, ""),
    ],
)
def test_own_words_leave_quoted_chains_and_the_addressee_out(raw: str | None, own: str) -> None:
    assert reading.own_words(raw) == own


def test_links_and_names_go_and_emoticons_stay() -> None:
    assert reading.clean("看 http://t.cn/RqX5 @示例市发布 [怒] #停水# https://a.cn/b?c=1&d=2。") == "看 [怒] #停水# 。"
    assert reading.clean("http: //t.cn/zO1 停水") == "停水"


def test_terms_are_distinct_words_that_can_name_a_topic() -> None:
    terms = reading.terms_of("我们小区停车位太少，停车位被占，请问相关部门什么时候处理？转发微博[怒]12345 的")
    assert "停车位" in terms
    assert "小区" in terms
    assert len(set(terms)) == len(terms)
    assert not {"我们", "相关部门", "什么", "处理", "转发微博", "怒", "12345", "的", "请问"} & set(terms)


def test_the_offices_own_words_are_never_cut_apart() -> None:
    assert "青禾苑东门取水点" not in reading.terms_of("青禾苑东门取水点没有水")
    reading.use_words(["青禾苑东门取水点", " ", "水"])
    assert "青禾苑东门取水点" in reading.terms_of("青禾苑东门取水点没有水")


@pytest.mark.parametrize("junk", ["转发微博", "[怒][怒]", "😡", "哈哈哈哈哈哈哈", "顶！！！", "123456"])
def test_filler_emoticons_and_cheers_are_junk(junk: str) -> None:
    assert reading.is_junk(reading.clean(junk))


def test_a_sentence_is_not_junk() -> None:
    assert not reading.is_junk("自来水又黄了")


def test_copies_have_one_print_and_different_texts_do_not() -> None:
    assert reading.print_of("停水了！！！ http://t.cn/a") == reading.print_of("回复@某:停水了。。[怒]")
    assert reading.print_of("停水了") != reading.print_of("停电了")


def test_clauses_are_cut_at_punctuation_and_trimmed() -> None:
    assert reading.clauses("停水三天，没人管！！真的……@某局 “请解释”[怒]") == ["停水三天", "没人管", "真的", "请解释"]
