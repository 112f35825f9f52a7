"""Who may open what. Every route declares one permission; a route without one is never served.

Pages ask here only whether a page may be opened; the rule of each act stands in its use case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from core.models.words import Role

View = TypeVar("View", bound=Callable[..., Any])
R = Role
EVERYBODY = frozenset(Role)
WRITERS = frozenset({R.EDITOR})
REVIEWERS = frozenset({R.REVIEWER1, R.REVIEWER2, R.REVIEWER3})
DESK = frozenset({R.EDITOR, R.PUBLISHER, R.ANALYST, R.LEADER}) | REVIEWERS

PERMISSIONS: dict[str, frozenset[Role]] = {
    "own": EVERYBODY,  # first page, own password, search, alarms
    "articles.read": EVERYBODY,
    "articles.write": WRITERS,
    "articles.review": REVIEWERS,
    "deliveries.read": EVERYBODY,
    "deliveries.release": frozenset({R.PUBLISHER}),
    "freeze.press": frozenset({R.PUBLISHER, R.LEADER, R.ADMINISTRATOR}),
    "mentions.read": DESK,
    "mentions.reply": frozenset({R.EDITOR, R.PUBLISHER, R.ANALYST}),
    "comments.moderate": frozenset({R.EDITOR, R.PUBLISHER, R.ANALYST}),
    "issues.read": DESK,
    "issues.judge": frozenset({R.ANALYST, R.LEADER}),
    "briefs.read": EVERYBODY,
    "cases.read": frozenset({R.EDITOR, R.PUBLISHER, R.ANALYST, R.LEADER}),
    "cases.handle": frozenset({R.EDITOR, R.PUBLISHER, R.ANALYST}),
    "cases.reveal": frozenset({R.ANALYST}),
    "alarms.clear": frozenset({R.PUBLISHER, R.ADMINISTRATOR}),
    "audit.read": frozenset({R.LEADER, R.ADMINISTRATOR}),
    "accounts.read": frozenset({R.PUBLISHER, R.ADMINISTRATOR}),
    "accounts.manage": frozenset({R.ADMINISTRATOR}),
    "people.manage": frozenset({R.ADMINISTRATOR}),
    "settings.manage": frozenset({R.ADMINISTRATOR}),
}
PUBLIC = "public"


def needs(permission: str) -> Callable[[View], View]:
    """Declare the permission a view needs; an unknown name is a programming error at import time."""
    if permission not in PERMISSIONS:
        raise KeyError(f"no such permission: {permission}")
    return _mark(permission)


def public(view: View) -> View:
    """Declare that a view needs no login."""
    return _mark(PUBLIC)(view)


def permission_of(view: Callable[..., Any] | None) -> str | None:
    """The permission a view declares, or None when it declares none."""
    return cast("str | None", getattr(view, "permission", None))


def allows(permission: str, roles: frozenset[str]) -> bool:
    """True when one of the roles holds the permission."""
    return permission == PUBLIC or bool(PERMISSIONS[permission] & roles)


def _mark(permission: str) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark
