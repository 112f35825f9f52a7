"""What every part of the sandbox shares: store, options, faults, jobs, accounts, seeded words, one moment a call."""

import random
import string
from typing import Any

from flask import current_app, g, has_request_context

from .accounts import Accounts
from .faults import Faults
from .jobs import Jobs
from .options import Options
from .store import Store

ALPHANUMERIC = string.ascii_letters + string.digits
HEXADECIMAL = "0123456789abcdef"


class World:
    """One sandbox. Platform modules hold functions over it and keep no state of their own."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store, self.options = store, options
        self.faults = Faults(store, options)
        self.jobs = Jobs(store, options)
        self.accounts = Accounts(store)

    def now(self) -> float:
        """Unix seconds; inside one request always the moment it was taken up."""
        if has_request_context() and "now" in g:
            return float(g.now)
        return self.options.clock()

    def scaled(self, duration_s: float) -> float:
        """A platform duration in real seconds."""
        return self.options.scaled(duration_s)

    def word(self, purpose: str, length: int, alphabet: str = ALPHANUMERIC) -> str:
        """A new word, the same in every run with the same seed and history."""
        number = self.store.next(f"word:{purpose}")
        draw = random.Random(f"{self.options.seed}:{purpose}:{number}")
        return "".join(draw.choices(alphabet, k=length))

    def period(self, length_s: float) -> int:
        """Number of the present quota window."""
        return self.options.window(length_s, self.now())

    def count_use(self, account: str, api: str, length_s: float, limit: int) -> bool:
        """Count one use in the present window; False (and not counted) when `limit` is reached."""
        period = self.period(length_s)
        if self.uses(account, api, length_s) >= limit:
            return False
        self.store.run(
            "INSERT INTO used (account, api, period, used) VALUES (?, ?, ?, 1) "
            "ON CONFLICT (account, api, period) DO UPDATE SET used = used + 1",
            account,
            api,
            period,
        )
        return True

    def uses(self, account: str, api: str, length_s: float) -> int:
        """Uses counted in the present window."""
        return self.store.number(
            "SELECT used FROM used WHERE account = ? AND api = ? AND period = ?", account, api, self.period(length_s)
        )

    def lag_s(self, account: dict[str, Any]) -> float:
        """How much later than accepted a new item shows in lists: account setting plus a fault on this call."""
        extra = float(g.get("lag_s", 0.0)) if has_request_context() else 0.0
        return self.scaled(float(account.get("list_lag_s", 0.0))) + extra

    def horizon(self) -> float:
        """The moment a list shows: now, or earlier when a list_lag fault struck this reading call."""
        return self.now() - (float(g.get("lag_s", 0.0)) if has_request_context() else 0.0)


def the_world() -> World:
    """The world of the app that answers the present request."""
    return current_app.extensions["sandbox"]
