"""What is really live, in how many copies, and which calls were seen. Only tests and the operator's page read it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from .weibo.wording import mid_of
from .world import World, the_world

blueprint = Blueprint("truth", __name__, url_prefix="/truth")
ONCE_CALLS = ("statuses/share", "freepublish/submit", "push", "comments/create", "comments/reply", "comment/reply/add")


@blueprint.get("")
def of_account() -> ResponseReturnValue:
    """`?account=` every copy, draft and push of one account."""
    world, account = the_world(), request.args["account"]
    return jsonify(
        {
            "weibo": [
                weibo_copy(row)
                for row in world.store.all("SELECT * FROM weibo_status WHERE account = ? ORDER BY id", account)
            ],
            "wechat": [
                wechat_copy(row)
                for row in world.store.all("SELECT * FROM wechat_article WHERE account = ? ORDER BY rowid", account)
            ],
            "wechat_in_audit": world.store.all(
                "SELECT publish_id, media_id, submitted_at FROM wechat_publish WHERE account = ? AND status = 1",
                account,
            ),
            "wechat_drafts": world.store.all(
                "SELECT media_id, created_at, left_at, left_why FROM wechat_draft WHERE account = ? ORDER BY rowid",
                account,
            ),
            "jpush": [
                jpush_copy(row)
                for row in world.store.all("SELECT * FROM jpush_push WHERE account = ? ORDER BY accepted_at", account)
            ],
            "calls": count_calls(world, [account], None),
        }
    )


@blueprint.get("/copies")
def of_link() -> ResponseReturnValue:
    """`?link=` (a canonical link; `&account=` narrows): the copies that carry it, live and deleted, per platform.

    A link carries on with `?…`, `&…` or `#…` too (a mark); a push carries it when any text in its body does.
    """
    world, link, account = the_world(), request.args["link"], request.args.get("account")
    copies = {name: place.copies(world, link, account) for name, place in PLACES.items()}
    drafts = [draft["media_id"] for draft in copies["wechat_drafts"]]
    return jsonify(
        {
            "link": link,
            "live": {name: sum(copy["live"] for copy in copies[name]) for name in ("weibo", "wechat", "jpush")},
            **copies,
            "calls": count_link_calls(world, link, account, drafts),
        }
    )


def rows_with(world: World, table: str, column: str, link: str, account: str | None) -> list[dict[str, Any]]:
    """Rows whose text column holds the link somewhere."""
    return world.store.all(
        f"SELECT * FROM {table} WHERE instr({column}, ?) > 0 "  # noqa: S608
        "AND (? IS NULL OR account = ?) ORDER BY rowid",
        link,
        account,
        account,
    )


def carries(url: str, link: str) -> bool:
    """Whether a URL (or text) is the link, or the link with a query, mark or fragment."""
    return url == link or any(url.startswith(link + sign) for sign in "?&#")


def status_carries(row: dict[str, Any], link: str) -> bool:
    """Whether a status shows the link."""
    return any(carries(entry["url_long"], link) for entry in json.loads(row["links"]))


def articles_carry(row: dict[str, Any], link: str) -> bool:
    """Whether any article of the row names the link as its source."""
    return any(carries(article["content_source_url"], link) for article in json.loads(row["articles"]))


def audit_carries(row: dict[str, Any], link: str) -> bool:
    """Whether a submit that is still in audit will make the link live."""
    return row["status"] == 1 and articles_carry(row, link)


def push_carries(row: dict[str, Any], link: str) -> bool:
    """Whether any text of a push is the link."""
    return any(carries(text, link) for text in texts_in(json.loads(row["body"])))


def texts_in(value: Any) -> list[str]:
    """Every string inside a JSON value."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in texts_in(part)]


def weibo_copy(row: dict[str, Any]) -> dict[str, Any]:
    """A status with all its times (Unix seconds)."""
    kept = {
        k: row[k]
        for k in (
            "id",
            "account",
            "text",
            "sent_text",
            "accepted_at",
            "visible_at",
            "deleted_at",
            "deleted_by",
            "likes",
            "origin",
        )
    }
    return {
        **kept,
        "live": row["deleted_at"] is None,
        "links": [e["url_long"] for e in json.loads(row["links"])],
        "mid": mid_of(row["id"]),
        "page": f"{request.host_url}{row['uid']}/{mid_of(row['id'])}",
    }


def wechat_copy(row: dict[str, Any]) -> dict[str, Any]:
    """A published article with all its times; `accepted_at` is the submit's."""
    articles = json.loads(row["articles"])
    kept = {
        k: row[k]
        for k in (
            "article_id",
            "account",
            "publish_id",
            "msg_data_id",
            "accepted_at",
            "published_at",
            "visible_at",
            "deleted_at",
            "deleted_by",
            "likes",
        )
    }
    return {
        **kept,
        "live": row["deleted_at"] is None,
        "titles": [a["title"] for a in articles],
        "marks": [a["content_source_url"] for a in articles],
        "pages": [f"{row['base']}s/{row['article_id']}-{place}" for place, _ in enumerate(articles, 1)],
    }


