"""The left navigation by the work, not by the table; everybody sees only what the role may do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboards.access import allows


@dataclass(frozen=True)
class Entry:
    """One link: word, icon, endpoint, permission, and the name of the figure shown beside it."""

    word: str
    icon: str
    endpoint: str
    permission: str
    figure: str = ""
    reader_word: str = ""  # for those who may open the page but not write on it


@dataclass(frozen=True)
class Group:
    """A heading with its links; an empty heading stands for a link of its own."""

    word: str
    entries: tuple[Entry, ...]


MENU = (
    Group("", (Entry("总览", "layout-dashboard", "home.first", "own"),)),
    Group(
        "稿件",
        (
            Entry("写稿", "pencil", "articles.index", "articles.read", reader_word="看稿"),
            Entry("审核", "checks", "reviews.queue", "articles.review", "review"),
            Entry("日历", "calendar", "deliveries.calendar", "deliveries.read"),
            Entry("分发", "send", "deliveries.matrix", "deliveries.read", "unknown"),
        ),
    ),
    Group(
        "互动",
        (
            Entry("评论", "messages", "mentions.index", "mentions.read"),
            Entry("评论审核", "message-check", "comments.queue", "comments.moderate", "comments"),
            Entry("留言办理", "inbox", "cases.index", "cases.read", "cases"),
        ),
    ),
    Group(
        "舆情",
        (
            Entry("议题", "trending-up", "issues.index", "issues.read", "issues"),
            Entry("预警", "bell-ringing", "alerts.index", "issues.read", "alerts"),
        ),
    ),
    Group("", (Entry("简报", "report", "briefs.latest", "briefs.read"),)),
    Group(
        "管理",
        (
            Entry("账号", "plug-connected", "accounts.index", "accounts.read"),
            Entry("采集", "antenna", "sources.index", "accounts.read"),
            Entry("用户", "users", "people.index", "people.manage"),
            Entry("设置", "settings", "settings.index", "settings.manage"),
            Entry("留痕", "history", "audit.index", "audit.read"),
        ),
    ),
)
PHONE = (
    Entry("总览", "layout-dashboard", "home.first", "own"),
    Entry("稿件", "pencil", "articles.index", "articles.read"),
    Entry("议题", "trending-up", "issues.index", "issues.read"),
    Entry("分发", "send", "deliveries.matrix", "deliveries.read"),
    Entry("简报", "report", "briefs.latest", "briefs.read"),
)


def menu_for(roles: frozenset[str]) -> list[Group]:
    """The groups this person sees, without empty ones."""
    groups = [Group(g.word, tuple(_worded(e, roles) for e in g.entries if allows(e.permission, roles))) for g in MENU]
    return [group for group in groups if group.entries]


def _worded(entry: Entry, roles: frozenset[str]) -> Entry:
    if entry.reader_word and not allows("articles.write", roles):
        return replace(entry, word=entry.reader_word)
    return entry


def phone_bar(roles: frozenset[str]) -> list[Entry]:
    """The four entries of the bottom bar; who may not see issues gets the deliveries instead."""
    allowed = [entry for entry in PHONE if allows(entry.permission, roles)]
    if len(allowed) > 4:
        allowed = [entry for entry in allowed if entry.endpoint != "deliveries.matrix"]
    return allowed[:4]
