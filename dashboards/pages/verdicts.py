"""What a person decides about one delivery: the two verdicts on an undecided one, go on, cancel, once more."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from core.errors import CheckFailed
from core.models.words import Operation
from core.ports import Problem
from dashboards.access import needs
from dashboards.pages.deliveries import story_content
from dashboards.sessions import actor, house, reading
from publisher import delivery as ledger

EFFECTS = {
    "live": "记为已经上线，今后的更正和撤回都针对这一份。",
    "absent": "记为平台上没有。系统可能会重新发送；如果其实已经上线，就会出现两份。",
}
EFFECTS_ON_WITHDRAWALS = {
    "live": "记为还在平台上。系统马上再撤一次；第二次判断仍在时记为残留，由您到平台手工删除。",
    "absent": "记为已经撤下，这次撤回到此结束。如果其实还在，系统不会再去撤。",
}
page = Blueprint("verdicts", __name__, url_prefix="/deliveries")


@page.post("/<int:delivery_id>/decide")
@needs("deliveries.release")
def decide(delivery_id: int) -> str | Response | tuple[str, int]:
    """The first press names what will happen; the second press does it."""
    form = request.form
    word, note = form.get("press") or form.get("verdict", ""), form.get("note", "").strip()
    problems = []
    if word not in EFFECTS:
        problems.append(Problem("note", "请选择平台上有还是没有。"))
    if not note:
        problems.append(Problem("note", "请写明您看到了什么，以后可以查。"))
    if problems or not form.get("press"):
        return _again(delivery_id, problems, word), 422 if problems else 200
    verdict = ledger.Verdict(word, note, form.get("remote_id", "").strip(), form.get("url", "").strip())
    try:
        with house().db.write() as session:
            ledger.decide_unknown(session, actor(), delivery_id, verdict, house().clock.now())
    except CheckFailed as error:
        return _again(delivery_id, error.problems, ""), 422
    flash("您的判断已记下。", "done")
    return _back(delivery_id)


@page.post("/<int:delivery_id>/resume")
@needs("deliveries.release")
def resume(delivery_id: int) -> Response:
    """Let a held delivery go out now."""
    with house().db.write() as session:
        ledger.resume_held(session, actor(), delivery_id, house().clock.now())
    flash("已放行，马上发出。", "done")
    return _back(delivery_id)


@page.post("/<int:delivery_id>/cancel")
@needs("deliveries.release")
def cancel(delivery_id: int) -> str | Response | tuple[str, int]:
    """Cancel what has not gone out."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        return _again(delivery_id, [Problem("reason", "请写明取消的理由。")], ""), 422
    with house().db.write() as session:
        ledger.cancel(session, actor(), delivery_id, reason, house().clock.now())
    flash("已取消。", "done")
    return _back(delivery_id)


@page.post("/<int:delivery_id>/retry")
@needs("deliveries.release")
def retry(delivery_id: int) -> Response:
    """Send a refused one once more, as a new attempt."""
    with house().db.write() as session:
        fresh = ledger.retry_refused(session, actor(), delivery_id, house().clock.now())
    flash("已作为新的一次排入分发。", "done")
    return _back(fresh.id if fresh is not None else delivery_id)


def _again(delivery_id: int, problems: list[Problem], verdict: str) -> str:
    """The story once more, with what is wrong, or with what a second press would do."""
    content = story_content(reading(), delivery_id)
    withdrawal = content["delivery"].operation == Operation.WITHDRAW
    effects = EFFECTS_ON_WITHDRAWALS if withdrawal else EFFECTS
    pending = "" if problems or not verdict else effects[verdict]
    content |= {"problems": problems, "form": request.form, "pending": pending, "verdict": verdict}
    return render_template("deliveries/story.html", **content)


def _back(delivery_id: int) -> Response:
    return redirect(url_for("deliveries.story", delivery_id=delivery_id))
