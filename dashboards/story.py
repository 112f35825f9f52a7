"""The story of one delivery in Chinese and in order: every step, answer, look-up, and act of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import Audit, Delivery, Observation, Step
from dashboards.labels import label

GOOD = {"done", "confirmed", "live"}
BAD = {"refused", "credential", "disabled", "gone"}
OPEN = {"unknown", "undecided", "absent"}


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, tone (good, bad, unknown or empty), headline, and the details under it."""

    at: datetime
    tone: str
    headline: str
    words: str = ""
    raw: str = ""


def story_of(session: Session, delivery: Delivery) -> list[Event]:
    """Everything known about a delivery, oldest first."""
    steps = session.scalars(select(Step).where(Step.delivery_id == delivery.id)).all()
    seen = session.scalars(select(Observation).where(Observation.delivery_id == delivery.id)).all()
    acts = session.scalars(
        select(Audit).where(Audit.subject_type == "delivery", Audit.subject_id == str(delivery.id))
    ).all()
    planned = Event(delivery.created_at, "", "排入分发", f"到时发出，{label('LatePolicy', delivery.late_policy)}")
    events = [event for step in steps for event in _step(step)]
    events += [_observation(row) for row in seen]
    events += [Event(row.at, "", f"{row.actor}：{label('action', row.action)}", _reason(row.detail)) for row in acts]
    return [planned, *sorted(events, key=lambda event: event.at)]


def _step(step: Step) -> list[Event]:
    """A once-step shows its intent on its own, since that is what must not be repeated."""
    name = label("step", step.name)
    events = []
    if step.once:
        events.append(Event(step.intent_at, "", f"准备调用：{name}", "只做一次的步骤，已先记下意图"))
    if step.result_at is None:
        if not step.once:
            events.append(Event(step.intent_at, "", f"开始：{name}"))
        return events
    tone = "good" if step.effect in GOOD else "bad" if step.effect in BAD else "unknown" if step.effect in OPEN else ""
    words = "，".join(part for part in (step.message, f"代码 {step.code}" if step.code else "") if part)
    events.append(Event(step.result_at, tone, f"{name}：{label('Effect', step.effect)}", words, step.answer))
    return events


def _observation(row: Observation) -> Event:
    tone = "good" if row.verdict in GOOD else "bad" if row.verdict in BAD else "unknown" if row.verdict in OPEN else ""
    words = [str(row.detail[name]) for name in ("reason", "note", "text", "message") if row.detail.get(name)]
    if row.remote_id:
        words.append(f"平台编号 {row.remote_id}")
    headline = f"{label('ObservationSource', row.source)}：{label('Observation', row.verdict)}"
    return Event(row.seen_at, tone, headline, "，".join(words), _raw(row.detail))


def _reason(detail: dict[str, Any]) -> str:
    return "，".join(str(detail[name]) for name in ("reason", "note", "text") if detail.get(name))


def _raw(detail: dict[str, Any]) -> str:
    rest = {name: value for name, value in detail.items() if name not in {"reason", "note", "text", "message"}}
    return "\n".join(f"{name}: {value}" for name, value in rest.items())


def check_links(delivery: Delivery) -> list[tuple[str, str]]:
    """Where a person can look by hand: the platform's own page of the account, and the item's address."""
    account, links = delivery.account, []
    if account.kind == "weibo" and account.settings.get("uid"):
        links.append((f"https://weibo.com/u/{account.settings['uid']}", "微博主页"))
    if account.kind == "wechat":
        links.append(("https://mp.weixin.qq.com/", "微信公众平台（看“发表记录”）"))
    if delivery.copy and delivery.copy.url:
        links.append((delivery.copy.url, "系统记下的线上链接"))
    if account.kind == "website" and delivery.article.canonical_link:
        links.append((delivery.article.canonical_link, "网站上的稿件页"))
    return links
