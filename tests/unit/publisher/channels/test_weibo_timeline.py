"""Which post of a timeline is the one we shared, and what proves that it is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import OutcomeUnknown
from publisher.channels.weibo.timeline import Sought

SINCE = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LINK = "http://www.example.gov.cn/articles/7.html"
STATUS = f"【停水通告】今晚停水检修。 {LINK}"
SOUGHT = Sought(LINK, STATUS, SINCE)


def post(number: int = 9, after_s: float = 1, text: str = "别的话", *links: str, **more: Any) -> dict[str, Any]:
    at = (SINCE + timedelta(seconds=after_s)).strftime("%a %b %d %H:%M:%S +0000 %Y")
    return {
        "idstr": str(number),
        "text": text,
        "created_at": at,
        "url_objects": [{"url_long": u} for u in links],
        **more,
    }


@pytest.mark.parametrize(
    "listed",
    [
        post(9, 1, "Weibo cut this text", LINK),
        post(9, 1, "【停水通告】 今晚停水检修。 http://t.cn/A6abc"),
        post(9, 1, "【停水通告】今晚停水检修。 http://t.cn/A6abc", LINK.replace("http:", "https:")),
        post(9, 1, "【停水通告】今晚停水检修。 http://t.cn/A6abc", f"{LINK}?from=weibo&wm=3"),
        post(9, 1, "【停水通告】今晚停水检修。 http://t.cn/A6abc", "https://weibo.cn/sinaurl?u=abc"),
        post(9, -119, "别的话", LINK),
        {**post(9, 1, "别的话", LINK), "idstr": None, "id": 9},
    ],
    ids=["link", "text", "https", "parameters", "redirect", "clock behind", "number only"],
)
def test_a_post_with_our_link_or_our_text_is_ours(listed: dict[str, Any]) -> None:
    assert SOUGHT.among([post(8), listed]) == "9"


@pytest.mark.parametrize(
    "listed",
    [
        post(9, 1, "别人的话", "http://elsewhere.example.cn/a/1.html"),
        post(9, 1, "别人的话"),
        post(9, 1, STATUS, "http://www.example.gov.cn/articles/8.html"),
        post(9, -121, STATUS, LINK),
        post(9, 1, STATUS, LINK, deleted="1"),
    ],
    ids=["foreign", "no link", "another article of ours with the same words", "long before", "deleted"],
)
def test_any_other_post_is_not_ours(listed: dict[str, Any]) -> None:
    assert SOUGHT.among([listed]) is None


def test_a_post_of_an_earlier_round_is_not_taken_for_this_one() -> None:
    again = replace(SOUGHT, earlier=("9",))
    assert again.among([post(9, -30, STATUS, LINK)]) is None
    assert again.among([post(9, -30, STATUS, LINK), post(10, 1, STATUS, LINK)]) == "10"


def test_a_post_with_our_link_goes_before_one_with_only_our_text() -> None:
    assert SOUGHT.among([post(10, 2, STATUS), post(9, 1, "别的话", LINK)]) == "9"


def test_a_text_of_links_and_topics_alone_recognises_nothing() -> None:
    bare = replace(SOUGHT, status=f"#停水# {LINK}")
    assert bare.among([post(9, 1, "#别的# http://t.cn/A6abc")]) is None


def test_an_accepted_post_is_sought_later_by_what_its_receipt_kept() -> None:
    kept = replace(SOUGHT, earlier=("9",)).keep()
    assert Sought.recall(kept) == replace(SOUGHT, earlier=("9",))
    before_rounds = {name: value for name, value in kept.items() if name != "earlier"}
    assert Sought.recall(before_rounds) == SOUGHT


def test_posts_reach_back_when_one_is_surely_older_than_the_share_or_known_from_before() -> None:
    assert not SOUGHT.reached_by([], 1)
    assert not SOUGHT.reached_by([post(9, -100)], 1)
    assert SOUGHT.reached_by([post(9, -121), post(10, 5)], 1)
    assert replace(SOUGHT, earlier=("9",)).reached_by([post(9, -5), post(10, 5)], 1)


def test_whole_seconds_are_allowed_for_however_fast_time_runs() -> None:
    assert not SOUGHT.reached_by([post(9, -1)], 1_000)
    assert SOUGHT.reached_by([post(9, -2)], 1_000)


def test_a_post_without_a_number_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        SOUGHT.among([{**post(), "idstr": "", "id": None}])
