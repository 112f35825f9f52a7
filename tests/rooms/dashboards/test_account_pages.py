"""The account form gives back what is stored, and a page that cannot do what it offers says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from core.house import House
from core.models import Account, Article, Copy
from core.models.words import CopyState, Role
from tests.rooms.dashboards.conftest import Staff

DOMAINS = ["www.example.gov.cn", "m.example.gov.cn"]


def test_saving_an_account_unchanged_changes_nothing(house: House, staff: Callable[..., Staff]) -> None:
    admin = staff("wu", Role.ADMINISTRATOR)
    typed = {"name": "示例发布", "uid": "123", "safe_domains": " ，".join(DOMAINS), "access_token": "t"}
    assert admin.post("/accounts/new/weibo", **typed).status_code == 302
    fields = re.findall(r'<input[^>]*\bname="(\w+)"[^>]*\bvalue="([^"]*)"', admin.text("/accounts/1"))
    shown = {name: unescape(value) for name, value in fields if name != "csrf_token"}
    assert shown["safe_domains"] == "，".join(DOMAINS)
    assert admin.post("/accounts/1", **shown).status_code == 302
    with house.db.read() as session:
        assert session.get_one(Account, 1).settings["safe_domains"] == DOMAINS


@pytest.mark.parametrize("state", CopyState)
def test_publishing_again_is_offered_only_where_nothing_is_out(
    house: House, staff: Callable[..., Staff], state: CopyState
) -> None:
    publisher = staff("zhou", Role.PUBLISHER)
    with house.db.write() as session:
        account = Account(kind="website", name="示例网站", settings={})
        article = Article(author_id=publisher.actor.person_id, title="通告")
        session.add_all([account, article])
        session.flush()
        session.add(Copy(article_id=article.id, account_id=account.id, state=state.value))
    page = publisher.text("/copies/1/again")
    over = state in {CopyState.WITHDRAWN, CopyState.GONE, CopyState.NEVER}
    assert ("下一步：核对" in page) is over
    assert ("只有确认已撤回" in page) is not over
