"""Builds what a process needs from the settings: the House, the web apps, the scorers."""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.types import WSGIApplication

from core.config import Settings
from core.db import Database
from core.errors import NotConfigured
from core.house import House, open_house
from core.ports import Scorer
from core.vault import Vault
from dashboards.duty import start_watch
from dashboards.web import create_app as create_dashboards
from migrations import current, head, upgrade
from monitors.sentiment.engines import ENGINES
from portal.web import create_app as create_portal


def prepare(settings: Settings | None = None) -> Settings:
    """Make the home directory, the master key (if there is none) and the tables; safe to repeat."""
    settings = settings or Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.site_path.mkdir(parents=True, exist_ok=True)
    Vault.open(settings.key_path, create=True)
    upgrade(settings.database)
    return settings


def open_or_explain(settings: Settings | None = None) -> House:
    """The House, or NotConfigured with the command that mends it."""
    settings = settings or Settings()
    if not settings.key_path.exists():
        raise NotConfigured(f"这里还没有初始化（缺少 {settings.key_path}）。请先运行：wenzheng init")
    database = Database(settings.database, pool_size=1)
    try:
        found = current(database.engine)
    finally:
        database.dispose()
    if found != head():
        raise NotConfigured("数据库结构与程序版本不一致。请先备份，再运行：wenzheng init")
    return open_house(settings)


def make_web() -> WSGIApplication:
    """The staff web app over a House of its own, and the watch that alarms when the scheduler is what died."""
    house = open_or_explain()
    start_watch(house)
    return create_dashboards(house)


def make_portal() -> WSGIApplication:
    """The public web app over a House of its own."""
    return create_portal(open_or_explain())


def scorers() -> dict[str, Callable[[], Scorer]]:
    """Scoring engines by the name the command line takes."""
    return ENGINES
