"""One article submitted to the four real channels: what is stored is what each of them will prove before it sends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from core.audit import Actor
from core.errors import CheckFailed
from core.house import House
from core.models import Account, Payload
from publisher import accounts, authoring
from publisher.channels.weibo.wording import measure
from publisher.wire import digest_of, slots_of
from tests.rooms.publisher.authoring.desk import Desk, open_desk


@pytest.fixture
def real_desk(house: House, people: Callable[..., Actor]) -> Desk:
    """A desk whose four accounts use the channels of the product."""
    desk = open_desk(house, people)
    admin, vault, now = desk.actor("administrator"), house.vault, house.clock.now()
    kinds = {
        "weibo": ({"uid": "1", "client_id": "2"}, {"access_token": "t"}),
        "wechat": ({"appid": "wx1"}, {"secret": "s", "callback_token": "c"}),
        "client": ({"app_key": "k", "audience": "all", "push": True}, {"master_secret": "m"}),
    }
    with house.db.write() as session:
        rows = [
            accounts.create_account(session, admin, kind, accounts.Entry(f"真实{kind}", settings, secret), vault, now)
            for kind, (settings, secret) in kinds.items()
        ]
        desk.accounts = [desk.accounts[0], *(row.id for row in rows)]  # the site has its one account already
    return desk


def article(desk: Desk, content: bytes) -> int:
    with desk.house.db.write() as session:
        media = authoring.add_media(session, desk.actor("editor"), content, desk.house.clock.now())
    body = f'<p>全市改造开工。</p><p><img src="media:{media.sha256}" alt="现场照片"></p>'
    return desk.write(desk.draft(body=body, cover_sha256=media.sha256, summary="开工"))


def test_all_four_channels_take_one_article(real_desk: Desk, picture: Callable[..., bytes]) -> None:
    desk = real_desk
    article_id = article(desk, picture())
    blocking = [problem for problem in desk.submit(article_id) if problem.severity == "block"]
    assert blocking == []
    with desk.house.db.read() as session:
        rows = list(session.scalars(select(Payload).order_by(Payload.account_id)))
        kinds = [session.get_one(Account, row.account_id).kind for row in rows]
    assert kinds == ["website", "weibo", "wechat", "client"]
    for row in rows:
        assert row.digest == digest_of(row.template)
        assert any(name.startswith("media:") for name in slots_of(row.template))
    desk.approve_all(article_id)
    assert desk.approved(article_id)


def test_an_article_without_cover_is_stopped_once_by_wechat_alone(real_desk: Desk) -> None:
    desk = real_desk
    article_id = desk.write()
    with pytest.raises(CheckFailed) as failure:
        desk.submit(article_id)
    (problem,) = failure.value.problems
    assert (problem.field, problem.channel) == ("cover", "真实wechat")


def test_the_preview_shows_every_channel_with_its_pictures(real_desk: Desk, picture: Callable[..., bytes]) -> None:
    desk = real_desk
    article_id = article(desk, picture())
    with desk.house.db.read() as session:
        shown = {each.account.kind: each for each in authoring.preview(desk.house, session, article_id)}
    link = f"/articles/{article_id}.html"
    assert link in shown["weibo"].text
    assert shown["weibo"].html == ""
    assert shown["weibo"].length == measure(shown["weibo"].text) < len(shown["weibo"].text)
    assert shown["weibo"].length <= shown["weibo"].limit == 140
    for kind in ("website", "wechat", "client"):
        assert "全市改造开工。" in shown[kind].text
        assert "media:" in shown[kind].html
        assert "$slot" not in shown[kind].html
        assert "$join" not in shown[kind].html
