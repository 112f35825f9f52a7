"""What an old round, an old version or an old refusal can still do when the platform shows it after all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.errors import TransitionNotAllowed
from core.models import Delivery, FeedEntry
from core.ports import Receipt
from publisher.delivery import resume_held
from tests.rooms.publisher.ledger.scripted import LOST, Desk
from tests.rooms.publisher.ledger.test_attacks import (
    FIRST,
    SECOND,
    SUBMITS,
    accepted_submit,
    again,
    go_on,
    hear_event,
    lost_share,
    refused_after_lost,
    say_absent,
)


@pytest.mark.parametrize("kind", ["website", "client"])
def test_a_page_of_an_old_round_written_late_takes_no_newer_round_down_and_is_told(desk: Desk, kind: str) -> None:
    account = desk.website() if kind == "website" else desk.office.account("client", "客户端", {}, {})
    article = desk.article(account)
    [row] = desk.plan(article)
    desk.deliver()
    desk.withdraw(article)
    desk.deliver()
    newer = again(desk, row)
    desk.deliver()
    desk.hear(row, "late_call", Receipt("confirmed", desk.copy(newer).remote_id))
    go_on(desk)
    assert (desk.copy(row).state, desk.copy(newer).state) == ("withdrawn", "live")
    assert "late_live" in desk.alarms()
    if kind == "website":
        assert (desk.house.settings.site_path / "articles" / f"{article}.html").exists()
    else:
        with desk.db.read() as session:
            assert session.scalars(select(FeedEntry.removed_at)).one() is None


def test_a_new_round_is_not_resumed_beside_an_old_one_that_came_live(desk: Desk) -> None:
    row = refused_after_lost(desk)
    newer = again(desk, row)
    desk.hear(row, "late_call", Receipt("confirmed", FIRST))
    assert desk.state(newer) == "held"
    with pytest.raises(TransitionNotAllowed, match="已有一条在线"):
        desk.act(resume_held, newer)


def test_a_new_version_is_not_resumed_beside_an_old_one_that_came_live(desk: Desk) -> None:
    row = lost_share(desk)
    say_absent(desk, row)
    article = desk.row(row).article_id
    desk.revise(article, [desk.row(row).account_id], "改过的标题")
    [newer] = desk.plan(article, late_policy="send")
    desk.hear(row, "late_call", Receipt("confirmed", FIRST))
    assert (desk.state(row), desk.state(newer)) == ("superseded", "held")
    with pytest.raises(TransitionNotAllowed, match="已有一条在线"):
        desk.act(resume_held, newer)


def test_the_alarm_of_a_refusal_ends_when_the_article_is_live_after_all(desk: Desk) -> None:
    row = accepted_submit(desk)
    desk.door.on["freepublish/get"] = {"publish_id": "1", "publish_status": 4}
    desk.look(*[60] * 5)
    assert (desk.state(row), desk.alarms()) == ("refused", {"refused"})
    live = {"publish_id": "1", "publish_status": 0, "article_id": "A1"}
    hear_event(desk, row, "one", {**live, "article_detail": {"item": [{"article_url": "http://w/?mid=1"}]}})
    assert (desk.copy(row).state, desk.alarms()) == ("live", set())


def listed(desk: Desk, row: int, *articles: tuple[str, bool]) -> dict[str, Any]:
    """WeChat's list with these articles (id, deleted) under the mark of the row's copy."""
    with desk.db.read() as session:
        delivery = session.get_one(Delivery, row)
        mark = f"{delivery.article.canonical_link}?c={delivery.copy_id}"
    at = int(desk.clock.now().timestamp())
    items = [
        {"article_id": number, "update_time": at,
         "content": {"news_item": [{"content_source_url": mark, "url": "http://w/1", "is_deleted": deleted}]}}
        for number, deleted in articles
    ]  # fmt: skip
    return {"batchget": {"total_count": len(items), "item": items}}


def lost_submit(desk: Desk) -> int:
    account = desk.wechat()
    desk.door.on |= SUBMITS | {"freepublish/submit": LOST}
    [row] = desk.plan(desk.article(account), late_policy="send")
    desk.deliver()
    assert desk.state(row) == "unknown"
    return row


def test_an_article_that_is_listed_as_deleted_is_not_live_and_is_told(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.door.on |= listed(desk, row, ("A1", True))
    desk.look(600, 600)
    assert (desk.state(row), desk.copy(row).state, "gone" in desk.alarms()) == ("confirmed", "gone", True)


def test_two_articles_with_our_mark_are_a_duplicate(desk: Desk) -> None:
    row = lost_submit(desk)
    desk.door.on |= listed(desk, row, ("A2", False), ("A0", True), ("A1", False))
    desk.look(600, 600)
    assert (desk.copy(row).remote_id, desk.duty().duplicates, "duplicate" in desk.alarms()) == ("A2", 1, True)


def test_a_refused_call_of_a_new_version_does_not_hide_the_old_ones_post(desk: Desk) -> None:
    row = refused_after_lost(desk)
    desk.hear(row, "late_call", Receipt("confirmed", FIRST))
    desk.hear(row, "late_call", Receipt("confirmed", SECOND))
    assert (desk.state(row), desk.copy(row).remote_id, "duplicate" in desk.alarms()) == ("confirmed", FIRST, True)
