"""Submission to review (送审): checks, then one stored payload an account. Nothing is rendered again later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Actor, record
from core.clock import shanghai
from core.errors import CheckFailed, NotConfigured, TransitionNotAllowed
from core.house import House
from core.models import Account, Article, Payload, Revision
from core.models.words import ArticleKind, ArticleState, ChannelKind
from core.ports import Channel, Content, Json, Problem, Severity
from publisher.authoring.contents import contents_of, used_media, variants_of
from publisher.authoring.drafts import need_author, problem_rows, repeat_revision
from publisher.channels import open_channel
from publisher.checks import check_content, check_cover, plain_text
from publisher.review import package_digest, void_standing
from publisher.wire import bind, slots_of


@dataclass(frozen=True)
class Preview:
    """How one account will show the article: plain text with its length against the limit, and the HTML if it has any.

    `limit` is in the channel's own unit; 0 means it states none. Pictures in `html` have the source `media:<sha256>`.
    """

    account: Account
    text: str
    html: str
    length: int
    limit: int
    problems: list[Problem]


def submit(
    house: House,
    session: Session,
    actor: Actor,
    article_id: int,
    account_ids: Sequence[int],
    *,
    reason: str = "",
) -> list[Problem]:
    """Freeze the head revision for the chosen accounts and ask for review; the remaining problems come back.

    CheckFailed while anything blocks, or while a problem of severity confirm has no `reason`. Submitting a revision
    that was submitted before makes a new one, since stored payloads are immutable.
    """
    now = house.clock.now()
    article = session.get_one(Article, article_id, with_for_update={"key_share": True})
    person_id = need_author(actor, article)
    if article.state not in {ArticleState.DRAFT, ArticleState.RETURNED}:
        raise TransitionNotAllowed("只有草稿和被退回的稿件可以送审；已在审核中的请先撤回到草稿。")
    accounts = _accounts(session, article, account_ids)
    revision = session.get_one(Revision, article.head_id)
    void_standing(session, article, "重新送审", now)
    if package_digest(session, revision.id):
        revision = repeat_revision(session, article, person_id, now)
    found = _Findings(house, session, article, revision, accounts, now)
    revision.problems = problem_rows(found.problems)
    found.stop_unless_clear(reason.strip())
    for account in accounts:
        payload = found.channels[account.id].render(found.contents[account.id])
        session.add(
            Payload(
                revision_id=revision.id, account_id=account.id,
                template=payload.template, digest=payload.digest, created_at=now,
            )
        )  # fmt: skip
    revision.submitted_at, revision.confirm_reason = now, reason.strip()
    article.state, article.updated_at = ArticleState.IN_REVIEW.value, now
    session.flush()
    record(
        session, actor, "article.submit", "article", article_id, revision_id=revision.id,
        account_ids=[account.id for account in accounts], digest=package_digest(session, revision.id), reason=reason,
    )  # fmt: skip
    return found.problems


def preview(house: House, session: Session, article_id: int) -> list[Preview]:
    """The head revision as each enabled account would show it, with its problems; writes nothing."""
    article = session.get_one(Article, article_id)
    revision = session.get_one(Revision, article.head_id)
    wanted = article.answers.get("account_id") if article.kind == ArticleKind.REPLY else None
    query = select(Account).where(Account.enabled).order_by(Account.id)
    accounts = list(session.scalars(query if wanted is None else query.where(Account.id == wanted)))
    contents = contents_of(session, article, revision, [account.id for account in accounts])
    return [_preview(house, account, contents[account.id]) for account in accounts]


class _Findings:
    """The channels and contents of one submission with every problem found, ours and theirs."""

    def __init__(
        self,
        house: House,
        session: Session,
        article: Article,
        revision: Revision,
        accounts: list[Account],
        now: datetime,
    ) -> None:
        self.contents = contents_of(session, article, revision, [account.id for account in accounts])
        self.channels: dict[int, Channel] = {}
        theirs = [problem for account in accounts for problem in self._ask(house, account)]
        self.problems = [*self._own(session, revision, accounts, now, theirs), *theirs]

    def stop_unless_clear(self, reason: str) -> None:
        """Raise CheckFailed for what blocks, and for what needs a reason that was not given."""
        blocking = [problem for problem in self.problems if problem.severity == Severity.BLOCK]
        if blocking:
            raise CheckFailed(blocking)
        open_ones = [problem for problem in self.problems if problem.severity == Severity.CONFIRM]
        if open_ones and not reason:
            ask = Problem("reason", "有问题需要确认：请改正，或填写理由后再送审。", code="reason_missing")
            raise CheckFailed([ask, *open_ones])

    def _ask(self, house: House, account: Account) -> list[Problem]:
        try:
            channel = open_channel(house, account)
        except NotConfigured as error:
            return [Problem("accounts", f"账号“{account.name}”不可用：{error.text}", channel=account.name)]
        self.channels[account.id] = channel
        found = channel.check(self.contents[account.id])
        return [replace(problem, channel=problem.channel or account.name) for problem in found]

    def _own(
        self,
        session: Session,
        revision: Revision,
        accounts: list[Account],
        now: datetime,
        theirs: list[Problem],
    ) -> list[Problem]:
        media = frozenset(row.sha256 for row in used_media(session, revision))
        own_words = "\n".join(variants_of(session, revision.id).values())
        content = replace(self.contents[accounts[0].id], variant_text=own_words)
        problems = check_content(content, shanghai(now).date(), media)
        told = any(problem.field == "cover" for problem in theirs)
        needs_cover = any(account.kind == ChannelKind.WECHAT for account in accounts)
        return problems + check_cover(content, needs_cover and not told)


def _accounts(session: Session, article: Article, account_ids: Sequence[int]) -> list[Account]:
    if article.kind == ArticleKind.REPLY:
        account_ids = [int(article.answers["account_id"])]
    rows = list(session.scalars(select(Account).where(Account.id.in_(account_ids)).order_by(Account.id)))
    if not rows or len(rows) != len(set(account_ids)):
        raise CheckFailed([Problem("accounts", "请选择至少一个要发布的账号。", code="accounts_missing")])
    off = [account.name for account in rows if not account.enabled]
    if off:
        text = f"账号“{'、'.join(off)}”已停用，请启用或不要选择它。"
        raise CheckFailed([Problem("accounts", text, code="account_off")])
    return rows


def _preview(house: House, account: Account, content: Content) -> Preview:
    try:
        channel = open_channel(house, account)
    except NotConfigured as error:
        problem = Problem("accounts", f"账号“{account.name}”不可用：{error.text}", channel=account.name)
        return Preview(account, "", "", 0, 0, [problem])
    problems = channel.check(content)
    if any(problem.severity == Severity.BLOCK for problem in problems):
        return Preview(account, content.body_text, content.body_html, len(content.body_text), 0, problems)
    text, html = _words(_body(channel.render(content).template, content))
    limit = next((channel.limits[name] for name in ("text", "content") if name in channel.limits), 0)
    measure = getattr(channel, "measure", len)  # a channel may count in a unit of its own
    return Preview(account, text, html, measure(html or text), limit, problems)


def _words(body: Json) -> tuple[str, str]:
    """Text and HTML of a bound template, by the names the channels use."""
    html = str(body.get("html") or body.get("content") or "")
    return str(body.get("status") or body.get("text") or plain_text(html)), html


def _body(template: Json, content: Content) -> Json:
    """The template as it will look: pictures stay `media:<sha256>`, what is known only later is named in brackets."""
    shown = {"published_at": "（发布时间）", "copy_link": content.canonical_link, "key": ""}
    values = {name: shown.get(name, ":".join(name.split(":")[:2])) for name in slots_of(template)}
    bound: Json = bind(template, values)
    return bound
