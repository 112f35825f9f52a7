"""From what was learned to the state of rows and copies. Whoever learned it, the rules are these.

Every piece of news is stored first; the same event twice is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import alarms
from core.models import Delivery
from core.models.words import AlarmLevel, ArticleState, CopyEventKind, CopyState, Operation
from core.ports import Effect, Json, Receipt
from publisher.delivery.copies import (
    ROOM,
    hear_again,
    is_own,
    kept,
    live_after_end,
    newer_rounds,
    set_live,
    taken_down,
)
from publisher.delivery.gates import freeze_of
from publisher.delivery.rows import (
    ABSENT,
    add_withdrawal,
    calls_made,
    close_steps,
    end_copy,
    hold,
    move,
    note_event,
    observe,
    possible_calls,
    put_back,
    rows_of,
    stop,
    waiting_withdrawal,
)
from publisher.workflow import IN_FLIGHT, UNSENT, State, path


@dataclass(frozen=True)
class News:
    """Something learned about a delivery. `source`: call, late_call, find, poll, callback, read_live, person."""

    source: str
    receipt: Receipt
    event_key: str | None = None
    code: str = ""
    detail: Json = field(default_factory=dict)

    def told(self) -> Json:
        """What is kept of it with the observation."""
        receipt = self.receipt
        return {"url": receipt.url, "text": receipt.text, "code": self.code, **receipt.data, **self.detail}


def learn(session: Session, delivery: Delivery, news: News, now: datetime) -> bool:
    """Store the news and move row and copy as it says; False when it was known already.

    `receipt.state` is confirmed, sent, refused or gone. A row only ever moves forward.
    """
    receipt = news.receipt
    if not observe(
        session, delivery, news.source, receipt.state, now,
        event_key=news.event_key, remote_id=receipt.remote_id, detail=news.told(),
    ):  # fmt: skip
        return False
    rules = {"confirmed": _confirmed, "sent": _sent, "refused": _refused, "gone": _gone}
    rules[receipt.state](session, delivery, news, now)
    session.flush()
    return True


def learn_absent(session: Session, delivery: Delivery, now: datetime, source: str, detail: Json) -> None:
    """The lost call is absent for certain: send again, unless a withdrawal, a freeze or a newer revision says no."""
    observe(session, delivery, source, ABSENT, now, detail=detail)
    close_steps(session, [delivery.id], ABSENT, now)
    delivery.receipt, delivery.job_id = {}, ""  # what was said of this call says nothing of the next
    if waiting_withdrawal(session, delivery.copy_id):
        put_back(delivery, now, cancelled="查证为未发出，且稿件已撤回")
        if delivery.copy and detail.get("residual"):
            note_event(session, delivery.copy, CopyEventKind.RESIDUAL, now, text=detail["residual"])
        _ended_unpublished(session, delivery, now)
        return
    frozen = freeze_of(session, delivery.account_id)
    put_back(delivery, now, held=f"查证为未发出；{frozen}" if frozen else "")
    session.flush()


def _confirmed(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    if delivery.state == State.CONFIRMED:
        hear_again(session, delivery, news.receipt, news.source, now)
        return
    route = path(delivery.state, State.CONFIRMED)
    if not route or _was_withdrawn(delivery):
        _after_end(session, delivery, news.receipt, now)
        return
    _stop_newer(session, delivery, now)
    _reopen(session, delivery, now)
    _watch_calls(session, delivery, news.source, now)
    for state in route:
        move(delivery, state, now)
    if news.source != "call":
        delivery.fence += 1
    close_steps(session, [delivery.id], Effect.DONE.value, now)
    delivery.once_step, delivery.receipt = "", kept(news.receipt, delivery.receipt)
    delivery.error_code = delivery.error_text = ""
    close_questions(session, delivery, "ledger", now)
    if delivery.copy is not None and delivery.operation != Operation.REPLY:
        set_live(session, delivery, news.receipt, now)


def _was_withdrawn(delivery: Delivery) -> bool:
    """The copy was taken down, or the article withdrawn, while the row was not in flight any more."""
    copy = delivery.copy
    if delivery.state in IN_FLIGHT or copy is None or delivery.operation == Operation.WITHDRAW:
        return False
    return copy.state == CopyState.WITHDRAWN or delivery.article.state == ArticleState.WITHDRAWN


def _after_end(session: Session, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    """What ended is live: a copy is taken down again, an answer can only be removed by a person."""
    if delivery.copy is None:
        _alarm_late(session, delivery, "一次已作废的回复稍后出现在平台上，请到平台核对并处理", now)
    live_after_end(session, delivery, receipt, now)


def _watch_calls(session: Session, delivery: Delivery, source: str, now: datetime) -> None:
    """An earlier call is live while the row's newest has no answer yet. On our own pages a second is no second copy."""
    if source == "call" or delivery.state != State.INTENDED or not delivery.once_step:
        return
    if not is_own(delivery.account.kind) and calls_made(session, [delivery.id]).get(delivery.id, 0) > 1:
        text = "上一次发送已上线，又一次发送还没有答复，可能出现两条，请到平台核对"
        _alarm_late(session, delivery, text, now)


