"""Publishing without notification: submit, audit as time passes, result, list, delete. Submit means accepted only."""

import json
from typing import Any

from flask import request

from ..world import World
from .callback import schedule_callback
from .drafts import find_draft, leave_box, present
from .entry import blueprint, enter, ok, page_of, read_json, refuse, whole

SUCCESS, IN_PROGRESS, USER_DELETED, SYSTEM_BANNED = 0, 1, 5, 6
FIRST_PUBLISH_ID, FIRST_DATA_ID = 2_650_177_668, 2_247_483_651


@blueprint.post("/cgi-bin/freepublish/submit")
def submit() -> dict[str, Any]:
    """Put a draft into audit. A draft already there is refused (53503) or taken twice, by the account's switch."""
    world, account = enter(publishing=True)
    draft = find_draft_or_twin(world, account, read_json().get("media_id"))
    publish_id = world.store.next("wechat_publish", FIRST_PUBLISH_ID)
    data_id = world.store.next("wechat_data", FIRST_DATA_ID)
    verdict, failed = decide_verdict(world, account["id"], draft["articles"])
    world.store.insert(
        "wechat_publish",
        publish_id=publish_id,
        account=account["id"],
        media_id=draft["media_id"],
        msg_data_id=data_id,
        articles=draft["articles"],
        base=request.host_url,
        submitted_at=world.now(),
        status=IN_PROGRESS,
        verdict=verdict,
        fail_idx=failed,
        lag_s=world.lag_s(account),
    )
    if account["draft_leaves"] == "submit":
        leave_box(world, draft["media_id"], "published", world.now())
    world.jobs.add("finish_publish", world.now() + world.scaled(float(account["audit_s"])), {"publish_id": publish_id})
    return ok(publish_id=publish_id, msg_data_id=data_id)


def find_draft_or_twin(world: World, account: dict[str, Any], media_id: Any) -> dict[str, Any]:
    """The draft to submit; while one of its submits is in audit, the account's `resubmit_in_audit` decides."""
    in_audit = world.store.one(
        "SELECT publish_id FROM wechat_publish WHERE media_id = ? AND account = ? AND status = ?",
        str(media_id),
        account["id"],
        IN_PROGRESS,
    )
    if in_audit is None:
        return find_draft(world, account["id"], media_id)
    if account["resubmit_in_audit"] != "twice":
        raise refuse(53503)
    row = world.store.one("SELECT * FROM wechat_draft WHERE media_id = ?", str(media_id))
    assert row
    return row


def decide_verdict(world: World, account: str, articles: str) -> tuple[int, list[int]]:
    """How this submit's audit will end: success, or what an audit_refuse fault says (2, 3 or 4 with fail_idx)."""
    for fault in world.faults.take(("audit_refuse",), "wechat", "freepublish/submit", account, lambda: articles):
        return int(fault.get("code", 4)), [1]
    return SUCCESS, []


def finish_publish(world: World, publish_id: int, at: float) -> None:
    """End of the audit at `at`: on success the article stands and the draft has left the box; then the callback."""
    row = find_publish(world, publish_id)
    assert row
    article_id = None
    if row["verdict"] == SUCCESS:
        article_id = world.word("wechat-article", 22) + "_" + str(row["msg_data_id"])
        world.store.insert(
            "wechat_article",
            article_id=article_id,
            account=row["account"],
            publish_id=publish_id,
            msg_data_id=row["msg_data_id"],
            articles=[{**a, "is_deleted": False} for a in json.loads(row["articles"])],
            base=row["base"],
            accepted_at=row["submitted_at"],
            published_at=at,
            visible_at=at + row["lag_s"],
            updated_at=at,
        )
        leave_box(world, row["media_id"], "published", at)
    else:
        world.store.run(
            "UPDATE wechat_draft SET left_at = NULL, left_why = NULL WHERE media_id = ? AND left_why = 'published'",
            row["media_id"],
        )
    world.store.run(
        "UPDATE wechat_publish SET status = ?, article_id = ?, done_at = ? WHERE publish_id = ?",
        row["verdict"],
        article_id,
        at,
        publish_id,
    )
    schedule_callback(world, row, at)


def find_publish(world: World, publish_id: int, account: str | None = None) -> dict[str, Any] | None:
    """The row of one submit, or None."""
    return world.store.one(
        "SELECT * FROM wechat_publish WHERE publish_id = ? AND (? IS NULL OR account = ?)", publish_id, account, account
    )


