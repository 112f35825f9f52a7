"""The words made for Weibo: what fits stays whole, what does not is cut where it just fits, however long it is."""

from __future__ import annotations

import pytest

from publisher.channels.weibo.wording import MOST, compose, measure

LINK = "http://www.example.gov.cn/articles/7.html"
WORDS = [
    "停" * 500,
    "water supply " * 60,
    "停水a" * 200,
    f"详见 https://www.example.gov.cn/{'a' * 200} 的通告，" + "请转告。" * 60,
]


def test_words_that_fit_stay_whole() -> None:
    assert compose("停水通告", "今晚停水。", LINK) == f"【停水通告】今晚停水。 {LINK}"


@pytest.mark.parametrize("summary", WORDS, ids=["chinese", "ascii", "mixed", "with a link"])
def test_words_are_cut_where_one_more_sign_would_not_fit(summary: str) -> None:
    text = compose("停水通告", summary, LINK)
    words, _, link = text.rpartition("… ")
    whole = f"【停水通告】{summary}"
    assert link == LINK
    assert whole.startswith(words)
    assert measure(text) <= MOST < measure(f"{whole[: len(words) + 1]}… {LINK}")


def test_a_very_long_title_is_cut_too() -> None:
    text = compose("超" * 20_000, "超" * 20_000, LINK)
    assert measure(text) == MOST
    assert text.endswith(f"… {LINK}")
