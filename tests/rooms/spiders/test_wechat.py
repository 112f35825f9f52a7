"""WeChat comments: re-read whole each time, counted once, with a token fetched, shared and renewed."""

from __future__ import annotations

import pytest

from core.models import Account
from tests.rooms.spiders.office import Office


def play(office: Office, message: str, numbers: range) -> None:
    """Comments whose words are their numbers."""
    events = [{"kind": "comment", "author": f"网友{n}", "text": f"第{n}条", "ref": str(n)} for n in numbers]
    office.platform.play("wechat", message, *events)


@pytest.fixture
def article(office: Office) -> tuple[Office, str, int]:
    """(office, msg_data_id, copy id) of a published article."""
    office.open_wechat()
    copy_id, message = office.post_wechat()
    return office, message, copy_id


def test_every_comment_comes_in_once_over_page_borders(article: tuple[Office, str, int]) -> None:
    office, message, copy_id = article
    play(office, message, range(100))
    run = office.crawl("wechat_comments")
    assert (run.state, run.added, run.requests) == ("done", 100, 4), "49, 49, 2 and the empty page"
    play(office, message, range(100, 103))
    assert office.crawl("wechat_comments").added == 3
    held = office.mentions()
    assert sorted(row.text for row in held) == sorted(f"第{n}条" for n in range(103))
    assert {row.copy_id for row in held} == {copy_id}


def test_a_comment_its_writer_took_back_is_marked(article: tuple[Office, str, int]) -> None:
    office, message, _copy = article
    play(office, message, range(3))
    office.crawl("wechat_comments")
    office.platform.play("wechat", message, {"kind": "delete", "parent": "1"})
    office.crawl("wechat_comments")
    assert {row.text for row in office.mentions() if row.deleted_at} == {"第1条"}


def test_a_token_that_died_early_is_renewed_once_and_the_run_goes_on(article: tuple[Office, str, int]) -> None:
    office, message, _copy = article
    play(office, message, range(2))
    office.crawl("wechat_comments")
    office.platform.call("/control/tokens/kill", {"platform": "wechat", "account": office.names["wechat"]})
    play(office, message, range(2, 4))
    run = office.crawl("wechat_comments")
    assert (run.state, run.added) == ("done", 2)
    assert office.house.tokens.flagged(office.accounts["wechat"]) == ""


def test_an_account_without_comment_privilege_fails_with_the_reason_and_asks_nothing_else(office: Office) -> None:
    office.open_wechat(may_comment=False)
    office.add_copy("wechat", "article-1", msg_data_id=2650177668)
    office.add_copy("wechat", "article-2", msg_data_id=2650177669)
    run = office.crawl("wechat_comments")
    assert run.state == "failed"
    assert "88000" in run.note
    assert len(office.platform.calls("comment/list", office.names["wechat"])) == 1


def test_a_wrong_secret_is_told_and_counted_as_a_failure(office: Office) -> None:
    office.open_wechat()
    office.add_copy("wechat", "article-1", msg_data_id=2650177668)
    with office.house.db.write() as session:
        account = session.get_one(Account, office.accounts["wechat"])
        account.secret = office.house.vault.encrypt_json({"secret": "wrong"})
    run = office.crawl("wechat_comments")
    assert run.state == "failed"
    assert "取不到微信凭据" in run.note
    assert office.source("wechat_comments").failures == 1
