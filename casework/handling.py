"""What staff decide about a case on the main road: accept, reject with its reason, close with its answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.errors import CheckFailed, TransitionNotAllowed
from core.models import Case, CaseEvent
from core.models.words import CaseState, Role
from core.ports import Problem

ROLES = (Role.EDITOR, Role.ANALYST, Role.PUBLISHER, Role.ADMINISTRATOR)
STEPS = {
    CaseState.RECEIVED: frozenset({CaseState.ACCEPTED, CaseState.REJECTED}),
    CaseState.ACCEPTED: frozenset({CaseState.CLOSED, CaseState.REJECTED}),
    CaseState.REJECTED: frozenset({CaseState.ACCEPTED}),
    CaseState.CLOSED: frozenset({CaseState.ACCEPTED}),
}
NAMES = {
    CaseState.RECEIVED: "待受理",
    CaseState.ACCEPTED: "已受理",
    CaseState.REJECTED: "不予受理",
    CaseState.CLOSED: "已办结",
}


def decide(session: Session, actor: Actor, case_id: int, state: str, text: str, now: datetime) -> CaseEvent:
    """Move a case on. `text` is shown to the citizen; rejecting, closing and reopening need it.

    TransitionNotAllowed when the case stands elsewhere meanwhile; CheckFailed without the words the step needs.
    """
    actor.need(*ROLES)
    case = session.get_one(Case, case_id, with_for_update=True)
    before, after = CaseState(case.state), CaseState(state)
    if after not in STEPS[before]:
        raise TransitionNotAllowed(f"留言现在是“{NAMES[before]}”，不能改为“{NAMES[after]}”，请刷新页面。")
    text = text.strip()
    if not text:
        if (before, after) != (CaseState.RECEIVED, CaseState.ACCEPTED):
            raise CheckFailed([Problem("text", "请填写给群众看的说明或答复。", code="text_missing")])
        text = "留言已受理，将在规定期限内答复。"
    case.state = after.value
    event = CaseEvent(case_id=case_id, kind=after.value, text=text, person_id=actor.person_id, at=now)
    session.add(event)
    session.flush()
    record(session, actor, f"case.{after.value}", "case", case_id, before=before.value, text=text)
    return event
