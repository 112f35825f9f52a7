"""Accounts: sealed credentials, the freeze row, and a test button that tells the truth in Chinese."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from core.audit import Actor
from core.config import Settings
from core.errors import CheckFailed, NotPermitted
from core.house import House, create_tables, open_house
from core.models import Account, Audit, Freeze
from publisher import accounts
from publisher.accounts import TestResult
from sandbox.listener import Listener
from sandbox.options import Options
from sandbox.server import SandboxApp, create_app
from sandbox.store import Store

SECRET = "wxSecret-0123456789"
WECHAT = {"appid": "wx0000000000000001"}


@pytest.fixture
def admin(people: Callable[..., Actor]) -> Actor:
    return people("admin", "administrator")


def create(house: House, who: Actor, kind: str = "wechat", name: str = "公众号", **fields: Any) -> Account:
    settings = fields.get("settings", WECHAT)
    secret = fields.get("secret", {"secret": SECRET, "callback_token": "cbtoken"})
    with house.db.write() as session:
        return accounts.create_account(
            session, who, kind, accounts.Entry(name, settings, secret), house.vault, house.clock.now()
        )


def update(house: House, who: Actor, account_id: int, settings: dict[str, Any], secret: dict[str, str]) -> Account:
    with house.db.write() as session:
        return accounts.update_account(
            session, who, account_id, accounts.Entry("公众号", settings, secret), house.vault
        )


def test_credentials_are_stored_sealed_and_only_said_to_be_there(house: House, admin: Actor) -> None:
    account = create(house, admin)
    with house.db.read() as session:
        stored = session.get_one(Account, account.id)
        assert stored.secret is not None
        assert SECRET.encode() not in stored.secret
        assert house.vault.decrypt_json(stored.secret)["secret"] == SECRET
        shown = accounts.has_secret(stored, house.vault)
        assert shown == {"secret": True, "callback_token": True, "callback_aes_key": False}
        trail = " ".join(str(row.detail) for row in session.scalars(select(Audit)))
        assert "callback_token" in trail
        assert SECRET not in trail
        assert "cbtoken" not in trail


def test_a_new_account_brings_its_freeze_row(house: House, admin: Actor) -> None:
    account = create(house, admin)
    with house.db.read() as session:
        row = session.get_one(Freeze, f"account:{account.id}")
        assert row.frozen is False


def test_an_empty_secret_field_keeps_what_is_stored(house: House, admin: Actor) -> None:
    account = create(house, admin)
    update(house, admin, account.id, WECHAT, {"secret": "", "callback_token": "new"})
    with house.db.read() as session:
        sealed = session.get_one(Account, account.id).secret
        assert sealed is not None
        assert house.vault.decrypt_json(sealed) == {"secret": SECRET, "callback_token": "new"}


def test_new_credentials_lift_the_flag_and_old_ones_do_not(house: House, admin: Actor) -> None:
    account = create(house, admin)
    house.tokens.flag(account.id, "令牌失效")
    update(house, admin, account.id, WECHAT, {})
    assert house.tokens.flagged(account.id) == "令牌失效"
    update(house, admin, account.id, WECHAT, {"secret": "another"})
    assert house.tokens.flagged(account.id) == ""


@pytest.mark.parametrize("role", ["editor", "publisher", "reviewer3", "leader", "analyst"])
def test_only_an_administrator_keeps_accounts(house: House, people: Callable[..., Actor], role: str) -> None:
    who = people("other", role)
    with pytest.raises(NotPermitted):
        create(house, who)
    with pytest.raises(NotPermitted), house.db.write() as session:
        accounts.set_enabled(session, who, 1, False)


@pytest.mark.parametrize(
    ("kind", "public", "secret", "fields"),
    [
        ("wechat", {}, {}, ["appid", "secret", "callback_token"]),
        ("weibo", {"uid": "1"}, {}, ["access_token"]),
        ("client", {"push": True}, {}, ["app_key", "master_secret"]),
    ],
)
def test_what_a_kind_needs_is_asked_for(
    house: House, admin: Actor, kind: str, public: dict[str, Any], secret: dict[str, str], fields: list[str]
) -> None:
    with pytest.raises(CheckFailed) as failure:
        create(house, admin, kind, settings=public, secret=secret)
    assert [problem.field for problem in failure.value.problems] == fields


def test_a_name_is_given_once_for_each_kind(house: House, admin: Actor) -> None:
    create(house, admin)
    with pytest.raises(CheckFailed, match="同名"):
        create(house, admin)
    with pytest.raises(CheckFailed, match="名称"):
        create(house, admin, name="  ")
    assert create(house, admin, "website", settings={}, secret={}).id


def test_domains_typed_on_one_line_become_a_list(house: House, admin: Actor) -> None:
    fields = {"uid": "1", "safe_domains": "www.example.gov.cn， example.cn"}
    account = create(house, admin, "weibo", settings=fields, secret={"access_token": "t"})
    assert account.settings["safe_domains"] == ["www.example.gov.cn", "example.cn"]


def test_switching_off_and_on_is_audited_and_lifts_the_pause(house: House, admin: Actor) -> None:
    account = create(house, admin)
    with house.db.write() as session:
        session.get_one(Account, account.id).paused_reason = "平台限制"
        accounts.set_enabled(session, admin, account.id, False, "换密钥")
    with house.db.write() as session:
        assert accounts.set_enabled(session, admin, account.id, True).paused_reason == ""
    with house.db.read() as session:
        actions = list(session.scalars(select(Audit.action).order_by(Audit.id)))
        assert actions == ["account.create", "account.disable", "account.enable"]


# --- the test button against the platforms of the sandbox --------------------------------------------------------


@pytest.fixture
def platforms() -> Iterator[tuple[SandboxApp, str]]:
    """The sandbox behind a listener on the loopback, and its address."""
    app = create_app(Store(None), Options())
    listener = Listener(app)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield app, listener.base_url
    listener.shutdown()
    thread.join()
    listener.server_close()
    app.world.store.close()


@pytest.fixture
def connected(settings: Settings, platforms: tuple[SandboxApp, str]) -> Iterator[House]:
    """A house whose platforms are the sandbox."""
    base = platforms[1]
    addresses = {f"{name}_base_url": base for name in ("wechat", "weibo", "jpush")}
    reachable = settings.model_copy(update={**addresses, "allow_private": base.removeprefix("http://")})
    opened = open_house(reachable, create=True)
    create_tables(opened.db)
    yield opened
    opened.close()


def sandbox_account(platforms: tuple[SandboxApp, str], platform: str) -> dict[str, Any]:
    answer = platforms[0].test_client().post("/control/accounts", json={"platform": platform})
    assert answer.status_code == 201
    return dict(answer.get_json())


def test_a_working_wechat_account_passes_and_a_wrong_secret_is_named(
    connected: House, platforms: tuple[SandboxApp, str], add_person: Callable[..., Actor]
) -> None:
    who = add_person(connected.db, "admin", "administrator")
    real = sandbox_account(platforms, "wechat")
    secret = {"secret": str(real["secret"]), "callback_token": "c"}
    account = create(connected, who, settings={"appid": real["appid"]}, secret=secret)
    result = accounts.test_account(connected, account.id, who)
    assert result.ok, result.text
    with connected.db.read() as session:
        assert session.get_one(Account, account.id).last_ok_at is not None
    update(connected, who, account.id, {"appid": real["appid"]}, {"secret": "wrong"})
    failed = accounts.test_account(connected, account.id, who)
    assert not failed.ok
    assert "AppSecret" in failed.text
    with connected.db.read() as session:
        assert session.get_one(Account, account.id).last_error == failed.text
        rows = session.scalars(select(Audit).where(Audit.action == "account.test").order_by(Audit.id)).all()
        assert [row.detail["ok"] for row in rows] == [True, False]


def test_a_weibo_token_is_checked_and_must_belong_to_the_account(
    connected: House, platforms: tuple[SandboxApp, str], add_person: Callable[..., Actor]
) -> None:
    who = add_person(connected.db, "admin", "administrator")
    real = sandbox_account(platforms, "weibo")

    def probe(name: str, uid: str, token: str) -> TestResult:
        account = create(connected, who, "weibo", name, settings={"uid": uid}, secret={"access_token": token})
        return accounts.test_account(connected, account.id, who)

    good = probe("好", str(real["uid"]), str(real["access_token"]))
    assert good.ok, good.text
    assert "还剩" in good.text
    assert "另一个微博用户" in probe("错号", "999", str(real["access_token"])).text
    assert not probe("错牌", str(real["uid"]), "wrong").ok


def test_a_push_account_is_validated_and_nothing_is_sent(
    connected: House, platforms: tuple[SandboxApp, str], add_person: Callable[..., Actor]
) -> None:
    who = add_person(connected.db, "admin", "administrator")
    real = sandbox_account(platforms, "jpush")
    settings = {"app_key": real["app_key"], "audience": "all", "push": True}
    account = create(connected, who, "client", settings=settings, secret={"master_secret": str(real["master_secret"])})
    result = accounts.test_account(connected, account.id, who)
    assert result.ok, result.text
    assert platforms[0].world.store.number("SELECT count(*) FROM jpush_push") == 0
    wrong = create(connected, who, "client", "错", settings=settings, secret={"master_secret": "wrong"})
    assert not accounts.test_account(connected, wrong.id, who).ok


def test_the_website_needs_a_directory_it_may_write(house: House, admin: Actor) -> None:
    account = create(house, admin, "website", settings={}, secret={})
    assert accounts.test_account(house, account.id).ok
    assert list(house.settings.site_path.iterdir()) == []
    house.settings.site_path.rmdir()
    house.settings.site_path.write_text("not a directory")
    failed = accounts.test_account(house, account.id)
    assert not failed.ok
    assert "目录" in failed.text


def test_a_second_website_account_is_refused_since_both_would_write_one_directory(house: House, admin: Actor) -> None:
    first = create(house, admin, "website", "门户网站", settings={}, secret={})
    with pytest.raises(CheckFailed, match="已由账号“门户网站”使用"):
        create(house, admin, "website", "另一网站", settings={}, secret={})
    with house.db.write() as session:
        other = Account(kind="website", name="旧网站", settings={}, created_at=house.clock.now())
        session.add(other)
        session.flush()
        other_id = other.id
    for account_id, named in ((first.id, "旧网站"), (other_id, "门户网站")):
        failed = accounts.test_account(house, account_id)
        assert (failed.ok, named in failed.text) == (False, True)


def test_a_client_without_push_needs_no_platform(house: House, admin: Actor) -> None:
    account = create(house, admin, "client", settings={}, secret={})
    result = accounts.test_account(house, account.id)
    assert (result.ok, "未开启推送" in result.text) == (True, True)


def test_an_address_that_must_not_be_reached_is_refused_in_words(settings: Settings, tmp_path: Any) -> None:
    opened = open_house(settings.model_copy(update={"wechat_base_url": "http://127.0.0.1:9"}), create=True)
    create_tables(opened.db)
    admin = Actor(None, "init", frozenset({"administrator"}))
    account = create(opened, admin)
    failed = accounts.test_account(opened, account.id)
    assert not failed.ok
    assert "不允许访问" in failed.text
    opened.close()


class Gibberish(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page that is not JSON."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"<html>captive portal</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_an_answer_that_is_no_json_and_spent_tests_are_told(settings: Settings) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), Gibberish)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    place = f"127.0.0.1:{server.server_port}"
    changed = settings.model_copy(update={"wechat_base_url": f"http://{place}", "allow_private": place})
    opened = open_house(changed, create=True)
    create_tables(opened.db)
    account = create(opened, Actor(None, "init", frozenset({"administrator"})))
    assert "不是 JSON" in accounts.test_account(opened, account.id).text
    while opened.budget.take(account.id, "probe", "test", 100):
        pass
    assert "次数已用完" in accounts.test_account(opened, account.id).text
    opened.close()
    server.shutdown()
    thread.join()
    server.server_close()
