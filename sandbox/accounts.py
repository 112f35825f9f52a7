"""Accounts of the three platforms and their access tokens; made and changed only by the control API."""

import json
from typing import Any

from .store import Store

DEFAULTS: dict[str, dict[str, Any]] = {
    "weibo": {
        "screen_name": "东城发布",
        "safe_domains": ["127.0.0.1", "localhost"],
        "regime": None,
        "list_lag_s": 0,
        "token_life_s": 2_592_000,
        "repeat_window_s": 86_400,
        "timeline_shown": 5,
        "readable_rows": 2_000,
        "redirect_uri": None,
        "quotas": {},
    },
    "wechat": {
        "name": "东城发布",
        "callback_url": None,
        "callback_token": "sandbox",
        "audit_s": 20,
        "resubmit_in_audit": "refuse",
        "draft_leaves": "publish",
        "list_lag_s": 0,
        "token_life_s": 7_200,
        "grace_s": 300,
        "may_publish": True,
        "may_comment": True,
        "quotas": {},
        "ip_whitelist": None,
    },
    "jpush": {
        "name": "东城客户端",
        "quotas": {},
        "report_delay_s": 0,
        "devices": [
            {"registration_id": "1a0018970a", "platform": "android", "tags": ["东城"], "alias": "a1"},
            {"registration_id": "1a0018970b", "platform": "android", "tags": ["西片"], "alias": "a2"},
            {"registration_id": "171976fa8a", "platform": "ios", "tags": ["东城"], "alias": "a3"},
        ],
    },
}


class Accounts:
    """Accounts in memory, written through to the store. An account is a dict: `platform`, `id`, settings."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        for row in store.all("SELECT * FROM account"):
            settings = json.loads(row["settings"])
            self._rows[row["platform"], row["id"]] = {**settings, "platform": row["platform"], "id": row["id"]}

    def get(self, platform: str, identity: str | None) -> dict[str, Any] | None:
        """The account, or None."""
        return self._rows.get((platform, identity or ""))

    def all(self, platform: str | None = None) -> list[dict[str, Any]]:
        """Every account, or those of one platform."""
        return [row for (kind, _), row in self._rows.items() if platform in (None, kind)]

    def by_field(self, platform: str, field: str, value: Any) -> dict[str, Any] | None:
        """First account whose setting equals `value`."""
        return next((row for row in self.all(platform) if row.get(field) == value), None)

    def add(self, platform: str, identity: str, settings: dict[str, Any], now: float) -> dict[str, Any]:
        """Store a new account. ValueError when the id is taken."""
        if (platform, identity) in self._rows:
            raise ValueError(f"account exists: {platform} {identity}")
        kept = {**DEFAULTS[platform], **settings}
        self.store.insert("account", platform=platform, id=identity, settings=kept, created_at=now)
        row = {**kept, "platform": platform, "id": identity}
        self._rows[platform, identity] = row
        return row

    def change(self, platform: str, identity: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Change settings. KeyError for an unknown account, ValueError for an unknown setting."""
        row = self._rows[platform, identity]
        unknown = set(settings) - set(DEFAULTS[platform])
        if unknown:
            raise ValueError(f"unknown setting: {', '.join(sorted(unknown))}")
        row.update(settings)
        kept = {k: v for k, v in row.items() if k not in ("platform", "id")}
        self.store.run(
            "UPDATE account SET settings = ? WHERE platform = ? AND id = ?",
            json.dumps(kept, ensure_ascii=False),
            platform,
            identity,
        )
        return row


def issue_token(store: Store, account: dict[str, Any], value: str, family: str, span: tuple[float, float]) -> None:
    """Store a token valid over `span` (issued_at, expires_at)."""
    store.insert(
        "token",
        value=value,
        platform=account["platform"],
        account=account["id"],
        family=family,
        issued_at=span[0],
        expires_at=span[1],
    )


def kill_tokens(store: Store, platform: str, account: str, now: float, death: str = "killed") -> int:
    """End every living token of an account at once; gives their number."""
    return store.run(
        "UPDATE token SET dies_at = ?, death = ? WHERE platform = ? AND account = ? "
        "AND expires_at > ? AND (dies_at IS NULL OR dies_at > ?)",
        now,
        death,
        platform,
        account,
        now,
        now,
    )


def find_token(store: Store, platform: str, value: str | None) -> dict[str, Any] | None:
    """The token's row with `account`, `family`, times and death; None when never issued."""
    return store.one("SELECT * FROM token WHERE value = ? AND platform = ?", value, platform) if value else None
