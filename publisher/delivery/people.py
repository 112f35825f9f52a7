"""A person decides about one row: try a refused one again, resume or cancel a held one, settle an unknown one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import alarms
from core.audit import Actor, record
from core.errors import CheckFailed, TransitionNotAllowed
from core.models import Copy, Delivery, Observation
from core.models.words import ArticleState, CopyState, Operation, Role
from core.ports import Problem, Receipt
from publisher.delivery.gates import Stopped, check_approval
from publisher.delivery.outcomes import News, close_questions, learn, learn_absent
from publisher.delivery.planning import take_back
from publisher.delivery.rows import lock, move, observe, put_back, waiting_withdrawal
from publisher.workflow import IN_FLIGHT, UNSENT, State


def retry_refused(session: Session, actor: Actor, delivery_id: int, now: datetime) -> Delivery:
    """Plan a refused row again as a new attempt, due at once."""
    delivery = _row(session, actor, delivery_id)
    if delivery.copy and delivery.copy.state in (CopyState.WITHDRAWN, CopyState.GONE):
        raise TransitionNotAllowed("稿件已撤回，不能重试；如需再发，请用“再次发布”。")
    if delivery.operation == Operation.PUBLISH and delivery.round < _newest_round(session, delivery):
        raise TransitionNotAllowed("这篇稿件在该账号上已有新的一轮发布，旧的一轮不能再发。")
    _need_no_withdrawal(session, delivery)
    if delivery.operation != Operation.WITHDRAW and delivery.article.state == ArticleState.WITHDRAWN:
        raise TransitionNotAllowed("稿件已撤回，不能重试。")
    _need_nothing_live(session, delivery)
    _need_approval(session, delivery)
    move(delivery, State.PLANNED, now, "人工决定重试")
    _renew(delivery, now)
    delivery.attempt = _next_attempt(session, delivery)
    if delivery.copy and delivery.operation == Operation.PUBLISH:
        delivery.copy.state = CopyState.EXPECTED.value
    alarms.clear(session, f"refused:{delivery.id}", actor.name, now)
    record(session, actor, "delivery.retry", "delivery", delivery_id, attempt=delivery.attempt)
    session.flush()
    return delivery


def resume_held(session: Session, actor: Actor, delivery_id: int, now: datetime) -> Delivery:
    """A held row goes out after all: due now, with a fresh window."""
    delivery = _row(session, actor, delivery_id)
    if delivery.state != State.HELD:
        raise TransitionNotAllowed("只有暂缓的分发可以恢复。")
    _need_no_withdrawal(session, delivery)
    _need_nothing_live(session, delivery)
    _need_approval(session, delivery)
    move(delivery, State.PLANNED, now, "人工决定恢复")
    _renew(delivery, now)
    record(session, actor, "delivery.resume", "delivery", delivery_id)
    session.flush()
    return delivery


def cancel(session: Session, actor: Actor, delivery_id: int, reason: str, now: datetime) -> Delivery:
    """A row that was not sent will not go out."""
    delivery = _row(session, actor, delivery_id)
    _need_text(reason, "请填写取消理由。")
    if delivery.state not in UNSENT:
        raise TransitionNotAllowed("只有还没有发出的分发可以取消；结果未知的请先查证，已发出的请用“撤回”。")
    move(delivery, State.CANCELLED, now, reason)
    close_questions(session, delivery, actor.name, now)
    copy = delivery.copy
    if copy and delivery.operation == Operation.PUBLISH and copy.state == CopyState.EXPECTED:
        take_back(session, copy, now, reason, delivery.release_id)
    record(session, actor, "delivery.cancel", "delivery", delivery_id, reason=reason)
    session.flush()
    return delivery


@dataclass(frozen=True)
class Verdict:
    """What a person saw: `live` or `absent`, how they know it, and the platform's number and address if they have them.

    Of a withdrawal, `live` says that the item is still there and `absent` that it is gone.
    """

    word: str
    note: str
    remote_id: str = ""
    url: str = ""


def decide_unknown(session: Session, actor: Actor, delivery_id: int, verdict: Verdict, now: datetime) -> Delivery:
    """A person has looked at the platform and settles a row that is sent or unknown; CheckFailed without a note.

    Not there: it is sent again, unless a withdrawal waits. A withdrawn item still there: one more try, then residual.
    """
    delivery = _row(session, actor, delivery_id)
    _need_text(verdict.note, "请写明核对的办法和结果。")
    if delivery.state not in (State.UNKNOWN, State.SENT):
        raise TransitionNotAllowed("这条分发已有结果，不需要人工判定。")
    rules = OF_WITHDRAWALS if delivery.operation == Operation.WITHDRAW else OF_OTHERS
    if verdict.word not in rules:
        raise CheckFailed([Problem("verdict", "请选择平台上有还是没有。", code="verdict")])
    rules[verdict.word](session, actor, delivery, verdict, now)
    delivery.fence += 1
    close_questions(session, delivery, actor.name, now)
    record(
        session, actor, "delivery.decide", "delivery", delivery_id, verdict=verdict.word, note=verdict.note,
        remote_id=verdict.remote_id,
    )  # fmt: skip
    session.flush()
    return delivery


def _was_sent(session: Session, actor: Actor, delivery: Delivery, verdict: Verdict, now: datetime) -> None:
    receipt = Receipt("confirmed", verdict.remote_id.strip(), verdict.url.strip(), text=verdict.note)
    learn(session, delivery, News("person", receipt, detail={"person_id": actor.person_id}), now)


def _was_not_sent(session: Session, actor: Actor, delivery: Delivery, verdict: Verdict, now: datetime) -> None:
    if delivery.state == State.SENT:
        move(delivery, State.UNKNOWN, now)
    learn_absent(session, delivery, now, "person", {"note": verdict.note, "person_id": actor.person_id})


def _is_gone(session: Session, actor: Actor, delivery: Delivery, verdict: Verdict, now: datetime) -> None:
    number = delivery.copy.remote_id if delivery.copy else ""
    receipt = Receipt("gone", number, text=verdict.note)
    learn(session, delivery, News("person", receipt, detail={"person_id": actor.person_id}), now)


def _is_still_there(session: Session, actor: Actor, delivery: Delivery, verdict: Verdict, now: datetime) -> None:
    """Taken down once more, now by the number the person found; the second time it is residual exposure."""
    said_before = _said_live(session, delivery)
    detail = {"note": verdict.note, "person_id": actor.person_id}
    observe(session, delivery, "person", "live", now, remote_id=verdict.remote_id.strip(), detail=detail)
    if delivery.copy and verdict.remote_id.strip():
        delivery.copy.remote_id = verdict.remote_id.strip()
        delivery.copy.url = verdict.url.strip() or delivery.copy.url
    if said_before:
        text = "再次撤回后内容仍在，请到平台手工删除"
        learn(session, delivery, News("person", Receipt("refused", text=text), detail=detail), now)
        return
    if delivery.state == State.SENT:
        move(delivery, State.UNKNOWN, now)
    put_back(delivery, now)


OF_OTHERS = {"live": _was_sent, "absent": _was_not_sent}
OF_WITHDRAWALS = {"live": _is_still_there, "absent": _is_gone}


def _said_live(session: Session, delivery: Delivery) -> bool:
    query = select(Observation.id).where(
        Observation.delivery_id == delivery.id, Observation.source == "person", Observation.verdict == "live"
    )
    return session.scalar(query.limit(1)) is not None


def _newest_round(session: Session, delivery: Delivery) -> int:
    rounds = select(func.max(Copy.round)).where(
        Copy.article_id == delivery.article_id, Copy.account_id == delivery.account_id
    )
    return session.scalar(rounds) or 0


def _row(session: Session, actor: Actor, delivery_id: int) -> Delivery:
    actor.need(Role.PUBLISHER)
    session.get_one(Delivery, delivery_id)
    return lock(session, delivery_id)


def _next_attempt(session: Session, delivery: Delivery) -> int:
    """One more than any attempt at the same operation on the same copy, or at answering the same thing."""
    same = Delivery.copy_id == delivery.copy_id
    if delivery.operation == Operation.REPLY:
        same = (Delivery.account_id == delivery.account_id) & (Delivery.answers_key == delivery.answers_key)
    query = select(func.max(Delivery.attempt)).where(same, Delivery.operation == delivery.operation)
    return (session.scalar(query) or 0) + 1


def _need_no_withdrawal(session: Session, delivery: Delivery) -> None:
    if waiting_withdrawal(session, delivery.copy_id):
        raise TransitionNotAllowed("稿件的撤回还没有完成，现在不能再发，也不能另起一次撤回。")


def _need_nothing_live(session: Session, delivery: Delivery) -> None:
    """A publication never goes out beside a copy of its own or an earlier round that came live after all."""
    if delivery.operation != Operation.PUBLISH:
        return
    live = select(Copy.id).where(
        Copy.article_id == delivery.article_id, Copy.account_id == delivery.account_id,
        Copy.round <= delivery.round, Copy.state == CopyState.LIVE.value,
    )  # fmt: skip
    if session.scalar(live.limit(1)) is not None:
        raise TransitionNotAllowed("这篇稿件在该账号上已有一条在线，不能再发；请先撤回，再用“再次发布”。")


def _need_approval(session: Session, delivery: Delivery) -> None:
    try:
        check_approval(session, delivery)
    except Stopped as stop:
        raise TransitionNotAllowed(stop.held) from None


def _need_text(text: str, problem: str) -> None:
    if not text.strip():
        raise CheckFailed([Problem("reason", problem, code="reason_missing")])


def _renew(delivery: Delivery, now: datetime) -> None:
    assert delivery.state not in IN_FLIGHT
    delivery.due_at, delivery.retry_at, delivery.tries, delivery.asked_at = now, None, 0, None
    delivery.error_code = delivery.error_text = delivery.job_id = ""
    delivery.receipt = {}  # what an earlier attempt was told is not polled again
    if delivery.window_ends_at:
        delivery.window_ends_at = now + timedelta(seconds=delivery.window_s)
