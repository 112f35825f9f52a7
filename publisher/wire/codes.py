"""The platforms' code tables (core/platforms/*.toml): what an error code did, and what to tell the person."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.ports import Effect

EVERY = "*"


@dataclass(frozen=True)
class Rule:
    """One line of a table: effect, the platform's waiting time in seconds, what happened and what to do (Chinese)."""

    effect: Effect
    retry_s: float
    text: str
    fix: str


@dataclass(frozen=True)
class Limit:
    """Requests a day of one API, and the account setting that may change the number."""

    api: str
    a_day: int
    setting: str


NOT_LISTED = Rule(Effect.UNKNOWN, 0, "平台返回了未登记的代码，不能断定结果", "系统会自动查证；请把代码告诉管理员")


class Codes:
    """One platform's table. `rule(endpoint, code)`; a line for the endpoint wins over one for all."""

    def __init__(self, rules: dict[tuple[str, str], Rule], limits: dict[str, Limit]) -> None:
        self.rules, self.limits = rules, limits

    def rule(self, endpoint: str, code: str) -> Rule:
        """What `code` means on `endpoint`; a code that is not listed is unknown."""
        return self.rules.get((endpoint, code)) or self.rules.get((EVERY, code)) or NOT_LISTED

    def limit(self, api: str) -> Limit | None:
        """The day's limit that covers `api`: its own, or the platform's common one; None when nothing is known."""
        return self.limits.get(api) or self.limits.get("all")


@cache
def load_codes(platform: str) -> Codes:
    """Read the table of a platform the product knows once. Errors: FileNotFoundError, and those of `read_codes`."""
    return read_codes((files("core") / "platforms" / f"{platform}.toml").read_text(encoding="utf-8"))


def read_codes(text: str) -> Codes:
    """A table from its TOML text: third parties bring theirs so. ValueError for a line with an unknown effect."""
    table: dict[str, Any] = tomllib.loads(text)
    rules = {
        (line.get("endpoint", EVERY), line["code"]): Rule(
            Effect(line["effect"]), float(line.get("retry_s", 0)), line["text"], line["fix"]
        )
        for line in table["code"]
    }
    limits = {
        api: Limit(api, entry["limit_a_day"], entry.get("setting", ""))
        for api, entry in table.get("requests", {}).items()
    }
    return Codes(rules, limits)
