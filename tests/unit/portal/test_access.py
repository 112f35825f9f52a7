"""Addresses and the token bucket."""

from __future__ import annotations

import pytest

from core.http.addresses import address_key
from portal import access
from portal.access import Limiter

RATE = {"per_minute": 60, "burst": 2}


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_is_counted_as_the_household_it_belongs_to(address: str, key: str) -> None:
    assert address_key(address) == key


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    limiter = Limiter()
    assert [limiter.take("a", 0, RATE) for _ in range(3)] == [0, 0, 1]
    assert limiter.take("a", 0.5, RATE) == pytest.approx(0.5)
    assert limiter.take("a", 1.5, RATE) == 0
    assert limiter.take("b", 1.5, RATE) == 0


def test_a_rate_of_nothing_lets_nothing_through() -> None:
    assert Limiter().take("a", 0, {"per_minute": 0, "burst": 0}) == 3600


def test_memory_stays_bounded_and_those_who_wait_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_BUCKETS", 100)
    limiter = Limiter()
    for number in range(99):
        limiter.take(f"idle-{number}", 0, RATE)
    for _ in range(3):
        limiter.take("busy", 60, RATE)
    for number in range(500):
        limiter.take(f"new-{number}", 60, RATE)
        assert len(limiter._buckets) <= 100
    assert limiter.take("new-499", 60, RATE) == 0