def jpush_copy(row: dict[str, Any]) -> dict[str, Any]:
    """A push with cid, extras and times; live means neither withdrawn nor replaced."""
    body = json.loads(row["body"])
    kept = {
        k: row[k]
        for k in (
            "msg_id",
            "account",
            "sendno",
            "cid",
            "accepted_at",
            "withdrawn_at",
            "overrides",
            "overridden_at",
            "android",
            "ios",
        )
    }
    return {
        **kept,
        "live": row["withdrawn_at"] is None and row["overridden_at"] is None,
        "notification": body.get("notification"),
        "message": body.get("message"),
        "extras": extras_of(body),
    }


def wechat_audit(row: dict[str, Any]) -> dict[str, Any]:
    """A submit in audit."""
    return {name: row[name] for name in ("publish_id", "media_id", "submitted_at", "status")}


def wechat_draft(row: dict[str, Any]) -> dict[str, Any]:
    """A draft, in the box or gone from it."""
    return {name: row[name] for name in ("media_id", "created_at", "left_at", "left_why")}


@dataclass(frozen=True)
class Place:
    """Where copies of a link may be: a table, its text column, when a row carries the link, how it is told."""

    table: str
    column: str
    carries: Callable[[dict[str, Any], str], bool]
    tell: Callable[[dict[str, Any]], dict[str, Any]]

    def copies(self, world: World, link: str, account: str | None) -> list[dict[str, Any]]:
        """Every row that carries the link, told."""
        rows = rows_with(world, self.table, self.column, link, account)
        return [self.tell(row) for row in rows if self.carries(row, link)]


PLACES = {
    "weibo": Place("weibo_status", "links", status_carries, weibo_copy),
    "wechat": Place("wechat_article", "articles", articles_carry, wechat_copy),
    "wechat_in_audit": Place("wechat_publish", "articles", audit_carries, wechat_audit),
    "jpush": Place("jpush_push", "body", push_carries, jpush_copy),
    "wechat_drafts": Place("wechat_draft", "articles", articles_carry, wechat_draft),
}


def extras_of(body: dict[str, Any]) -> dict[str, Any]:
    """The extras of every part of a push, joined."""
    notification = body.get("notification") or {}
    parts = [part for part in (*notification.values(), body.get("message") or {}) if isinstance(part, dict)]
    return {key: value for part in parts for key, value in (part.get("extras") or {}).items()}


def count_calls(world: World, accounts: list[str], texts: list[str] | None) -> dict[str, dict[str, int]]:
    """Once-only calls seen per api: all, with an effect at once (`answered`), late ones and struck ones."""
    marks, apis = ",".join("?" * len(accounts)), ",".join("?" * len(ONCE_CALLS))
    rows = world.store.all(
        f"SELECT api, late, faults, status, request FROM call WHERE account IN ({marks}) "  # noqa: S608
        f"AND api IN ({apis})",
        *accounts,
        *ONCE_CALLS,
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        if texts is None or any(text in (row["request"] or "") for text in texts):
            entry = counts.setdefault(row["api"], {"seen": 0, "late": 0, "struck": 0})
            entry["late" if row["late"] else "seen"] += 1
            entry["struck"] += row["faults"] is not None
    return counts


def count_link_calls(world: World, link: str, account: str | None, media_ids: list[str]) -> dict[str, dict[str, int]]:
    """Once-only calls about one link: by the link in the request, or by the media_id of a draft that carries it."""
    accounts = [account] if account else [row["id"] for row in world.accounts.all()]
    return count_calls(world, accounts, [link, *media_ids])


@blueprint.get("/calls")
def calls() -> ResponseReturnValue:
    """The request log, newest first; filters `account`, `api`, `platform`, `since` (Unix seconds), `limit` (500)."""
    wanted = {k: request.args[k] for k in ("account", "api", "platform") if k in request.args}
    clauses = "".join(f" AND {name} = ?" for name in wanted)
    rows = the_world().store.all(
        f"SELECT * FROM call WHERE at >= ?{clauses} ORDER BY id DESC LIMIT ?",  # noqa: S608
        float(request.args.get("since", 0)),
        *wanted.values(),
        int(request.args.get("limit", 500)),
    )
    return jsonify(rows)


@blueprint.get("/rows")
def rows() -> ResponseReturnValue:
    """`?status=` what stands under a Weibo status: kind, id, ref, the parent's ref, time, text."""
    world, status = the_world(), int(request.args["status"])
    reposts = world.store.all(
        "SELECT 'repost' AS kind, s.id, s.ref, p.ref AS parent_ref, s.created_at, s.text, s.name, s.deleted_at "
        "FROM weibo_status s LEFT JOIN weibo_status p ON p.id = s.pid WHERE s.root = ? ORDER BY s.id",
        status,
    )
    comments = world.store.all(
        "SELECT CASE WHEN c.parent IS NULL THEN 'comment' ELSE 'answer' END AS kind, c.id, c.ref, p.ref AS parent_ref, "
        "c.created_at, c.text, c.name, c.deleted_at FROM weibo_comment c LEFT JOIN weibo_comment p ON p.id = c.parent "
        "WHERE c.status = ? ORDER BY c.id",
        status,
    )
    return jsonify(reposts + comments)
