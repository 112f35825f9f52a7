"""Writing: the editor form, saving, submitting for review, taking back, pictures and previews."""

from __future__ import annotations

import re
from html import escape

from flask import Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.errors import CheckFailed, NotConfigured, StaleRevision
from core.models import Account, Article, Media, Payload, ReviewStep, Revision, Variant
from core.ports import Problem, Severity
from dashboards.access import needs
from dashboards.pages.articles import find_article, names_of, page
from dashboards.sessions import actor, house, reading, reading_again
from publisher import authoring
from publisher.authoring import Draft
from publisher.channels import channel_class

FIELDS = ("title", "summary", "source", "author", "keywords", "column", "cover")
VARIANT = "variant-"
TAG = re.compile(r"<[a-zA-Z/!]")


@page.get("/new")
@needs("articles.write")
def new() -> str:
    """An empty form."""
    draft = Draft(title="", summary="", body_html="", source=house().settings.site_name, author=current_user.name)
    return _form(None, draft, [])


@page.post("/new")
@needs("articles.write")
def create() -> str | BaseResponse | tuple[str, int]:
    """Store the first revision; nothing typed is lost when the rules say no."""
    draft = form_draft()
    with house().db.write() as session:
        article = authoring.create_article(session, actor(), draft, house().settings.site_url, house().clock.now())
    return _go_on(article.id)


@page.get("/<int:article_id>/edit")
@needs("articles.write")
def edit(article_id: int) -> str:
    """The form filled with the newest revision."""
    session = reading()
    article = find_article(session, article_id)
    head = session.get_one(Revision, article.head_id)
    return _form(article, stored_draft(session, head), [Problem(**row) for row in head.problems])


@page.post("/<int:article_id>/edit")
@needs("articles.write")
def save(article_id: int) -> str | BaseResponse | tuple[str, int]:
    """Save as a new revision; then submit when that button was pressed."""
    draft, version = form_draft(), request.form.get("version", 0, type=int)
    try:
        with house().db.write() as session:
            authoring.save_revision(session, actor(), article_id, version, draft, house().clock.now())
    except StaleRevision as error:
        article = find_article(reading(), article_id)
        return _form(article, draft, [Problem("title", error.text)], version=version), 409
    return _go_on(article_id)


@page.post("/<int:article_id>/recall")
@needs("articles.write")
def recall(article_id: int) -> BaseResponse:
    """Take it back from review to draft."""
    with house().db.write() as session:
        authoring.recall(session, actor(), article_id, house().clock.now())
    flash("已撤回到草稿，已有的审核意见作废。", "done")
    return redirect(url_for("articles.edit", article_id=article_id))


@page.post("/pictures")
@needs("articles.write")
def upload() -> tuple[Response, int] | Response:
    """Store one picture; answers its digest and size, or the problem, as JSON."""
    sent = request.files.get("picture")
    if sent is None:
        return jsonify(text="没有收到图片，请重新选择。"), 400
    try:
        with house().db.write() as session:
            media = authoring.add_media(session, actor(), sent.read(), house().clock.now())
    except CheckFailed as error:
        return jsonify(text=error.text), 422
    return jsonify(sha256=media.sha256, width=media.width, height=media.height, size=media.size)


def form_draft() -> Draft:
    """What was typed, as a Draft. Text without any tag becomes paragraphs; a chosen cover file is stored first."""
    form = request.form
    variants = {
        int(name.removeprefix(VARIANT)): text
        for name, text in form.items()
        if name.startswith(VARIANT) and name.removeprefix(VARIANT).isdigit()
    }
    body = form.get("body", "")
    values = {name: form.get(name, "") for name in FIELDS if name != "cover"}
    return Draft(
        body_html=body if TAG.search(body) else _paragraphs(body), cover_sha256=_cover(), variants=variants, **values
    )


