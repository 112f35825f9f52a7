"""Rows of accounts. Secrets go in sealed and never come out to a page; each account has its freeze row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.errors import CheckFailed
from core.models import Account, Freeze
from core.models.words import ChannelKind, Role
from core.ports import Problem
from core.tokens import forget
from core.vault import Vault


@dataclass(frozen=True)
class Fields:
    """What one kind of account holds; a page builds its form from this."""

    settings: tuple[str, ...]
    secret: tuple[str, ...]
    needed: tuple[str, ...]


FIELDS: dict[str, Fields] = {
    ChannelKind.WEBSITE: Fields(("site_name",), (), ()),
    ChannelKind.WEIBO: Fields(
        ("uid", "safe_domains", "client_id", "requests_a_day"),
        ("access_token", "client_secret"),
        ("uid", "access_token"),
    ),
    ChannelKind.WECHAT: Fields(
        ("appid", "callback_token_hint"),
        ("secret", "callback_token", "callback_aes_key"),
        ("appid", "secret", "callback_token"),
    ),
    ChannelKind.CLIENT: Fields(("app_key", "audience", "push"), ("master_secret",), ()),
}
NAMES = {
    "uid": "微博用户 UID",
    "access_token": "访问令牌",
    "appid": "AppID",
    "secret": "AppSecret",
    "callback_token": "回调令牌",
    "app_key": "AppKey",
    "master_secret": "Master Secret",
}


@dataclass(frozen=True)
class Entry:
    """What a person enters about an account; an empty secret field means: as stored."""

    name: str
    settings: Mapping[str, Any]
    secret: Mapping[str, str]

    @property
    def filled(self) -> dict[str, str]:
        """The secret fields that were filled in."""
        return {name: value for name, value in self.secret.items() if value}


def create_account(session: Session, actor: Actor, kind: str, entry: Entry, vault: Vault, now: datetime) -> Account:
    """A new account with its freeze row. Kinds of third parties keep whatever settings they are given."""
    actor.need(Role.ADMINISTRATOR)
    name = _check_name(session, kind, entry.name)
    if kind == ChannelKind.WEBSITE and (others := website_names(session)):
        raise CheckFailed([Problem("kind", shared_site(others), code="site_taken")])
    settings, kept = _tidy(entry.settings), entry.filled
    _check_fields(kind, settings, kept)
    account = Account(kind=kind, name=name, settings=settings, created_at=now)
    account.secret = vault.encrypt_json(dict(kept)) if kept else None
    session.add(account)
    session.flush()
    session.add(Freeze(scope=f"account:{account.id}"))
    session.flush()
    record(
        session, actor, "account.create", "account", account.id,
        kind=kind, name=name, settings=settings, filled=sorted(kept),
    )  # fmt: skip
    return account


def update_account(session: Session, actor: Actor, account_id: int, entry: Entry, vault: Vault) -> Account:
    """Change name and settings; an empty secret field keeps the stored one. New credentials drop token and flag."""
    actor.need(Role.ADMINISTRATOR)
    account = session.get_one(Account, account_id, with_for_update=True)
    name = _check_name(session, account.kind, entry.name, account_id)
    settings, fresh = _tidy(entry.settings), entry.filled
    stored = vault.decrypt_json(account.secret) if account.secret else {}
    merged = {**stored, **fresh}
    _check_fields(account.kind, settings, merged)
    before = {"name": account.name, "settings": account.settings}
    account.name, account.settings = name, settings
    account.secret = vault.encrypt_json(merged) if merged else None
    if fresh:
        account.paused_reason = ""
        forget(session, account_id)
    session.flush()
    record(
        session, actor, "account.update", "account", account_id,
        before=before, after={"name": name, "settings": settings}, filled=sorted(fresh),
    )  # fmt: skip
    return account


def set_enabled(session: Session, actor: Actor, account_id: int, enabled: bool, reason: str = "") -> Account:
    """Switch an account on or off; off keeps everything that is live and takes nothing new."""
    actor.need(Role.ADMINISTRATOR)
    account = session.get_one(Account, account_id, with_for_update=True)
    account.enabled = enabled
    if enabled:
        account.paused_reason = ""
    session.flush()
    record(session, actor, "account.enable" if enabled else "account.disable", "account", account_id, reason=reason)
    return account


def website_names(session: Session, but: int = 0) -> list[str]:
    """Names of the website accounts, one left out: all of them write into the one site directory."""
    query = select(Account.name).where(Account.kind == ChannelKind.WEBSITE.value, Account.id != but)
    return list(session.scalars(query.order_by(Account.id)))


def shared_site(names: list[str]) -> str:
    """What a person is told about a second website account: two would overwrite each other's home page and lists."""
    return f"网站目录已由账号“{'”“'.join(names)}”使用，一个网站目录只能有一个账号。请直接使用该账号。"


def has_secret(account: Account, vault: Vault) -> dict[str, bool]:
    """Which secret fields are filled, for “已设置” on the page; never their values."""
    stored = vault.decrypt_json(account.secret) if account.secret else {}
    known = FIELDS[account.kind].secret if account.kind in FIELDS else tuple(stored)
    return {name: bool(stored.get(name)) for name in known}


def _tidy(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the channels read them: `safe_domains` is a list, also when a form sends it as one line."""
    kept = dict(settings)
    domains = kept.get("safe_domains")
    if isinstance(domains, str):
        kept["safe_domains"] = [part for part in re.split(r"[\s,，;；]+", domains) if part]
    return kept


def _check_name(session: Session, kind: str, name: str, own_id: int = 0) -> str:
    name = name.strip()
    if not name:
        raise CheckFailed([Problem("name", "请填写账号名称。", code="name_missing")])
    query = select(Account.id).where(Account.kind == kind, Account.name == name, Account.id != own_id)
    if session.scalar(query) is not None:
        raise CheckFailed([Problem("name", f"已有同名账号“{name}”，请换一个名称。", code="name_taken")])
    return name


def _check_fields(kind: str, settings: Mapping[str, Any], secret: Mapping[str, str]) -> None:
    if kind not in FIELDS:
        return
    needed = FIELDS[kind].needed
    if kind == ChannelKind.CLIENT and settings.get("push"):
        needed = ("app_key", "master_secret")
    missing = [field for field in needed if not settings.get(field) and not secret.get(field)]
    if missing:
        raise CheckFailed([Problem(field, f"请填写{NAMES[field]}。", code="field_missing") for field in missing])
