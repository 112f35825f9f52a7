"""What the ledger is measured against: a Weibo adapter that simply sends again after a time-out."""

from __future__ import annotations

from core.errors import OutcomeUnknown
from core.ports import Journal, Key, Payload, Receipt
from publisher.channels import TABLE, channels
from publisher.channels.weibo import Weibo

TRIES = 3


class NaiveWeibo(Weibo):
    """Retry and hope."""

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt:
        """Share up to three times, as a step that may be repeated."""
        form = {"status": payload.template["status"]}
        for turn in range(TRIES):
            try:
                return journal.repeatable("share", lambda: self._share(form, {}, key, payload))
            except OutcomeUnknown:
                if turn == TRIES - 1:
                    raise
        raise AssertionError


def install() -> None:
    """Put the naive adapter in place of the real one, in this process."""
    TABLE["weibo"] = ("微博", "bench.ledger.naive:NaiveWeibo")
    channels.cache_clear()
