"""From what was learned to the state of rows and copies. Whoever learned it, the rules are these.

Every piece of news is stored first; the same event twice is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from core import alarms
from core.models import Copy, Delivery
from core.models.words import AlarmLevel, CopyEventKind, CopyState, Operation
from core.ports import Effect, Json, Receipt, Reconcile
from publisher.channels import channel_class
from publisher.delivery.gates import freeze_of
from publisher.delivery.rows import (
    ABSENT,
    add_withdrawal,
    close_steps,
    end_copy,
    move,
    note_event,
    observe,
    possible_calls,
    put_back,
    rows_of,
    waiting_withdrawal,
)
from publisher.workflow import IN_FLIGHT, UNSENT, State, path

ROOM = "publisher"
PUBLIC = (Operation.PUBLISH, Operation.REPLY)


@dataclass(frozen=True)
class News:
    """Something learned about a delivery. `source`: call, late_call, find, poll, callback, read_live, person."""

    source: str
    receipt: Receipt
    event_key: str | None = None
    code: str = ""
    detail: Json = field(default_factory=dict)


def learn(session: Session, delivery: Delivery, news: News, now: datetime) -> bool:
    """Store the news and move row and copy as it says; False when it was known already.

    `receipt.state` is confirmed, sent, refused or gone. A row only ever moves forward.
    """
    receipt = news.receipt
    detail = {"url": receipt.url, "text": receipt.text, "code": news.code, **receipt.data, **news.detail}
    if not observe(
        session, delivery, news.source, receipt.state, now,
        event_key=news.event_key, remote_id=receipt.remote_id, detail=detail,
    ):  # fmt: skip
        return False
    rules = {"confirmed": _confirmed, "sent": _sent, "refused": _refused, "gone": _gone}
    rules[receipt.state](session, delivery, news, now)
    session.flush()
    return True


def learn_absent(session: Session, delivery: Delivery, now: datetime, source: str, detail: Json) -> None:
    """The lost call is absent for certain: send again, unless a withdrawal, a freeze or a newer revision says no."""
    observe(session, delivery, source, ABSENT, now, detail=detail)
    close_steps(session, delivery, ABSENT, now)
    if waiting_withdrawal(session, delivery.copy_id):
        put_back(delivery, now, cancelled="查证为未发出，且稿件已撤回")
        _ended_unpublished(session, delivery, now)
        return
    frozen = freeze_of(session, delivery.account_id)
    put_back(delivery, now, held=f"查证为未发出；{frozen}" if frozen else "")
    if delivery.operation == Operation.PUBLISH and delivery.copy_id:
        newer = rows_of(session, delivery.copy_id, UNSENT, Operation.CORRECT.value)
        if newer:
            replace_unsent(session, delivery, newer[-1], now)
    session.flush()


def replace_unsent(session: Session, old: Delivery, newer: Delivery, now: datetime) -> None:
    """A newer revision takes the place of an unsent publish row: the waiting correction becomes the publish."""
    if old.state == State.HELD:
        move(old, State.PLANNED, now)
    move(old, State.SUPERSEDED, now, "已由新版本代替")
    session.flush()
    newer.operation, newer.round, newer.attempt = Operation.PUBLISH.value, old.round, old.attempt + 1
    newer.waits_for, newer.waits_until, newer.memory = old.waits_for, old.waits_until, {}


def _confirmed(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    copy = delivery.copy
    if delivery.state == State.CONFIRMED:
        _again(session, delivery, news.receipt, now)
        return
    route = path(delivery.state, State.CONFIRMED)
    if not route:
        _live_after_end(session, delivery, news.receipt, now)
        return
    if delivery.state not in IN_FLIGHT and copy is not None and copy.state == CopyState.WITHDRAWN:
        _live_after_end(session, delivery, news.receipt, now)
        return
    for state in route:
        move(delivery, state, now)
    if news.source not in ("call",):
        delivery.fence += 1
    close_steps(session, delivery, Effect.DONE.value, now)
    delivery.once_step, delivery.receipt = "", _kept(news.receipt, delivery.receipt)
    delivery.error_code = delivery.error_text = ""
    alarms.clear(session, ask_key(delivery), "ledger", now)
    if copy is not None and delivery.operation != Operation.REPLY:
        _set_live(session, copy, delivery, news.receipt, now)


def _set_live(session: Session, copy: Copy, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    corrected = delivery.operation == Operation.CORRECT
    _watch_duplicate(session, copy, receipt, now)
    copy.state, copy.ended_at = CopyState.LIVE.value, None
    copy.remote_id, copy.url = receipt.remote_id or copy.remote_id, receipt.url or copy.url
    copy.receipt, copy.revision_id = _kept(receipt, copy.receipt), delivery.revision_id
    copy.published_at = copy.published_at or now
    copy.confirmed_at = copy.confirmed_at or now
    kind = CopyEventKind.CORRECTED if corrected else CopyEventKind.LIVE
    note_event(session, copy, kind, now, delivery_id=delivery.id, remote_id=copy.remote_id, url=copy.url)
    gone = receipt.data.get("gone")
    if gone:
        end_copy(session, copy, CopyState.GONE, now)
        kind = CopyEventKind.DELETED if gone == "us" else CopyEventKind.BANNED
        note_event(session, copy, kind, now, by=gone)
        text = f"《{copy.article.title}》在“{copy.account.name}”发布后已被{'删除' if gone == 'us' else '平台封禁'}"
        alarms.raise_(session, f"gone:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id)


def _again(session: Session, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    """News of a row that is confirmed: the same copy, or a second one."""
    copy = delivery.copy
    if copy is None or delivery.operation == Operation.REPLY:
        return
    if receipt.remote_id in ("", copy.remote_id):
        copy.receipt = _kept(receipt, copy.receipt)
        return
    if copy.state == CopyState.LIVE:
        _watch_duplicate(session, copy, receipt, now)
    else:
        _live_after_end(session, delivery, receipt, now)


def _watch_duplicate(session: Session, copy: Copy, receipt: Receipt, now: datetime) -> None:
    """Two platform ids for one live copy: event, figure and alarm. Never an automatic deletion: which one stays?"""
    if copy.state != CopyState.LIVE or not copy.remote_id or receipt.remote_id in ("", copy.remote_id):
        return
    ids = [copy.remote_id, receipt.remote_id]
    note_event(session, copy, CopyEventKind.DUPLICATE, now, remote_ids=ids, url=receipt.url)
    text = f"《{copy.article.title}》在“{copy.account.name}”出现两条，请立即核对并删除一条"
    alarms.raise_(session, f"duplicate:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id, ids=ids)


def _live_after_end(session: Session, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    """A live copy of a cancelled, superseded or withdrawn round: store, alarm, and plan its withdrawal at once."""
    copy = delivery.copy
    if copy is None or (receipt.remote_id == copy.remote_id and copy.state in (CopyState.WITHDRAWN, CopyState.GONE)):
        return
    copy.state, copy.remote_id, copy.url = CopyState.LIVE.value, receipt.remote_id, receipt.url
    copy.receipt, copy.ended_at = _kept(receipt, {}), None
    close_steps(session, delivery, Effect.DONE.value, now)
    note_event(session, copy, CopyEventKind.LIVE, now, delivery_id=delivery.id, remote_id=receipt.remote_id, late=True)
    name = f"《{copy.article.title}》在“{copy.account.name}”"
    if delivery.state == State.SUPERSEDED:
        for row in rows_of(session, copy.id, frozenset({State.PLANNED}), Operation.PUBLISH.value):
            move(row, State.HELD, now, "旧版本稍后出现在平台上，请先处理旧版本")
        text = f"{name}的旧版本稍后出现在平台上，新版本已暂缓，请处理"
    else:
        add_withdrawal(session, copy, now, "已撤回的稿件又出现在平台上", release_id=delivery.release_id)
        text = f"{name}已撤回却又出现在平台上，系统已安排再次撤回"
    alarms.raise_(session, f"late_live:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id)


def _sent(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    delivery.receipt = _kept(news.receipt, delivery.receipt)
    delivery.job_id = str(news.receipt.data.get("publish_id") or delivery.job_id)
    if delivery.state == State.INTENDED:
        move(delivery, State.SENT, now)
        delivery.looks, delivery.worker_id = 0, None


def _refused(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    late = news.source == "late_call"
    if delivery.state not in IN_FLIGHT or (
        late and (delivery.state != State.UNKNOWN or possible_calls(session, delivery.id))
    ):
        return  # a newer call of another worker may be out
    move(delivery, State.REFUSED, now, news.receipt.text)
    delivery.fence += 1
    delivery.once_step, delivery.error_code, delivery.error_text = "", news.code, news.receipt.text
    delivery.receipt = _kept(news.receipt, delivery.receipt)
    close_steps(session, delivery, Effect.DONE.value, now)  # the call itself was answered: accepted, then refused
    name = f"《{delivery.article.title}》在“{delivery.account.name}”"
    alarms.raise_(
        session, f"refused:{delivery.id}", AlarmLevel.WARNING, ROOM, f"{name}被拒绝：{news.receipt.text}", now,
        delivery_id=delivery.id,
    )  # fmt: skip
    if delivery.operation == Operation.WITHDRAW and delivery.copy:
        note_event(session, delivery.copy, CopyEventKind.RESIDUAL, now, text=news.receipt.text)
    _ended_unpublished(session, delivery, now)


def _gone(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    """The copy is not there any more: a withdrawal is done, or something else removed it."""
    copy = delivery.copy
    if delivery.operation != Operation.WITHDRAW or copy is None:
        return
    for state in path(delivery.state, State.CONFIRMED):
        move(delivery, state, now)
    delivery.receipt = _kept(news.receipt, delivery.receipt)
    residual = delivery.receipt.get("residual")
    if copy.state == CopyState.LIVE:
        end_copy(session, copy, CopyState.WITHDRAWN, now)
        note_event(session, copy, CopyEventKind.WITHDRAWN, now, delivery_id=delivery.id)
    elif copy.state == CopyState.EXPECTED:
        end_copy(session, copy, CopyState.NEVER, now)
    if residual:
        note_event(session, copy, CopyEventKind.RESIDUAL, now, text=residual)
    alarms.clear(session, f"late_live:{copy.id}", "ledger", now)


def _ended_unpublished(session: Session, delivery: Delivery, now: datetime) -> None:
    """A publish that ended without a live copy: nothing is left to withdraw or to correct."""
    copy = delivery.copy
    if copy is None or delivery.operation != Operation.PUBLISH or copy.state == CopyState.LIVE:
        return
    copy.state = CopyState.NEVER.value
    for row in rows_of(session, copy.id, UNSENT, Operation.WITHDRAW.value):
        if copy.published_at is None or not _own_steps(row):
            move(row, State.CANCELLED, now, "没有发出，无需撤回")
    for row in rows_of(session, copy.id, frozenset({State.PLANNED}), Operation.CORRECT.value):
        move(row, State.HELD, now, "原稿没有发出，请决定是否改为发布")


def _own_steps(row: Delivery) -> bool:
    """Channels whose pages and rows are ours may show something before the row says so."""
    return channel_class(row.account.kind).reconcile in (Reconcile.OWN, Reconcile.KEY)


def ask_key(delivery: Delivery) -> str:
    """The alarm that asks a person about an undecided row."""
    return f"ask:{delivery.id}"


def _kept(receipt: Receipt, before: Json) -> Json:
    text = {"text": receipt.text} if receipt.text else {}
    return {**before, **receipt.data, **text}