def result_of(world: World, row: dict[str, Any]) -> dict[str, Any]:
    """`freepublish/get`'s body, also what the callback tells."""
    body: dict[str, Any] = {"publish_id": row["publish_id"], "publish_status": row["status"]}
    article = world.store.one("SELECT * FROM wechat_article WHERE article_id = ?", row["article_id"] or "")
    if article and row["status"] == SUCCESS:
        links = [
            {"idx": place, "article_url": article_url(article, place)}
            for place, _ in enumerate(json.loads(article["articles"]), 1)
        ]
        body |= {"article_id": article["article_id"], "article_detail": {"count": len(links), "item": links}}
    return {**body, "fail_idx": json.loads(row["fail_idx"]) if row["status"] in (2, 3, 4) else []}


def article_url(article: dict[str, Any], place: int) -> str:
    """The public page of the article at a 1-based place."""
    return f"{article['base']}s/{article['article_id']}-{place}"


@blueprint.post("/cgi-bin/freepublish/get")
def get() -> dict[str, Any]:
    """State of one submit (53502 unknown); 100 polls a day, so the callback is the way. A text id is taken too."""
    world, account = enter(publishing=True)
    asked = str(read_json().get("publish_id", ""))
    row = find_publish(world, int(asked), account["id"]) if asked.isdigit() else None
    if row is None:
        raise refuse(53502)
    return result_of(world, row)


@blueprint.post("/cgi-bin/freepublish/delete")
def delete() -> dict[str, Any]:
    """Take an article down for good: `index` 1-based, 0 or absent takes all."""
    world, account = enter(publishing=True)
    body = read_json()
    row, index = find_article(world, account["id"], body.get("article_id")), whole(body, "index", 0)
    articles = json.loads(row["articles"])
    if not 0 <= index <= len(articles):
        raise refuse(40114)
    for place, article in enumerate(articles, 1):
        article["is_deleted"] = article["is_deleted"] or index in (0, place)
    remove_articles(world, row, articles, "author", world.now())
    return ok()


def remove_articles(world: World, row: dict[str, Any], articles: list[dict[str, Any]], by: str, at: float) -> None:
    """Store which articles are deleted; when all are, the publish state becomes 5 (author) or 6 (system)."""
    gone = all(article["is_deleted"] for article in articles)
    world.store.run(
        "UPDATE wechat_article SET articles = ?, updated_at = ?, deleted_at = ?, deleted_by = ? WHERE article_id = ?",
        json.dumps(articles, ensure_ascii=False),
        at,
        at if gone else None,
        by if gone else None,
        row["article_id"],
    )
    if gone:
        world.store.run(
            "UPDATE wechat_publish SET status = ? WHERE publish_id = ?",
            USER_DELETED if by == "author" else SYSTEM_BANNED,
            row["publish_id"],
        )


def find_article(world: World, account: str, article_id: Any) -> dict[str, Any]:
    """A published article of the account, deleted or not; 53600 when unknown."""
    row = world.store.one("SELECT * FROM wechat_article WHERE article_id = ? AND account = ?", str(article_id), account)
    if row is None:
        raise refuse(53600)
    return row


@blueprint.post("/cgi-bin/freepublish/getarticle")
def getarticle() -> dict[str, Any]:
    """The articles behind an article_id, each with `is_deleted`."""
    world, account = enter(publishing=True)
    row = find_article(world, account["id"], read_json().get("article_id"))
    return {
        "news_item": items_of(world, row, bare=False),
        "create_time": int(row["published_at"]),
        "update_time": int(row["updated_at"]),
    }


def items_of(world: World, row: dict[str, Any], *, bare: bool) -> list[dict[str, Any]]:
    """An article row's `news_item` list."""
    return [
        present(world, article, article_url(row, place), bare=bare)
        for place, article in enumerate(json.loads(row["articles"]), 1)
    ]


@blueprint.post("/cgi-bin/freepublish/batchget")
def batchget() -> dict[str, Any]:
    """One page of what was published here, newest first; a wholly deleted article is gone from it."""
    world, account = enter(publishing=True)
    offset, size, bare = page_of(read_json())
    where = "FROM wechat_article WHERE account = ? AND deleted_at IS NULL AND visible_at <= ?"
    values = (account["id"], world.horizon())
    rows = world.store.all(
        f"SELECT * {where} ORDER BY published_at DESC, rowid DESC LIMIT ? OFFSET ?", *values, size, offset
    )
    items = [
        {
            "article_id": row["article_id"],
            "update_time": int(row["updated_at"]),
            "content": {
                "news_item": items_of(world, row, bare=bare),
                "create_time": int(row["published_at"]),
                "update_time": int(row["updated_at"]),
            },
        }
        for row in rows
    ]
    total = world.store.number(f"SELECT count(*) {where}", *values)
    return {"total_count": total, "item_count": len(items), "item": items}
