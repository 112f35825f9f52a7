"""How long to wait before the next try or poll. Pure; seconds in, seconds out, before division by the time factor."""

from __future__ import annotations

import random

BASE_S = 5.0
CAP_S = 900.0
POLLS_S = (60.0, 240.0, 900.0, 3600.0)  # WeChat allows 100 polls a day in all: the callback is the way


def wait_s(tries: int, seed: int, *, at_least_s: float = 0.0) -> float:
    """Back-off before try number `tries` + 1: doubles from 5 s to 900 s, spread by ±20 % (by `seed`, repeatable).

    A platform's own waiting time `at_least_s` is never undercut.
    """
    plain = min(CAP_S, BASE_S * 2 ** max(0, min(tries, 20)))
    spread = random.Random(f"{seed}:{tries}").uniform(0.8, 1.2)
    return max(at_least_s, plain * spread)


def poll_wait_s(polls: int) -> float:
    """Seconds from poll number `polls` (0 = the acceptance) to the next."""
    return POLLS_S[min(max(polls, 0), len(POLLS_S) - 1)]