def _sent(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    """Accepted and not shown yet. A row that was put back meanwhile is never sent again: it is looked for."""
    late = news.source != "call"
    if not (late and delivery.job_id):  # a newer job of this row stays the one that is polled
        delivery.receipt = kept(news.receipt, delivery.receipt)
        delivery.job_id = str(news.receipt.data.get("publish_id") or delivery.job_id)
    if delivery.state in (State.UNKNOWN, State.SENT, State.CONFIRMED):
        return
    route = path(delivery.state, State.SENT)
    if route:
        _stop_newer(session, delivery, now)
    if not route or _lane_is_taken(session, delivery):
        _accepted_after_end(session, delivery, now)
        return
    _reopen(session, delivery, now)
    for state in route:
        move(delivery, state, now)
    delivery.looks, delivery.worker_id, delivery.error_text, delivery.asked_at = 0, None, "", None
    if late:
        delivery.fence += 1  # whoever holds it must not make another call
        delivery.once_deadline_at, delivery.look_at = now, now


def _reopen(session: Session, delivery: Delivery, now: datetime) -> None:
    """A row that was put back or refused is, or may come, live after all; if withdrawn meanwhile it is taken down."""
    copy = delivery.copy
    if delivery.state == State.REFUSED:
        alarms.clear(session, refused_key(delivery.id), "ledger", now)
    if delivery.state in IN_FLIGHT or copy is None or delivery.operation != Operation.PUBLISH:
        return
    if copy.state == CopyState.NEVER:
        copy.state = CopyState.EXPECTED.value
    if delivery.article.state == ArticleState.WITHDRAWN:
        add_withdrawal(session, copy, now, "已撤回的稿件稍后被平台受理", release_id=delivery.release_id)


def _stop_newer(session: Session, delivery: Delivery, now: datetime) -> None:
    """A newer round must not go out beside a row that was put back or refused and is, or may come, live after all."""
    if delivery.state in IN_FLIGHT or delivery.copy is None or delivery.operation != Operation.PUBLISH:
        return
    newer = newer_rounds(session, delivery)
    if stop(session, newer, "上一轮稍后被平台受理，请先到平台核对", now):
        _alarm_late(session, delivery, "上一轮发送稍后被平台受理，新的一轮已暂缓，请核对后决定", now)


def _accepted_after_end(session: Session, delivery: Delivery, now: datetime) -> None:
    """What is accepted of a row that ended, or whose lane is taken, may come live: it is not sent, a person is told."""
    if delivery.operation == Operation.WITHDRAW:
        return
    if delivery.state == State.PLANNED:
        hold([delivery], "平台稍后受理了上一次发送，请先到平台核对", now)
    _alarm_late(session, delivery, "一次已作废的发送稍后被平台受理，可能上线，请到平台核对并处理", now)


def _alarm_late(session: Session, delivery: Delivery, text: str, now: datetime) -> None:
    text = f"《{delivery.article.title}》在“{delivery.account.name}”：{text}"
    key = f"late_sent:{delivery.id}"
    alarms.raise_(session, key, AlarmLevel.CRITICAL, ROOM, text, now, delivery_id=delivery.id)


def _lane_is_taken(session: Session, delivery: Delivery) -> bool:
    """Another row of the same article, or of the same thing answered, is in flight on the account."""
    query = select(Delivery.id).where(
        Delivery.id != delivery.id,
        Delivery.account_id == delivery.account_id,
        Delivery.state.in_([state.value for state in IN_FLIGHT]),
    )
    if delivery.operation == Operation.REPLY:
        query = query.where(Delivery.operation == Operation.REPLY.value, Delivery.answers_key == delivery.answers_key)
    else:
        query = query.where(Delivery.operation != Operation.REPLY.value, Delivery.article_id == delivery.article_id)
    return session.scalar(query.limit(1)) is not None


def _refused(session: Session, delivery: Delivery, news: News, now: datetime) -> None:
    late = news.source == "late_call"
    if delivery.state not in IN_FLIGHT or (
        late and (delivery.state != State.UNKNOWN or possible_calls(session, delivery.id))
    ):
        return  # a newer call of another worker may be out
    move(delivery, State.REFUSED, now, news.receipt.text)
    delivery.fence += 1
    delivery.once_step, delivery.error_code, delivery.error_text = "", news.code, news.receipt.text
    delivery.receipt = kept(news.receipt, delivery.receipt)
    close_questions(session, delivery, "ledger", now)
    close_steps(session, [delivery.id], Effect.DONE.value, now)  # the call itself was answered: accepted, then refused
    name = f"《{delivery.article.title}》在“{delivery.account.name}”"
    alarms.raise_(
        session, refused_key(delivery.id), AlarmLevel.WARNING, ROOM, f"{name}被拒绝：{news.receipt.text}", now,
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
    delivery.receipt = kept(news.receipt, delivery.receipt)
    close_questions(session, delivery, "ledger", now)
    if copy.state == CopyState.LIVE:
        taken_down(session, copy, delivery, news.receipt.remote_id, now)
    elif copy.state == CopyState.EXPECTED:
        end_copy(session, copy, CopyState.NEVER, now)
    residual = delivery.receipt.get("residual")
    if residual:
        note_event(session, copy, CopyEventKind.RESIDUAL, now, text=residual)


def _ended_unpublished(session: Session, delivery: Delivery, now: datetime) -> None:
    """A publish that ended without a live copy: nothing is left to withdraw or to correct."""
    copy = delivery.copy
    if copy is None or delivery.operation != Operation.PUBLISH or copy.state == CopyState.LIVE:
        return
    copy.state = CopyState.NEVER.value
    for row in rows_of(session, copy.id, UNSENT, Operation.WITHDRAW.value):
        if copy.published_at is None or not is_own(row.account.kind):
            move(row, State.CANCELLED, now, "没有发出，无需撤回")
            close_questions(session, row, "ledger", now)
    waiting = rows_of(session, copy.id, frozenset({State.PLANNED}), Operation.CORRECT.value)
    hold(waiting, "原稿没有发出，请决定是否改为发布", now)


def ask_key(delivery_id: int) -> str:
    """The alarm that asks a person about an undecided row."""
    return f"ask:{delivery_id}"


def stuck_key(delivery_id: int) -> str:
    """The alarm about a withdrawal that is not done in time."""
    return f"withdraw:{delivery_id}"


def refused_key(delivery_id: int) -> str:
    """The alarm about a refused row."""
    return f"refused:{delivery_id}"


def close_questions(session: Session, delivery: Delivery, by: str, now: datetime) -> None:
    """The row is decided: nobody need be asked or warned about it any more."""
    alarms.clear_all(session, [ask_key(delivery.id), stuck_key(delivery.id)], by, now)
