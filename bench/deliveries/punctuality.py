"""From an item's due instant to the first byte of its call at the platform, with a full calendar behind it."""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime, timedelta

from sqlalchemy import select

from bench.deliveries.scene import Scene
from core.clock import SystemClock
from core.models import Copy, Delivery
from publisher.delivery import Worker

LINK = re.compile(r"articles(?:/|%2F)(\d+)\.html")
FIRST_CALLS = {"weibo": "statuses/share", "wechat": "draft/add", "jpush": "push"}  # jpush: its second, which says whose
LEAD_S = 2.0
WAIT_S = 300.0
HOURS = 6.0


def measure_punctuality(scene: Scene, planned: int, a_second: int, seconds: int) -> dict[str, float]:
    """`a_second` items due in each of so many seconds, `planned` more over the next hours; lateness in seconds."""
    count = a_second * seconds
    articles = scene.items(count, [SystemClock().now() + timedelta(hours=1)] * count)
    scene.distant(planned, SystemClock().now() + timedelta(hours=1), HOURS)
    begins_at = SystemClock().now() + timedelta(seconds=LEAD_S)
    _put_forward(scene, articles, begins_at, a_second)
    stop = threading.Event()
    worker = Worker(scene.office.house, "bench")
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        time.sleep(LEAD_S + seconds)
        states = scene.wait(articles, WAIT_S)
    finally:
        stop.set()
        thread.join()
    late_s = sorted(_lateness(scene, articles))
    if len(late_s) != count:
        raise RuntimeError(f"{len(late_s)} of {count} first calls were found: {states}")
    return {
        "due": count, "a_second": a_second, "planned_later": planned,
        "p50_s": round(late_s[count // 2], 3), "p99_s": round(late_s[int(count * 0.99)], 3),
        "worst_s": round(late_s[-1], 3),
    }  # fmt: skip


def _put_forward(scene: Scene, articles: list[int], begins_at: datetime, a_second: int) -> None:
    """Due at the whole steps of each second from now on; planned before, so that planning is over by then."""
    with scene.office.house.db.write() as session:
        rows = session.scalars(select(Delivery).where(Delivery.article_id.in_(articles)).order_by(Delivery.id))
        for place, row in enumerate(rows):
            row.due_at = begins_at + timedelta(seconds=place // a_second)


def _lateness(scene: Scene, articles: list[int]) -> list[float]:
    """The sandbox's log tells when each item's call arrived: when it was answered, less the time that took."""
    with scene.office.house.db.read() as session:
        rows = session.execute(select(Delivery.article_id, Delivery.due_at).where(Delivery.article_id.in_(articles)))
        due_at = {article_id: at.timestamp() for article_id, at in rows}
        copies = session.execute(select(Copy.remote_id, Copy.article_id).where(Copy.article_id.in_(articles)))
        posts = {remote_id: article_id for remote_id, article_id in copies if remote_id}
    arrived: dict[int, float] = {}
    for platform, api in FIRST_CALLS.items():
        for call in scene.sandbox.calls(platform=platform, api=api):
            article_id = _article_of(call, posts)
            at = call["at"] - call["took_ms"] / 1000
            if article_id in due_at:
                arrived[article_id] = min(arrived.get(article_id, at), at)
    return [at - due_at[article_id] for article_id, at in arrived.items()]


def _article_of(call: dict[str, object], posts: dict[str, int]) -> int:
    """Whose call it was: by the link in it, or by the number of the post it made."""
    found = LINK.search(str(call["request"])) or LINK.search(str(call["response"]))
    if found:
        return int(found[1])
    made = re.search(r'"idstr": ?"(\d+)"', str(call["response"]))
    return posts.get(made[1], 0) if made else 0