def stored_draft(session: Session, revision: Revision) -> Draft:
    """A stored revision as the form shows it."""
    rows = session.scalars(select(Variant).where(Variant.revision_id == revision.id))
    return Draft(
        title=revision.title, summary=revision.summary, body_html=revision.body_html, source=revision.source,
        author=revision.author, keywords=revision.keywords, column=revision.column, cover_sha256=revision.cover_sha256,
        variants={row.account_id: row.text for row in rows},
    )  # fmt: skip


def _cover() -> str:
    sent = request.files.get("cover_file")
    if sent is None or not sent.filename:
        return request.form.get("cover", "")
    with house().db.write() as session:
        return authoring.add_media(session, actor(), sent.read(), house().clock.now()).sha256


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line.strip())}</p>" for line in text.splitlines() if line.strip())


def _go_on(article_id: int) -> str | BaseResponse | tuple[str, int]:
    """After a save: submit when asked to, else back to the form."""
    if request.form.get("action") != "submit":
        flash("已保存。", "done")
        return redirect(url_for("articles.edit", article_id=article_id))
    accounts = [int(value) for value in request.form.getlist("accounts") if value.isdigit()]
    reason = request.form.get("reason", "")
    try:
        with house().db.write() as session:
            left = authoring.submit(house(), session, actor(), article_id, accounts, reason=reason)
    except CheckFailed as error:
        session = reading_again()
        article = find_article(session, article_id)
        draft = stored_draft(session, session.get_one(Revision, article.head_id))
        return _form(article, draft, error.problems, chosen=accounts, blocked=True), 422
    flash(f"已送审。{f'有 {len(left)} 条提醒一并交给审核人。' if left else ''}", "done")
    return redirect(url_for("articles.show", article_id=article_id))


def _form(
    article: Article | None,
    draft: Draft,
    problems: list[Problem],
    *,
    chosen: list[int] | None = None,
    version: int = 0,
    blocked: bool = False,
) -> str:
    session = reading()
    accounts = list(session.scalars(select(Account).where(Account.enabled).order_by(Account.id)))
    return render_template(
        "articles/edit.html", article=article, draft=draft, problems=problems, accounts=accounts,
        previews=_previews(session, article), version=version or (article.version if article else 0), blocked=blocked,
        needs_reason=any(p.severity == Severity.CONFIRM or p.field == "reason" for p in problems),
        chosen=_chosen(session, article, accounts) if chosen is None else set(chosen),
        returned=_returned(session, article),
        limits={kind: _limit(kind) for kind in {account.kind for account in accounts}},
        cover=session.get(Media, draft.cover_sha256) if draft.cover_sha256 else None,
        reasons=request.form.get("reason", ""), names=names_of(session),
    )  # fmt: skip


def _limit(kind: str) -> int:
    """How many characters of own words a channel takes, for the counter; 0 when it names no such limit."""
    try:
        return channel_class(kind).limits.get("text", 0)
    except NotConfigured:
        return 0


def _chosen(session: Session, article: Article | None, accounts: list[Account]) -> set[int]:
    """The accounts of the last submission; for a first one, all of them."""
    if article:
        last = select(Payload.revision_id).join(Revision).where(Revision.article_id == article.id)
        newest = session.scalar(last.order_by(Payload.id.desc()).limit(1))
        if newest:
            return set(session.scalars(select(Payload.account_id).where(Payload.revision_id == newest)))
    return {account.id for account in accounts}


def _previews(session: Session, article: Article | None) -> list[authoring.Preview]:
    return authoring.preview(house(), session, article.id) if article and article.head_id else []


def _returned(session: Session, article: Article | None) -> ReviewStep | None:
    """The review that sent the article back, while that is where it stands."""
    if article is None or article.state != "returned":
        return None
    query = select(ReviewStep).where(ReviewStep.article_id == article.id, ReviewStep.decision == "return")
    return session.scalar(query.order_by(ReviewStep.id.desc()).limit(1))


def picture_or_404(session: Session, sha256: str) -> Media:
    """A stored picture."""
    media = session.get(Media, sha256)
    if media is None:
        abort(404)
    return media
