"""A citizen's message becomes a case (诉求): numbered, tracked by a code, its writer's name and contact sealed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from casework.deadlines import due_at
from casework.numbering import code_hash, new_code, next_number
from core import runtime
from core.audit import Actor, record
from core.errors import CheckFailed, NotPermitted
from core.models import Case, CaseEvent
from core.models.words import Role
from core.ports import Problem
from core.vault import Vault

TITLE_LIMIT, TEXT_LIMIT, NAME_LIMIT, CONTACT_LIMIT = 100, 5000, 30, 100
TITLE_WORDS = 30


@dataclass(frozen=True)
class Incoming:
    """A message as it came. `external_id` is the channel's own key, so that the same message becomes one case."""

    channel: str
    external_id: str
    title: str
    text: str
    name: str = ""
    contact: str = ""
    demo: bool = False


@dataclass(frozen=True)
class Accepted:
    """The case and its tracking code; the code is empty when the message was known already (only its hash is kept)."""

    case: Case
    tracking_code: str


def accept_message(session: Session, actor: Actor, incoming: Incoming, vault: Vault, now: datetime) -> Accepted:
    """Take a message in, once by its external id. CheckFailed names what the citizen has to change."""
    incoming = _tidy(incoming)
    external_id = f"{incoming.channel}:{incoming.external_id}" if incoming.external_id else None
    if external_id and (known := _find(session, external_id)):
        return Accepted(known, "")
    code = new_code()
    try:
        with session.begin_nested():
            case = _write(session, incoming, external_id, code_hash(vault, code), _seal(incoming, vault), now)
    except IntegrityError:  # the same message through another process, between the look and the write
        known = _find(session, external_id or "")
        if known is None:
            raise
        return Accepted(known, "")
    session.add(CaseEvent(case_id=case.id, kind="received", text="留言已收到，正在登记受理。", at=now))
    session.flush()
    record(session, actor, "case.receive", "case", case.id, number=case.number, channel=case.channel)
    return Accepted(case, code)


def track(session: Session, number: str, code: str, vault: Vault) -> Case | None:
    """The case of that number if the code is its own, else None; the two failures cannot be told apart."""
    case = session.scalar(select(Case).where(Case.number == number.strip().upper()))
    stored = case.tracking_hash if case else "-"
    return case if hmac.compare_digest(stored, code_hash(vault, code)) else None


def public_events(session: Session, case_id: int) -> list[CaseEvent]:
    """What the tracking page shows of a case, oldest first."""
    query = select(CaseEvent).where(CaseEvent.case_id == case_id, CaseEvent.public).order_by(CaseEvent.id)
    return list(session.scalars(query))


def reveal_contact(
    session: Session, actor: Actor, case_id: int, reason: str, vault: Vault, now: datetime
) -> dict[str, Any]:
    """Name and contact of the citizen ({"name", "contact"}), shown to an entitled person and written down with why."""
    actor.need(Role.ANALYST, Role.ADMINISTRATOR)
    if actor.person_id is None:
        raise NotPermitted("查看联系方式必须由本人办理。")
    if not reason.strip():
        raise CheckFailed([Problem("reason", "查看联系方式请填写理由，会记入留痕。", code="reason_missing")])
    case = session.get_one(Case, case_id)
    record(session, actor, "case.reveal", "case", case_id, reason=reason.strip())
    session.add(
        CaseEvent(
            case_id=case_id, kind="revealed", text=reason.strip(), public=False, person_id=actor.person_id, at=now
        )
    )
    session.flush()
    return vault.decrypt_json(case.contact) if case.contact else {"name": "", "contact": ""}


def mask_name(name: str) -> str:
    """What lists show of a name: the first character and 某; 匿名 without a name."""
    name = name.strip()
    return f"{name[0]}某" if name else "匿名"


def _tidy(incoming: Incoming) -> Incoming:
    text = incoming.text.replace("\r\n", "\n").strip()
    title = " ".join(incoming.title.split()) or " ".join(text.split())[:TITLE_WORDS]
    name, contact = " ".join(incoming.name.split()), " ".join(incoming.contact.split())
    problems = [] if text else [Problem("text", "请填写留言内容。", code="text_missing")]
    for field, label, value, limit in (
        ("title", "标题", title, TITLE_LIMIT),
        ("text", "留言内容", text, TEXT_LIMIT),
        ("name", "姓名", name, NAME_LIMIT),
        ("contact", "联系方式", contact, CONTACT_LIMIT),
    ):
        if len(value) > limit:
            fix = f"{label}有 {len(value)} 个字，超过 {limit} 个字的上限，请缩短。"
            problems.append(Problem(field, fix, code=f"{field}_long"))
    if problems:
        raise CheckFailed(problems)
    return Incoming(incoming.channel, incoming.external_id, title, text, name, contact, incoming.demo)


def _write(
    session: Session, incoming: Incoming, external_id: str | None, tracking: str, contact: bytes | None, now: datetime
) -> Case:
    case = Case(
        number=next_number(session, now),
        channel=incoming.channel,
        external_id=external_id,
        title=incoming.title,
        text=incoming.text,
        citizen=mask_name(incoming.name),
        contact=contact,
        tracking_hash=tracking,
        demo=incoming.demo,
        received_at=now,
        due_at=_due(session, now),
    )
    session.add(case)
    session.flush()
    return case


def _find(session: Session, external_id: str) -> Case | None:
    return session.scalar(select(Case).where(Case.external_id == external_id))


def _seal(incoming: Incoming, vault: Vault) -> bytes | None:
    if not incoming.name and not incoming.contact:
        return None
    return vault.encrypt_json({"name": incoming.name, "contact": incoming.contact})


def _due(session: Session, now: datetime) -> datetime:
    return due_at(now, int(runtime.value_of(session, runtime.DUE)["working_days"]))
