"""Comments and likes under an item of the published site (HTML; `li.comment` carries its data for collectors)."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models.words import ChannelKind
from portal import comments
from portal.access import house, is_collector, known_web_visitor, wait_s, web_visitor
from portal.comments import Posted, Slice, Viewer
from portal.failures import failure, too_fast
from portal.likes import add_like, counts_of, need_live

CHANNEL = ChannelKind.WEBSITE.value
PAGE_ROWS = 50
HONEYPOT = "homepage"  # hidden from people; programs that fill every field betray themselves

blueprint = Blueprint("items", __name__, url_prefix="/items")


@blueprint.get("/<int:article_id>/comments")
def show_comments(article_id: int) -> str:
    """A page of comments, oldest first, with the form while comments are on. A page past the end is empty."""
    return _page(article_id, {}, {})


@blueprint.post("/<int:article_id>/comments")
def post_comment(article_id: int) -> Response | str | tuple[str, int]:
    """Store a comment for a person to look at; the writer goes on seeing it as 待审核."""
    if request.form.get(HONEYPOT):
        return failure(400)
    if wait := wait_s("comment"):
        return too_fast(wait)
    posted = Posted(request.form.get("author", ""), request.form.get("text", ""), request.form.get("parent", ""))
    opened = house()
    try:
        with opened.db.write() as db:
            need_live(db, article_id, CHANNEL)
            if not comments.comments_on(db):
                return failure(403, "评论暂未开放。", "comments_off")
            comments.write_comment(db, article_id, CHANNEL, posted, web_visitor(), opened.clock.now())
    except CheckFailed as error:
        problems = {problem.field: problem.text for problem in error.problems}
        return _page(article_id, problems, vars(posted)), 422
    flash("评论已提交，审核通过后公开显示。")
    return redirect(url_for("items.show_comments", article_id=article_id, page="last") + "#comments", 303)


@blueprint.get("/<int:article_id>/counts")
def show_counts(article_id: int) -> Response:
    """Likes and comments as JSON."""
    return jsonify(counts_of(article_id, CHANNEL, _viewer()))


@blueprint.post("/<int:article_id>/likes")
def post_like(article_id: int) -> Response:
    """One like a browser; goes back to the comments page, or gives the counts to a program that asks for JSON."""
    if wait := wait_s("like"):
        return too_fast(wait)
    visitor = web_visitor()
    new = add_like(article_id, CHANNEL, visitor)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(counts_of(article_id, CHANNEL, Viewer(visitor=visitor)))
    flash("已点赞，谢谢。" if new else "您已经点过赞了。")
    return redirect(url_for("items.show_comments", article_id=article_id), 303)


def _page(article_id: int, problems: dict[str, str], filled: dict[str, str]) -> str:
    with house().db.read() as db:
        need_live(db, article_id, CHANNEL)
        viewer = _viewer()
        shown = comments.counts(db, article_id, CHANNEL, viewer)
        pages = max(1, -(-shown["comments"] // PAGE_ROWS))
        page = _page_number(pages)
        rows = comments.list_comments(db, article_id, CHANNEL, viewer, Slice(PAGE_ROWS, skip=(page - 1) * PAGE_ROWS))
        return render_template(
            "portal/comments.html",
            article_id=article_id,
            heading=comments.title_of(db, article_id),
            rows=rows,
            counts=shown,
            page=page,
            pages=pages,
            on=comments.comments_on(db),
            problems=problems,
            filled=filled,
            honeypot=HONEYPOT,
        )


def _page_number(pages: int) -> int:
    given = request.args.get("page", "1")
    if given == "last":
        return pages
    return int(given) if given.isascii() and given.isdigit() and 0 < int(given) < 1_000_000 else 1


def _viewer() -> Viewer:
    return Viewer(is_collector(request, house()), known_web_visitor())
