"""The fixed table of jobs: what runs when, on which threads. Each calls one use case of a room; no rule stands here."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date, timedelta
from functools import cache

import psutil
from sqlalchemy import select

from casework.intake import take_callbacks
from core import alarms, audit, callbacks
from core.clock import day_start, shanghai
from core.house import House
from core.models import Brief, CrawlRun
from core.models.words import RunState
from core.ports import Scorer
from monitors.alerts import raise_due, send_due
from monitors.briefs import make
from monitors.issues import detect
from monitors.scoring import score_new
from monitors.sentiment import SnowScorer
from publisher.delivery import Worker, end_look, handle_callbacks, look
from scheduler import runs
from scheduler.indexing import Indexer
from scheduler.runs import Job
from spiders.runner import run_due

BRIEF_AT = "07:30"
SCORE_BATCH = 500
RUNS_KEPT = timedelta(days=30)
CALLBACKS_KEPT = timedelta(days=90)  # they hold what citizens wrote
ALARMS_KEPT = timedelta(days=400)


def deliver(house: House, off: threading.Event) -> None:
    """Claim and deliver what is due, until told to stop."""
    Worker(house, "deliver").run(off)


def take_in(house: House) -> int:
    """Hand stored platform callbacks to the ledger and to intake."""
    return handle_callbacks(house) + take_callbacks(house)


def score(house: House) -> int:
    """Score new mentions, one batch a run."""
    return score_new(house, scorer(), SCORE_BATCH)


@cache
def scorer() -> Scorer:
    """The scorer, its model loaded once a process."""
    return SnowScorer()


def index(house: House) -> int:
    """Bring new and changed items and messages into the search index."""
    return indexer().run(house)


@cache
def indexer() -> Indexer:
    """How far this process has come."""
    return Indexer()


def find_issues(house: House) -> int:
    """Look for new and changed issues."""
    return len(detect(house))


def alert(house: House) -> int:
    """Write down the alerts that are due."""
    return len(raise_due(house))


def send(house: House) -> int:
    """Send what alerts are waiting."""
    return send_due(house)


def write_brief(house: House) -> int:
    """Make the newest brief that is due, unless it stands already."""
    day = newest_brief_day(house)
    with house.db.read() as session:
        if session.scalar(select(Brief.id).where(Brief.period == day.isoformat(), Brief.kind == "daily")):
            return 0
    make(house, day)
    return 1


def newest_brief_day(house: House) -> date:
    """Yesterday from BRIEF_AT on, the day before that until then: comments of the night are still being collected."""
    now = house.clock.now()
    hour, _, minute = BRIEF_AT.partition(":")
    due = day_start(now) + timedelta(hours=int(hour), minutes=int(minute))
    return shanghai(now).date() - timedelta(days=1 if now >= due else 2)


def purge(house: House) -> int:
    """Delete what has been kept long enough."""
    now = house.clock.now()
    with house.db.write() as session:
        return (
            runs.purge(session, now - RUNS_KEPT)
            + callbacks.purge(session, now - CALLBACKS_KEPT)
            + alarms.purge(session, now - ALARMS_KEPT)
            + audit.purge(session, house.settings.log_retention_days, now)
        )


def end_crawls(house: House) -> None:
    """Ask this process's crawlers to end: a page is stored whole or not at all, and the next run goes on from there."""
    with house.db.read() as session:
        running = set(session.scalars(select(CrawlRun.pid).where(CrawlRun.state == RunState.RUNNING.value)))
    for child in psutil.Process().children():
        if child.pid in running:
            with suppress(psutil.NoSuchProcess):
                child.terminate()


TABLE = {
    "deliver": Job("分发", keep=deliver),
    "look": Job("查证与接手", look, every_s=2, engine="deliver", finish=end_look),
    "callbacks": Job("处理平台通知", take_in, every_s=1, engine="deliver"),
    "crawl": Job("采集", run_due, every_s=5, engine="crawl", interrupt=end_crawls),
    "score": Job("情感打分", score, every_s=3),
    "index": Job("更新检索", index, every_s=5),
    "detect": Job("议题发现", find_issues, every_s=15),
    "alerts": Job("生成预警", alert, every_s=5),
    "send_alerts": Job("发送预警", send, every_s=5),
    "brief": Job("生成简报", write_brief, daily_at=BRIEF_AT),
    "purge": Job("清理过期记录", purge, daily_at="03:30", at_start=False),
}
