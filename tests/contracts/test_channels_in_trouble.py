"""What every registered channel makes of a platform's trouble: lost answers, refusals, throttling, dead credentials.

Channels without once-only steps write only our own files and rows: nothing of theirs can be lost on the way.
"""

from __future__ import annotations

import logging
import re

import pytest

from core.errors import (
    AccountDisabled,
    ChannelError,
    CredentialExpired,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from core.ports import Absent, Effect, Receipt, Reconcile, Undecided
from tests.contracts.grounds import LOST_AFTER, Ground
from tests.contracts.stage import Item
from tests.contracts.test_channels import CLASSES

REMOTE = [kind for kind, each in CLASSES.items() if each.once_steps]
CHINESE = re.compile(r"[一-鿿]")

every_remote_channel = pytest.mark.parametrize("kind", REMOTE)


@every_remote_channel
@pytest.mark.parametrize("way", LOST_AFTER)
def test_after_a_lost_answer_exactly_that_copy_is_found(kind: str, way: str, ground: Ground, item: Item) -> None:
    ground.lose(way)
    with pytest.raises(OutcomeUnknown) as lost:
        item.publish()
    assert lost.value.effect is Effect.UNKNOWN
    found = item.look()
    assert isinstance(found, Receipt)
    assert [item.settled(found).remote_id] == ground.live(item)


@every_remote_channel
def test_a_call_lost_before_it_was_accepted_never_ends_in_two_copies(kind: str, ground: Ground, item: Item) -> None:
    ground.lose("before")
    with pytest.raises(OutcomeUnknown):
        item.publish()
    assert len(ground.live(item)) <= (CLASSES[kind].reconcile is Reconcile.KEY)  # a feed's entry stands already
    sent = ground.sent(item)
    found = item.look()
    assert ground.sent(item) == sent == 0  # looking makes nothing public
    if isinstance(found, Absent):
        assert isinstance(item.look(), Absent)
        found = item.settled(item.publish())
    if isinstance(found, Undecided):
        assert CHINESE.search(found.reason)
        assert ground.live(item) == []
    else:
        assert ground.live(item) == [found.remote_id]


@every_remote_channel
def test_a_refusal_is_told_in_chinese_and_leaves_nothing_live(kind: str, ground: Ground, item: Item) -> None:
    ground.refuse()
    with pytest.raises(Refused) as refusal:
        item.publish()
    assert refusal.value.effect is Effect.REFUSED
    assert CHINESE.search(refusal.value.text)
    assert ground.live(item) == []


@every_remote_channel
def test_throttling_says_how_long_to_wait_and_the_next_try_makes_one_copy(
    kind: str, ground: Ground, item: Item
) -> None:
    ground.throttle()
    with pytest.raises(Throttled) as throttled:
        item.publish()
    assert throttled.value.retry_after_s > 0
    assert CHINESE.search(throttled.value.text)
    ground.stage.pass_(throttled.value.retry_after_s)
    assert ground.live(item) in ([], [str(item.key.article_id)])  # a feed's entry may stand, a push may not
    receipt = item.live()
    assert ground.live(item) == [receipt.remote_id]


@every_remote_channel
def test_a_dead_credential_stops_the_account_and_not_the_item(kind: str, ground: Ground, item: Item) -> None:
    ground.expire()
    with pytest.raises((CredentialExpired, AccountDisabled)) as dead:
        item.publish()
    assert dead.value.effect in (Effect.CREDENTIAL, Effect.DISABLED)
    assert CHINESE.search(dead.value.text)
    if isinstance(dead.value, CredentialExpired):
        assert ground.stage.house.tokens.flagged(ground.account_id)
    calls = [entry for entry in item.journal.log if entry.what == "call" and entry.name.endswith(ground.once_call)]
    assert len(calls) <= 2  # one refresh, one more try, no hammering


@every_remote_channel
def test_a_code_that_is_not_in_the_table_leaves_the_outcome_unknown(kind: str, ground: Ground, item: Item) -> None:
    ground.answer("987654", "something new")
    with pytest.raises(OutcomeUnknown) as strange:
        item.publish()
    assert strange.value.code == "987654"
    assert CHINESE.search(strange.value.text)


@every_remote_channel
def test_a_changed_payload_never_leaves_the_house(kind: str, ground: Ground, item: Item) -> None:
    changed = {**item.payload.template}
    word = next(name for name in ("title", "status", "words") if name in changed)
    item.payload.template[word] = "没有审定过的话"
    with pytest.raises(Refused) as stopped:
        item.publish()
    assert stopped.value.code == "digest"
    assert not [entry for entry in item.journal.log if entry.once]
    assert ground.live(item) == []


@every_remote_channel
def test_no_secret_is_in_journal_receipt_error_or_log(
    kind: str, ground: Ground, item: Item, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[object] = [receipt := item.live(), item.withdraw(receipt), item.journal.log, item.journal.memory]
    secrets = {each for each in ground.stage.door.secrets if each}
    assert secrets, "the door saw no credential"
    for trouble in ("echo", "timeout_after", "refuse", "expire"):
        other = ground.item()
        _strike(ground, trouble, secrets)
        with pytest.raises(ChannelError) as error:
            other.publish()
        said += [error.value.text, error.value.raw, repr(error.value), repr(error.value.__cause__), other.journal.log]
        ground.stage.ask("DELETE", "/control/faults")
    written = f"{said!r} {caplog.text}"
    assert [each for each in secrets if each in written] == []


def _strike(ground: Ground, trouble: str, secrets: set[str]) -> None:
    if trouble == "echo":
        ground.answer("987654", f"bad access_token={sorted(secrets)[0]}&master_secret={sorted(secrets)[-1]}")
    elif trouble == "timeout_after":
        ground.lose("timeout_after")
    elif trouble == "refuse":
        ground.refuse()
    else:
        ground.expire()
