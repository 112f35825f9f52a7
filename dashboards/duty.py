"""The ledger's duty figures for the first page and /healthz, and the alarm `web` raises by itself.

The scheduler may be what died, so nothing here relies on it.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from core import alarms
from core.errors import AppError
from core.house import House
from core.models.words import AlarmLevel
from dashboards.formats import span
from publisher.delivery import DutyFigures, figures

SILENT_KEY = "web:silent"
DUPLICATE_KEY = "web:duplicate"
WATCH_S = 20.0
log = logging.getLogger(__name__)


def duty(house: House) -> DutyFigures:
    """The figures now; also raises or clears the alarms for silence and duplicates."""
    now = house.clock.now()
    with house.db.read() as session:
        current = figures(session, now, house.settings)
        open_keys = {alarm.dedup_key for alarm in alarms.standing(session)}
    problems = {SILENT_KEY: current.silent > 0, DUPLICATE_KEY: current.duplicates > 0}
    if any(problems.values()) or open_keys & set(problems):
        _tell(house, current, problems)
    return current


def _tell(house: House, current: DutyFigures, problems: dict[str, bool]) -> None:
    now = house.clock.now()
    texts = {
        SILENT_KEY: (
            f"有 {current.silent} 条分发到时未动，最久 {span(current.silent_oldest_s)}。请检查调度和分发进程。"
        ),
        DUPLICATE_KEY: f"有 {current.duplicates} 处同一稿件在同一账号出现重复。请到分发页查看。",
    }
    with house.db.write() as session:
        for key, wrong in problems.items():
            if wrong:
                alarms.raise_(session, key, AlarmLevel.CRITICAL, "dashboards", texts[key], now)
            else:
                alarms.clear(session, key, "web", now)


def start_watch(house: House) -> threading.Event:
    """Watch from a thread of the web process, so that the alarm comes also when nobody opens a page; set to stop."""
    stop = threading.Event()
    threading.Thread(target=watch, args=(house, stop), name="duty-watch", daemon=True).start()
    return stop


def watch(house: House, stop: threading.Event, every_s: float = WATCH_S) -> None:
    """Look every `every_s` seconds until `stop`; a database that is away for a moment is logged and tried again."""
    while not stop.wait(every_s):
        try:
            duty(house)
        except (AppError, SQLAlchemyError) as error:
            log.error("duty watch: %s", error)
