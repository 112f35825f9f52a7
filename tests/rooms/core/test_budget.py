"""One day's requests: shared by all processes, the urgent ones last to stop. Both databases."""

import threading
from datetime import UTC, datetime

import pytest

from core.budget import Budget, ceiling
from core.clock import FixedClock

LATE = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)  # one minute to midnight in Shanghai


@pytest.fixture
def account_id(database, add_account) -> int:
    return add_account(database)


def drain(budget: Budget, account_id: int, purpose: str, limit: int) -> int:
    taken = 0
    while budget.take(account_id, "comments/show", purpose, limit):
        taken += 1
    return taken


def test_collecting_stops_first_publishing_next_and_reconciling_last(database, account_id):
    budget = Budget(database, FixedClock(LATE))
    assert drain(budget, account_id, "collect", 100) == 60
    assert drain(budget, account_id, "test", 100) == 0
    assert drain(budget, account_id, "publish", 100) == 20
    assert drain(budget, account_id, "withdraw", 100) == 20
    assert drain(budget, account_id, "reconcile", 100) == 0
    assert budget.used(account_id, "comments/show") == 100
    assert budget.used(account_id, "comments/show", "collect") == 60


def test_publishing_cannot_use_what_is_kept_for_reconciling(database, account_id):
    budget = Budget(database, FixedClock(LATE))
    assert drain(budget, account_id, "publish", 10) == 8
    assert drain(budget, account_id, "collect", 10) == 0
    assert drain(budget, account_id, "reconcile", 10) == 2


def test_accounts_and_apis_have_budgets_of_their_own(database, account_id, add_account):
    other_id = add_account(database, "另一个微博")
    budget = Budget(database, FixedClock(LATE))
    assert drain(budget, account_id, "reconcile", 3) == 3
    assert budget.take(other_id, "comments/show", "reconcile", 3)
    assert budget.take(account_id, "statuses/share", "reconcile", 3)


def test_the_day_begins_at_midnight_in_shanghai(database, account_id):
    clock = FixedClock(LATE)
    budget = Budget(database, clock)
    assert drain(budget, account_id, "reconcile", 2) == 2
    clock.advance(59)
    assert not budget.take(account_id, "comments/show", "reconcile", 2)
    clock.advance(1)
    assert budget.used(account_id, "comments/show") == 0
    assert budget.take(account_id, "comments/show", "reconcile", 2)


def test_nothing_is_taken_from_a_limit_of_zero(database, account_id):
    budget = Budget(database, FixedClock(LATE))
    assert not budget.take(account_id, "sendall", "reconcile", 0)
    assert budget.used(account_id, "sendall") == 0


def test_many_takers_never_take_more_than_the_limit(database, account_id):
    budget = Budget(database, FixedClock(LATE))
    taken: list[int] = []
    threads = [
        threading.Thread(target=lambda: taken.append(drain(budget, account_id, "withdraw", 50))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 50
    assert budget.used(account_id, "comments/show") == 50


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_a_tiny_limit_is_not_eaten_by_the_reserve(limit):
    assert ceiling("publish", limit) == limit
    assert ceiling("collect", limit) == limit


def test_an_unknown_purpose_is_a_mistake():
    with pytest.raises(KeyError):
        ceiling("curiosity", 10)
