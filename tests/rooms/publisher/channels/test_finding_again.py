"""Finding a lost post or article again: rewritten links, earlier rounds, stale lists; and which drafts are orphans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.http import Request
from core.models import Account, Article, Delivery, Payload
from publisher.channels import open_channel
from publisher.delivery import publish_again, withdraw
from publisher.wire import mark_of, marked_copy
from tests.rooms.publisher.ledger.scripted import LOST, START, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path / "home")
    yield opened
    opened.close()


def post(number: int, after: timedelta, text: str = "x", link: str = "") -> dict[str, Any]:
    at = (START + after).strftime("%a %b %d %H:%M:%S +0000 %Y")
    links = [{"url_long": link}] if link else []
    return {"idstr": str(number), "id": number, "text": text, "created_at": at, "url_objects": links}


def words_and_link(desk: Desk) -> tuple[str, str]:
    with desk.db.read() as session:
        template = session.scalars(select(Payload.template)).one()
        return template["status"], session.scalars(select(Article.canonical_link)).one()


def test_a_lost_share_is_found_by_its_text_when_weibo_has_rewritten_the_link(desk: Desk) -> None:
    desk.door.on["statuses/share"] = LOST
    row = desk.planned(desk.weibo())
    desk.deliver()
    words, link = words_and_link(desk)
    ours = post(11, timedelta(seconds=1), words, link.replace("http://", "https://") + "?from=timeline")
    desk.door.on["user_timeline"] = {"statuses": [ours, post(3, timedelta(days=-1))], "total_number": 40}
    desk.look(60, 60)
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "11")


def second_round(desk: Desk) -> int:
    """A lost share of round 2, half a minute after round 1 was published and withdrawn."""
    desk.door.on |= {
        "statuses/share": {"idstr": "5000000001"},
        "statuses/destroy": {"idstr": "5000000001"},
        "statuses/show": {"error_code": 20101, "error": "no"},
    }
    first = desk.planned(desk.weibo())
    desk.deliver()
    with desk.db.write() as session:
        withdraw(session, desk.publisher, desk.copy(first).article_id, "有误", desk.clock.now())
    desk.clock.advance(1)
    desk.deliver()
    assert desk.copy(first).state == "withdrawn"
    desk.clock.advance(30)
    desk.door.on["statuses/share"] = LOST
    row = desk.act(publish_again, desk.copy(first).id, "再发")
    desk.deliver()
    return row


def test_a_second_round_is_not_confirmed_by_the_first_rounds_post_in_a_stale_list(desk: Desk) -> None:
    row = second_round(desk)
    words, link = words_and_link(desk)
    desk.door.on["user_timeline"] = {"statuses": [post(5000000001, timedelta(0), words, link)], "total_number": 1}
    desk.look(60, 200, 200, 200)
    assert desk.copy(row).remote_id == ""
    assert desk.state(row) == "unknown"  # a list that still shows what was deleted before proves no absence either


def test_a_second_round_is_found_beside_the_first_rounds_post(desk: Desk) -> None:
    row = second_round(desk)
    words, link = words_and_link(desk)
    posts = [post(5000000002, timedelta(seconds=32), words, link), post(5000000001, timedelta(0), words, link)]
    desk.door.on["user_timeline"] = {"statuses": posts, "total_number": 2}
    desk.look(60)
    assert (desk.state(row), desk.copy(row).remote_id) == ("confirmed", "5000000002")


def test_a_mark_names_a_copy_only_by_the_whole_link_and_on_its_own_account(desk: Desk) -> None:
    account = desk.wechat()
    row = desk.planned(account, due_in=timedelta(hours=5))
    copy = desk.copy(row)
    with desk.db.read() as session:
        link = session.get_one(Article, copy.article_id).canonical_link
        assert marked_copy(session, account, mark_of(link, copy.id)) == copy.id
        assert marked_copy(session, account + 1, mark_of(link, copy.id)) is None
        assert marked_copy(session, account, mark_of("https://other.example.gov.cn/list", copy.id)) is None
        for foreign in ("", link, f"{link}?c=", mark_of(link, copy.id) + "&x=1", mark_of(link, copy.id + 1)):
            assert marked_copy(session, account, foreign) is None


@pytest.mark.parametrize(
    ("state", "deleted"),
    [
        ("planned", 0),
        ("held", 0),
        ("unknown", 0),
        ("refused", 0),
        ("confirmed", 1),
        ("cancelled", 1),
        ("superseded", 1),
    ],
)
def test_a_draft_is_deleted_only_when_nothing_may_need_it_any_more(desk: Desk, state: str, deleted: int) -> None:
    account = desk.wechat()
    row = desk.planned(account, due_in=timedelta(hours=5))
    copy = desk.copy(row)
    with desk.db.write() as session:
        delivery = session.get_one(Delivery, row)
        delivery.state, link = state, session.get_one(Article, copy.article_id).canonical_link
    marks = [mark_of(link, copy.id), "", "https://other.example.gov.cn/a?c=1", mark_of(link, copy.id + 1)]
    numbers = count(1)
    drafts = [{"media_id": f"m{next(numbers)}", "content": {"news_item": [{"content_source_url": m}]}} for m in marks]
    asked: list[str] = []

    def delete(request: Request) -> dict[str, int]:
        asked.append(request.json["media_id"])
        return {"errcode": 0}

    desk.door.on |= {
        "draft/batchget": {"item": drafts, "total_count": len(drafts)},
        "draft/delete": delete,
    }
    with desk.db.read() as session:
        channel = open_channel(desk.house, session.get_one(Account, account))
    assert channel.tend() == deleted
    assert asked == ["m1"] * deleted
