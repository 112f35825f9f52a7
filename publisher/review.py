"""Three reviews (三审) by three people, each bound to the digest of everything that will go out.

An approval counts only while it stands, its digest is that of the stored payloads, and its person wrote nothing of it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from core.audit import Actor, record
from core.errors import CheckFailed, NotPermitted, StaleRevision, TransitionNotAllowed
from core.models import Article, Delivery, Payload, ReviewStep, Revision
from core.models.words import ArticleKind, ArticleState, Decision, DeliveryState, Role
from core.ports import Problem

STEP_ROLES = (Role.REVIEWER1, Role.REVIEWER2, Role.REVIEWER3)
MAY_BEGIN = (DeliveryState.PLANNED, DeliveryState.HELD, DeliveryState.INTENDED, DeliveryState.UNKNOWN)
STEP_NAMES = ("初审", "复审", "终审")
REPLY_ROLES = (*STEP_ROLES, Role.PUBLISHER)


def required_steps(article: Article) -> int:
    """Three for an article, one for a reply."""
    return 1 if article.kind == ArticleKind.REPLY else len(STEP_ROLES)


def package_digest(session: Session, revision_id: int) -> str:
    """Hex SHA-256 over the sorted (account id, payload digest) pairs; empty while nothing was submitted."""
    rows = session.execute(
        select(Payload.account_id, Payload.digest)
        .where(Payload.revision_id == revision_id)
        .order_by(Payload.account_id)
    ).all()
    return _digest_of([[account_id, digest] for account_id, digest in rows])


def _digest_of(pairs: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest() if pairs else ""


def standing(session: Session, revision_id: int) -> list[ReviewStep]:
    """The approvals of a revision that nothing has voided, by step."""
    query = select(ReviewStep).where(
        ReviewStep.revision_id == revision_id,
        ReviewStep.decision == Decision.APPROVE.value,
        ReviewStep.voided_at.is_(None),
    )
    return list(session.scalars(query.order_by(ReviewStep.step)))


def is_approved(session: Session, revision_id: int) -> bool:
    """True when every step is approved by another person, none of them an author, on exactly the stored payloads."""
    return revision_id in approved(session.execute(APPROVAL, {"revision_ids": [revision_id]}))


def approval_facts() -> list[Select[Any]]:
    """All that the approval of revisions depends on: SELECTs of five columns each, to be united in one.

    Parameter `revision_ids`. Columns: what, revision id, and by `what` — article: author, steps needed; editor:
    person; step: number, person, digest; payload: account, 0, digest.
    """
    wanted: Any = bindparam("revision_ids", expanding=True)
    other = aliased(Revision)
    needed = case((Article.kind == ArticleKind.REPLY.value, 1), else_=len(STEP_ROLES))
    return [
        _fact("article", Revision.id, Article.author_id, needed).join(Article, Article.id == Revision.article_id)
        .where(Revision.id.in_(wanted)),
        _fact("editor", Revision.id, other.editor_id).join(other, other.article_id == Revision.article_id)
        .where(Revision.id.in_(wanted)),
        _fact("step", ReviewStep.revision_id, ReviewStep.step, ReviewStep.person_id, ReviewStep.digest).where(
            ReviewStep.revision_id.in_(wanted), ReviewStep.decision == Decision.APPROVE.value,
            ReviewStep.voided_at.is_(None),
        ),
        _fact("payload", Payload.revision_id, Payload.account_id, literal(0), Payload.digest)
        .where(Payload.revision_id.in_(wanted)),
    ]  # fmt: skip


def approved(facts: Iterable[Sequence[Any]]) -> set[int]:
    """The revisions that are approved, by the rows of `approval_facts`. Pure."""
    found: dict[int, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: defaultdict(list))
    for what, revision_id, one, two, digest in facts:
        found[revision_id][what].append((one, two, digest))
    return {revision_id for revision_id, parts in found.items() if _stands(parts)}


def _fact(what: str, revision_id: Any, one: Any, two: Any = None, digest: Any = None) -> Select[Any]:
    none: Any = literal(0), literal("")
    return select(
        literal(what), revision_id, one, none[0] if two is None else two, none[1] if digest is None else digest
    )


APPROVAL = union_all(*approval_facts())  # built once: building it costs more than running it


def _stands(parts: Mapping[str, list[tuple[int, int, str]]]) -> bool:
    steps, payloads = sorted(parts["step"]), sorted(parts["payload"])
    digest = _digest_of([[account_id, digest] for account_id, _zero, digest in payloads])
    needed = parts["article"][0][1] if parts["article"] else -1
    if not digest or needed != len(steps) or {step[2] for step in steps} != {digest}:
        return False
    return _by_enough_people(parts, steps)


def _by_enough_people(parts: Mapping[str, list[tuple[int, int, str]]], steps: list[tuple[int, int, str]]) -> bool:
    """Steps one, two, three in turn, each by another person, none of whom wrote the item."""
    numbers, people = [step for step, _person, _digest in steps], {person for _step, person, _digest in steps}
    wrote = {person for person, _two, _digest in [*parts["article"], *parts["editor"]]}
    return numbers == list(range(1, len(steps) + 1)) and len(people) == len(steps) and people.isdisjoint(wrote)


def authors(session: Session, article: Article) -> frozenset[int]:
    """Everybody who wrote a revision of the article; none of them may review or release it."""
    editors = session.scalars(select(Revision.editor_id).where(Revision.article_id == article.id))
    return frozenset(editors) | {article.author_id}


def may_release(session: Session, actor: Actor, revision_id: int) -> bool:
    """True for a publisher who neither wrote the article nor approved it in any step but the last."""
    if actor.person_id is None or not actor.has(Role.PUBLISHER):
        return False
    revision = session.get_one(Revision, revision_id)
    article = session.get_one(Article, revision.article_id)
    earlier = {step.person_id for step in standing(session, revision_id) if step.step < required_steps(article)}
    return actor.person_id not in authors(session, article) | earlier


@dataclass(frozen=True)
class Judgement:
    """What a reviewer says, bound to the revision and the package digest that the reviewer's page showed."""

    revision_id: int
    digest: str
    decision: str
    reason: str = ""


