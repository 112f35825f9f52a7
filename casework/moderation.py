"""Site comments are shown after a person accepts them (先审后发). A decision may be undone; each one is audited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.db import insert_for
from core.errors import CheckFailed, NotPermitted
from core.models import CommentDecision, SiteComment
from core.models.words import CommentState, Role
from core.ports import Problem

ROLES = (Role.EDITOR, Role.PUBLISHER, Role.ANALYST, Role.ADMINISTRATOR)


def decide(session: Session, actor: Actor, comment_id: int, state: str, reason: str, now: datetime) -> CommentDecision:
    """Accept or reject a comment, or set it back to pending; rejecting needs a reason."""
    actor.need(*ROLES)
    if actor.person_id is None:
        raise NotPermitted("评论审核必须由本人办理。")
    state, reason = CommentState(state).value, reason.strip()
    if state == CommentState.REJECTED and not reason:
        raise CheckFailed([Problem("reason", "不予展示请填写理由。", code="reason_missing")])
    session.get_one(SiteComment, comment_id)
    before = session.get(CommentDecision, comment_id, with_for_update=True)
    old = before.state if before else CommentState.PENDING.value
    values = {"state": state, "reason": reason, "person_id": actor.person_id, "decided_at": now}
    insert = insert_for(session, CommentDecision).values(comment_id=comment_id, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["comment_id"], set_=values))
    record(session, actor, f"comment.{state}", "comment", comment_id, before=old, reason=reason)
    return session.get_one(CommentDecision, comment_id, populate_existing=True)
