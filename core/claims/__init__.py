"""Who works on what: workers with a heartbeat, claims with a fence, takeovers and named duties (leases).

Clocks of two machines are never compared: a taker trusts only what it has itself seen on its own monotonic clock.
"""

from core.claims.duties import hold_lease, release_lease
from core.claims.holders import Holder, register
from core.claims.rows import Claimed, claim, claim_statement, give_up, guard, run_claim
from core.claims.watch import Watch, end_process, end_worker

__all__ = [
    "Claimed", "Holder", "Watch", "claim", "claim_statement", "end_process", "end_worker", "give_up", "guard",
    "hold_lease", "register", "release_lease", "run_claim",
]  # fmt: skip
