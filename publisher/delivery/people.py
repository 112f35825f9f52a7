"""A person decides about one row: try a refused one again, resume or cancel a held one, settle an unknown one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import alarms
from core.audit import Actor, record
from core.errors import CheckFailed, TransitionNotAllowed
from core.models import Copy, Delivery
from core.models.words import CopyState, Operation, Role
from core.ports import Problem, Receipt
from publisher.delivery.gates import Stopped, check_approval
from publisher.delivery.outcomes import News, ask_key, learn, learn_absent
from publisher.delivery.planning import take_back
from publisher.delivery.rows import move
from publisher.workflow import IN_FLIGHT, UNSENT, State


def retry_refused(session: Session, actor: Actor, delivery_id: int, now: datetime) -> Delivery:
    """Plan a refused row again as a new attempt, due at once."""
    delivery = _row(session, actor, delivery_id)
    if delivery.copy and delivery.copy.state in (CopyState.WITHDRAWN, CopyState.GONE):
        raise TransitionNotAllowed("稿件已撤回，不能重试；如需再发，请用“再次发布”。")
    if delivery.operation == Operation.PUBLISH and delivery.round < _newest_round(session, delivery):
        raise TransitionNotAllowed("这篇稿件在该账号上已有新的一轮发布，旧的一轮不能再发。")
    _need_approval(session, delivery)
    move(delivery, State.PLANNED, now, "人工决定重试")
    _renew(delivery, now)
    delivery.attempt += 1
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
    copy = delivery.copy
    if copy and delivery.operation == Operation.PUBLISH and copy.state == CopyState.EXPECTED:
        take_back(session, copy, now, reason, delivery.release_id)
    record(session, actor, "delivery.cancel", "delivery", delivery_id, reason=reason)
    session.flush()
    return delivery


def decide_unknown(
    session: Session,
    actor: Actor,
    delivery_id: int,
    verdict: str,
    note: str,
    now: datetime,
    remote_id: str = "",
    url: str = "",
) -> Delivery:
    """A person has looked at the platform: `live` (with what they saw) or `absent`; the note says how they know."""
    delivery = _row(session, actor, delivery_id)
    _need_text(note, "请写明核对的办法和结果。")
    if delivery.state not in (State.UNKNOWN, State.SENT):
        raise TransitionNotAllowed("这条分发已有结果，不需要人工判定。")
    if verdict == "live":
        receipt = Receipt("confirmed", remote_id.strip(), url.strip(), text=note)
        learn(session, delivery, News("person", receipt, detail={"person_id": actor.person_id}), now)
    elif verdict == "absent":
        if delivery.state == State.SENT:
            move(delivery, State.UNKNOWN, now)
        learn_absent(session, delivery, now, "person", {"note": note, "person_id": actor.person_id})
    else:
        raise CheckFailed([Problem("verdict", "请选择“已发出”或“未发出”。", code="verdict")])
    delivery.fence += 1
    alarms.clear(session, ask_key(delivery), actor.name, now)
    record(session, actor, "delivery.decide", "delivery", delivery_id, verdict=verdict, note=note, remote_id=remote_id)
    session.flush()
    return delivery


def _newest_round(session: Session, delivery: Delivery) -> int:
    rounds = select(func.max(Copy.round)).where(
        Copy.article_id == delivery.article_id, Copy.account_id == delivery.account_id
    )
    return session.scalar(rounds) or 0


def _row(session: Session, actor: Actor, delivery_id: int) -> Delivery:
    actor.need(Role.PUBLISHER)
    return session.get_one(Delivery, delivery_id, with_for_update=True, populate_existing=True)


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
    delivery.due_at, delivery.retry_at, delivery.tries = now, None, 0
    delivery.error_code = delivery.error_text = delivery.job_id = ""
    delivery.receipt = {}  # what an earlier attempt was told is not polled again
    if delivery.window_ends_at:
        delivery.window_ends_at = now + timedelta(seconds=delivery.window_s)
