"""A hundred requests a day have to last until midnight."""

from __future__ import annotations

from spiders.paces import is_ordinary, requests_a_day, spread_s


def test_an_ordinary_weibo_account_reads_so_seldom_that_the_day_s_share_lasts() -> None:
    spiders = ("weibo_comments", "weibo_counts", "weibo_reposts")
    used = sum(86_400 / spread_s(spider, "weibo", {}, 240.0) for spider in spiders)
    assert used <= 60.001
    assert spread_s("weibo_comments", "weibo", {}, 240.0) < spread_s("weibo_counts", "weibo", {}, 240.0)


def test_a_commercial_account_keeps_the_installation_s_interval() -> None:
    assert spread_s("weibo_comments", "weibo", {"requests_a_day": 1_000_000}, 5.0) == 5.0
    assert not is_ordinary({"requests_a_day": "1000000"})
    assert is_ordinary({})


def test_our_own_site_has_no_limit() -> None:
    assert requests_a_day("website", {}) == 0
    assert spread_s("portal_comments", "website", {}, 5.0) == 5.0
