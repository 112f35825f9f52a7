"""Sign, colour and icon of every state, so that a state is never told by colour alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """`tone` is a CSS class suffix of the state tokens, `icon` a webfont name, `mark` a character for print."""

    tone: str
    icon: str
    mark: str


SIGNS: dict[str, Sign] = {
    "planned": Sign("waiting", "clock", "○"),
    "held": Sign("late", "hand-stop", "‖"),
    "intended": Sign("waiting", "send", "→"),
    "sent": Sign("waiting", "hourglass", "…"),
    "unknown": Sign("unknown", "help-circle", "?"),
    "confirmed": Sign("confirmed", "circle-check", "✓"),
    "refused": Sign("refused", "circle-x", "✕"),
    "cancelled": Sign("muted", "ban", "–"),
    "superseded": Sign("muted", "replace", "»"),
    "draft": Sign("muted", "pencil", "✎"),
    "in_review": Sign("waiting", "eye", "…"),
    "returned": Sign("late", "arrow-back-up", "↩"),
    "approved": Sign("confirmed", "checks", "✓"),
    "released": Sign("confirmed", "send", "→"),
    "withdrawn": Sign("muted", "trash-x", "⌫"),
    "expected": Sign("waiting", "clock", "○"),
    "live": Sign("confirmed", "circle-check", "✓"),
    "gone": Sign("refused", "alert-triangle", "!"),
    "never": Sign("muted", "ban", "–"),
    "positive": Sign("confirmed", "mood-smile", "＋"),
    "neutral": Sign("waiting", "mood-neutral", "＝"),
    "negative": Sign("refused", "mood-sad", "－"),
    "no_text": Sign("muted", "photo", "∅"),
    "blue": Sign("level-blue", "info-circle", "Ⅳ"),
    "yellow": Sign("level-yellow", "alert-circle", "Ⅲ"),
    "orange": Sign("level-orange", "alert-triangle", "Ⅱ"),
    "red": Sign("level-red", "alert-octagon", "Ⅰ"),
    "notice": Sign("waiting", "info-circle", "i"),
    "warning": Sign("late", "alert-triangle", "!"),
    "critical": Sign("refused", "alert-octagon", "!!"),
    "pending": Sign("waiting", "clock", "○"),
    "accepted": Sign("confirmed", "circle-check", "✓"),
    "rejected": Sign("refused", "circle-x", "✕"),
    "received": Sign("waiting", "inbox", "○"),
    "closed": Sign("muted", "archive", "–"),
    "found": Sign("late", "bulb", "!"),
    "dismissed": Sign("muted", "ban", "–"),
    "complete": Sign("confirmed", "circle-check", "✓"),
    "partial": Sign("late", "circle-half", "½"),
    "failed": Sign("refused", "circle-x", "✕"),
    "skipped": Sign("muted", "player-skip-forward", "–"),
    "running": Sign("waiting", "loader", "…"),
    "done": Sign("confirmed", "circle-check", "✓"),
    "lost": Sign("unknown", "help-circle", "?"),
    "block": Sign("refused", "circle-x", "✕"),
    "confirm": Sign("late", "alert-triangle", "!"),
    "warn": Sign("waiting", "info-circle", "i"),
    "approve": Sign("confirmed", "circle-check", "✓"),
    "return": Sign("late", "arrow-back-up", "↩"),
    "waiting": Sign("waiting", "clock", "○"),
}
NONE = Sign("muted", "point", "·")
