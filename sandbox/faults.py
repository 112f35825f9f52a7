"""Scripted misbehaviour: which fault strikes which call. Draws are seeded, so the same script strikes alike."""

import json
import random
from collections.abc import Callable
from typing import Any

from .options import Options
from .store import Store

GATE = (
    "http_500",
    "timeout_before",
    "timeout_after",
    "accept_late",
    "cut",
    "bad_json",
    "kill_token",
    "rate_limit",
    "code",
    "list_lag",
)
EFFECT = ("foreign_posts", "audit_refuse")
CALLBACK = ("duplicate_callback", "late_callback", "lost_callback")
KINDS = GATE + EFFECT + CALLBACK
FIELDS = {
    "platform",
    "api",
    "account",
    "kind",
    "times",
    "probability",
    "seed",
    "seconds",
    "bytes",
    "code",
    "count",
    "connection",
    "after",
    "skip",
    "contains",
}


class Faults:
    """The fault table: `add`, `clear`, `report`, and `take`, which the platforms ask at each point of a call."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store, self.options = store, options
        self._any = self.store.number("SELECT count(*) FROM fault") > 0

    def add(self, spec: dict[str, Any]) -> int:
        """Check and store one fault. ValueError names what is wrong with it."""
        if spec.get("kind") not in KINDS:
            raise ValueError(f"unknown kind: {spec.get('kind')}")
        if unknown := set(spec) - FIELDS:
            raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
        if spec["kind"] == "code" and not isinstance(spec.get("code"), int):
            raise ValueError("kind code needs a number in code")
        self._any = True
        return self.store.insert("fault", spec=spec)

    def clear(self) -> int:
        """Remove every fault; gives their number."""
        self._any = False
        return self.store.run("DELETE FROM fault")

    def report(self) -> list[dict[str, Any]]:
        """Each fault with how often it was drawn for and how often it fired."""
        rows = self.store.all("SELECT * FROM fault ORDER BY id")
        return [{"id": r["id"], **json.loads(r["spec"]), "drawn": r["drawn"], "fired": r["fired"]} for r in rows]

    def take(
        self, kinds: tuple[str, ...], platform: str, api: str, account: str | None, subject: Callable[[], str] = str
    ) -> list[dict[str, Any]]:
        """The faults of these kinds that strike this call, counted as fired.

        `subject` gives what the call is about, as text, for faults with `contains`.
        """
        if not self._any:
            return []
        struck = []
        with self.store.transaction():
            for row in self.store.all("SELECT * FROM fault ORDER BY id"):
                spec = json.loads(row["spec"])
                if spec["kind"] not in kinds or not _matches(spec, platform, api, account):
                    continue
                if spec.get("contains", "") in subject() and self._draw(row, spec):
                    struck.append(spec)
        return struck

    def _draw(self, row: dict[str, Any], spec: dict[str, Any]) -> bool:
        """Fixed probability per call (`seed` + number of the draw), at most `times`, the first `skip` calls spared."""
        limit = spec.get("times", None if "probability" in spec else 1)
        if limit is not None and row["fired"] >= limit:
            return False
        seed = spec.get("seed", f"{self.options.seed}/{row['id']}")
        luck = random.Random(f"{seed}:{row['drawn']}").random()
        hit = row["drawn"] >= spec.get("skip", 0) and luck < spec.get("probability", 1.0)
        self.store.run("UPDATE fault SET drawn = drawn + 1, fired = fired + ? WHERE id = ?", int(hit), row["id"])
        return hit


def _matches(spec: dict[str, Any], platform: str, api: str, account: str | None) -> bool:
    if spec.get("platform") not in (None, "*", platform):
        return False
    if spec.get("account") is not None and str(spec["account"]) != account:
        return False
    wanted = str(spec.get("api", "*")).strip("/").removesuffix(".json")
    if wanted == "*" or spec["kind"] in EFFECT + CALLBACK:
        return True
    return api == wanted or api.endswith("/" + wanted)
