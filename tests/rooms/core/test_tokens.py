"""The broker's rules, one process, both databases."""

import threading
from datetime import UTC, datetime

import pytest

from core import tokens
from core.clock import FixedClock
from core.errors import CredentialExpired, Transient
from core.models import Token
from core.tokens import Broker, Fetched
from core.vault import Vault

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def account_id(database, add_account) -> int:
    return add_account(database)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def broker(database, clock) -> Broker:
    return Broker(database, Vault(b"k" * 32), clock)


class Platform:
    """Counts the fetches and numbers the tokens."""

    def __init__(self, expires_in_s: float = 7200) -> None:
        self.calls = 0
        self.expires_in_s = expires_in_s

    def fetch(self) -> Fetched:
        self.calls += 1
        return Fetched(f"token-{self.calls}", self.expires_in_s)


def test_a_token_is_fetched_once_and_renewed_before_it_ends(broker, clock, account_id):
    platform = Platform()
    assert [broker.get(account_id, platform.fetch) for _ in range(3)] == ["token-1"] * 3
    clock.advance(7200 - tokens.EARLY_S - 1)
    assert broker.get(account_id, platform.fetch) == "token-1"
    clock.advance(1)
    assert broker.get(account_id, platform.fetch) == "token-2"


def test_a_short_lived_token_is_used_for_nine_tenths_of_its_life(broker, clock, account_id):
    platform = Platform(expires_in_s=60)
    broker.get(account_id, platform.fetch)
    clock.advance(53)
    assert broker.get(account_id, platform.fetch) == "token-1"
    clock.advance(1)
    assert broker.get(account_id, platform.fetch) == "token-2"


def test_only_the_current_value_can_be_marked_dead(broker, account_id):
    platform = Platform()
    broker.get(account_id, platform.fetch)
    assert broker.expired(account_id, "token-0") is False
    assert broker.expired(account_id, "token-1") is True
    assert broker.expired(account_id, "token-1") is False
    assert broker.get(account_id, platform.fetch) == "token-2"
    assert broker.expired(account_id, "token-1") is False
    assert platform.calls == 2


def test_an_empty_value_never_replaces_a_token(broker, database, clock, account_id):
    broker.get(account_id, Platform(60).fetch)
    clock.advance(60)
    with database.read() as session:
        before = session.get_one(Token, account_id)
    with pytest.raises(Transient):
        broker.get(account_id, lambda: Fetched("", 7200))
    with database.read() as session:
        after = session.get_one(Token, account_id)
    assert (after.value, after.version, after.refreshing_until) == (before.value, before.version, None)


def test_a_failed_fetch_comes_through_and_the_next_caller_may_try(broker, account_id):
    def fail() -> Fetched:
        raise Transient("not_sent", "-1", "系统繁忙")

    with pytest.raises(Transient, match="系统繁忙"):
        broker.get(account_id, fail)
    assert broker.get(account_id, Platform().fetch) == "token-1"


def test_a_flagged_account_fetches_no_more_until_it_is_renewed(broker, account_id):
    platform = Platform()
    assert broker.flagged(account_id) == ""
    broker.get(account_id, platform.fetch)
    broker.expired(account_id, "token-1")
    broker.flag(account_id, "AppSecret 不正确")
    with pytest.raises(CredentialExpired, match="AppSecret"):
        broker.get(account_id, platform.fetch)
    assert broker.flagged(account_id) == "AppSecret 不正确"
    assert platform.calls == 1
    broker.renew(account_id)
    assert broker.flagged(account_id) == ""
    assert broker.get(account_id, platform.fetch) == "token-2"


def test_threads_wait_for_the_one_that_fetches(broker, account_id):
    platform = Platform()
    fetching, go = threading.Event(), threading.Event()
    got: list[str] = []

    def slow() -> Fetched:
        fetching.set()
        go.wait(30)
        return platform.fetch()

    threads = [threading.Thread(target=lambda: got.append(broker.get(account_id, slow))) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert fetching.wait(30)
    go.set()
    for thread in threads:
        thread.join()
    assert got == ["token-1"] * 6
    assert platform.calls == 1


def test_those_who_wait_too_long_are_told_to_come_again(broker, account_id, monkeypatch):
    monkeypatch.setattr(tokens, "WAIT_TURNS", 2)
    inner: list[BaseException] = []

    def slow() -> Fetched:
        try:
            broker.get(account_id, Platform().fetch)
        except Transient as error:
            inner.append(error)
        return Fetched("token", 7200)

    assert broker.get(account_id, slow) == "token"
    assert [error.code for error in inner] == ["token_wait"]


def test_a_refresher_that_died_is_succeeded_after_its_lease(broker, clock, account_id, database, monkeypatch):
    monkeypatch.setattr(tokens, "WAIT_TURNS", 2)
    broker.flagged(account_id)  # makes the row
    assert broker._claim(account_id, 0)  # and then that process dies
    with pytest.raises(Transient):
        broker.get(account_id, Platform().fetch)
    clock.advance(tokens.REFRESH_LEASE_S)
    assert broker.get(account_id, Platform().fetch) == "token-1"


def test_a_refresher_that_comes_late_takes_the_newer_token(broker, clock, account_id):
    """Its lease ran out while it fetched: what the successor stored is newer and stays."""
    successor = Platform()

    def late() -> Fetched:
        clock.advance(tokens.REFRESH_LEASE_S)
        broker.get(account_id, successor.fetch)
        return Fetched("stale", 7200)

    assert broker.get(account_id, late) == "token-1"
    assert broker.get(account_id, successor.fetch) == "token-1"


def test_a_token_does_not_show_in_the_repr_of_what_was_fetched():
    assert "s3cret" not in repr(Fetched("s3cret", 1))


def test_a_token_is_believed_for_a_second_and_what_another_process_changed_is_seen_after_it(
    broker, database, clock, account_id
):
    platform = Platform()
    other = Broker(database, Vault(b"k" * 32), clock)
    assert broker.get(account_id, platform.fetch) == "token-1"
    assert broker.get(account_id, platform.fetch) == "token-1"
    assert other.expired(account_id, "token-1")
    assert other.get(account_id, platform.fetch) == "token-2"
    assert broker.get(account_id, platform.fetch) == "token-1"  # as long as a call takes anyway
    clock.advance(tokens.BELIEVED_S)
    assert broker.get(account_id, platform.fetch) == "token-2"


def test_a_token_the_platform_refused_is_not_believed_even_if_a_slow_reader_remembers_it(broker, clock, account_id):
    platform = Platform()
    for _ in range(2):
        broker.get(account_id, platform.fetch)
    slow = dict(broker._believed)
    assert broker.expired(account_id, "token-1")
    broker._believed.update(slow)  # read before, remembered after
    assert broker.get(account_id, platform.fetch) == "token-2"