def decide(session: Session, actor: Actor, article_id: int, judgement: Judgement, now: datetime) -> ReviewStep:
    """Write the next review step: `approve` moves on, `return` sends the article back with its reason.

    StaleRevision when what is stored now is not what the reviewer saw.
    """
    revision_id = judgement.revision_id
    article = session.get_one(Article, article_id, with_for_update={"key_share": True})
    if article.state != ArticleState.IN_REVIEW:
        raise TransitionNotAllowed("稿件不在审核中，可能已被退回或撤回，请刷新页面。")
    stored = package_digest(session, revision_id)
    if article.head_id != revision_id or not stored or judgement.digest != stored:
        raise StaleRevision("稿件内容已有变化，您看到的不是最新版本，请刷新后重新审核。")
    step = len(standing(session, revision_id)) + 1
    _need_reviewer(session, actor, article, revision_id, step)
    decision, reason = Decision(judgement.decision).value, judgement.reason.strip()
    if decision == Decision.RETURN.value and not reason:
        raise CheckFailed([Problem("reason", "退回稿件请填写理由，作者据此修改。", code="reason_missing")])
    row = ReviewStep(
        article_id=article_id, revision_id=revision_id, step=step, decision=decision,
        person_id=actor.person_id, digest=stored, reason=reason, decided_at=now,
    )  # fmt: skip
    session.add(row)
    _move_on(session, article, row, now)
    session.flush()
    record(
        session, actor, f"review.{decision}", "article", article_id,
        revision_id=revision_id, step=step, digest=stored, reason=reason,
    )  # fmt: skip
    return row


def void_standing(session: Session, article: Article, reason: str, now: datetime) -> int:
    """Void every approval of the article that still stands; the number of them. Part of the edit's transaction.

    The article's deliveries are locked first: a call that is beginning is waited for, a later one sees what is void.
    """
    deliveries = select(Delivery.id).where(Delivery.article_id == article.id, Delivery.state.in_(MAY_BEGIN))
    session.execute(deliveries.order_by(Delivery.id).with_for_update(key_share=True)).all()
    query = select(ReviewStep).where(
        ReviewStep.article_id == article.id,
        ReviewStep.decision == Decision.APPROVE.value,
        ReviewStep.voided_at.is_(None),
    )
    steps = list(session.scalars(query.with_for_update()))
    for step in steps:
        step.voided_at, step.void_reason = now, reason
    session.flush()
    return len(steps)


def _need_reviewer(session: Session, actor: Actor, article: Article, revision_id: int, step: int) -> None:
    if article.kind == ArticleKind.REPLY:
        actor.need(*REPLY_ROLES)
    else:
        role = STEP_ROLES[step - 1]
        if not actor.has(role):
            raise NotPermitted(f"现在是{STEP_NAMES[step - 1]}，需要{STEP_NAMES[step - 1]}人办理。")
    if actor.person_id is None:
        raise NotPermitted("审核必须由本人办理。")
    if actor.person_id in authors(session, article):
        raise NotPermitted("作者不能审核自己写过的稿件，请由其他人审核。")
    if actor.person_id in {done.person_id for done in standing(session, revision_id)}:
        raise NotPermitted("您已审核过本稿，同一人不能办理两个审次。")


def _move_on(session: Session, article: Article, row: ReviewStep, now: datetime) -> None:
    if row.decision == Decision.RETURN.value:
        void_standing(session, article, f"{STEP_NAMES[row.step - 1]}退回：{row.reason}", now)
        article.state = ArticleState.RETURNED.value
    elif row.step == required_steps(article):
        article.state = ArticleState.APPROVED.value
    article.updated_at = now
