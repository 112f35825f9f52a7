"""The emergency stop. Promise: no once-intent commits after the press commits; calls already out are listed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.errors import CheckFailed, TransitionNotAllowed
from core.models import Delivery, Freeze
from core.models.words import Operation, Role
from core.ports import Problem
from publisher.delivery.gates import ALL, scope_of
from publisher.workflow import State


def press_freeze(session: Session, actor: Actor, scope: str, reason: str, now: datetime) -> list[Delivery]:
    """Stop publish, correct and reply for `all` or `account:<id>`; gives the calls that are out already.

    Withdrawals, look-ups and collecting go on. The row is locked exclusively: claims and once-intents that began
    earlier commit first, later ones see the freeze.
    """
    actor.need(Role.PUBLISHER, Role.LEADER, Role.ADMINISTRATOR)
    if not reason.strip():
        raise CheckFailed([Problem("reason", "请填写冻结理由。", code="reason_missing")])
    row = _locked(session, scope)
    row.frozen, row.pressed_by, row.pressed_at, row.reason = True, actor.person_id, now, reason
    out = calls_out(session, scope)
    record(session, actor, "freeze.press", "freeze", scope, reason=reason, out=[delivery.id for delivery in out])
    session.flush()
    return out


def lift_freeze(session: Session, actor: Actor, scope: str, reason: str, now: datetime) -> None:
    """Let things go out again; what was held meanwhile waits for a person."""
    actor.need(Role.PUBLISHER, Role.LEADER, Role.ADMINISTRATOR)
    row = _locked(session, scope)
    if not row.frozen:
        raise TransitionNotAllowed("当前没有冻结。")
    row.frozen, row.pressed_by, row.pressed_at, row.reason = False, actor.person_id, now, reason
    record(session, actor, "freeze.lift", "freeze", scope, reason=reason)
    session.flush()


def calls_out(session: Session, scope: str) -> list[Delivery]:
    """Deliveries whose once-only call is on its way, or uncertain, and may still become public."""
    query = select(Delivery).where(
        Delivery.state.in_([State.INTENDED.value, State.UNKNOWN.value]),
        Delivery.once_step != "",
        Delivery.operation != Operation.WITHDRAW.value,
    )
    if scope != ALL:
        query = query.where(Delivery.account_id == int(scope.partition(":")[2]))
    return list(session.scalars(query.order_by(Delivery.id)))


def freezes(session: Session) -> list[Freeze]:
    """Every scope that is frozen now."""
    return list(session.scalars(select(Freeze).where(Freeze.frozen.is_(True)).order_by(Freeze.scope)))


def _locked(session: Session, scope: str) -> Freeze:
    if scope != ALL and scope != scope_of(int(scope.partition(":")[2] or 0)):
        raise CheckFailed([Problem("scope", "冻结范围不正确。", code="scope")])
    return session.get_one(Freeze, scope, with_for_update=True, populate_existing=True)
