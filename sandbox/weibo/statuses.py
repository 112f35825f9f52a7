"""Statuses: share, destroy, own timeline, show, count, reposts, ids. Ordinary apps may post by `share` only."""

from typing import Any

from flask import request

from ..codes import PlatformError
from ..pictures import recognise
from ..world import World
from .entry import blueprint, enter, need, number, refuse, regime_of
from .objects import count_reactions, select_page, status_object
from .rows import add_status, find_status
from .wording import holds_domain, id_of, measure, mid_of, shorten

MAX_CHARACTERS = 140
MAX_PICTURE_BYTES = 5 * 1024 * 1024
MAX_IDS = 100
LIVE = "deleted_at IS NULL AND visible_at <= ?"


@blueprint.post("/2/statuses/share.json")
def share() -> dict[str, Any]:
    """Post a status that holds a link under the app's safe domains."""
    world, account = enter("post_hour")
    sent = request.values.get("status", "")
    text, links = check_text(world, account, sent)
    picture = check_picture(world)
    now, uid = world.now(), int(account["id"])
    row = add_status(
        world,
        account["id"],
        (uid, account["screen_name"]),
        text,
        sent_text=sent,
        links=links,
        visible_at=now + world.lag_s(account),
        pic=picture,
        origin="api",
    )
    for fault in world.faults.take(("foreign_posts",), "weibo", "statuses/share", account["id"], lambda: sent):
        for turn in range(int(fault.get("count", 5))):
            add_status(
                world,
                account["id"],
                (uid, account["screen_name"]),
                f"今日天气与出行提示（{turn + 1}）",
                origin="foreign",
            )
    return status_object(world, row)


def check_text(world: World, account: dict[str, Any], sent: str) -> tuple[str, list[dict[str, object]]]:
    """Apply the rules of `share` in the platform's order; gives the text as stored and its links."""
    if not sent.strip():
        raise refuse(20008)
    if not account["safe_domains"]:
        raise PlatformError("weibo", 10017, "appkey not bind domain!")
    text, links = shorten(sent)
    if not holds_domain(links, account["safe_domains"]):
        raise PlatformError("weibo", 10017, "text not find domain!")
    if measure(sent) > MAX_CHARACTERS:
        raise refuse(20012)
    if is_repeat(world, account, text):
        raise refuse(20019)
    return text, links


def is_repeat(world: World, account: dict[str, Any], text: str) -> bool:
    """Whether the account shows the same text already. A post not yet shown in lists is not yet compared with;
    neither is a call that was accepted earlier and takes effect late."""
    since = world.now() - world.scaled(float(account["repeat_window_s"]))
    return (
        "sandbox.late_at" not in request.environ
        and world.store.one(
            "SELECT id FROM weibo_status WHERE account = ? AND text = ? AND deleted_at IS NULL AND visible_at <= ? "
            "AND accepted_at > ?",
            account["id"],
            text,
            world.now(),
            since,
        )
        is not None
    )


def check_picture(world: World) -> str | None:
    """Store the one picture of a post: JPEG, GIF or PNG under 5 MB (20005, 20006). Any part name or type will do."""
    if not request.files:
        return None
    content = next(iter(request.files.values())).read()
    kind, mime = recognise(content)
    if kind not in ("jpg", "png", "gif"):
        raise refuse(20005)
    if len(content) >= MAX_PICTURE_BYTES:
        raise refuse(20006)
    identity = world.word("weibo-picture", 32)
    world.store.insert("weibo_picture", id=identity, mime=mime, content=content)
    return identity


@blueprint.post("/2/statuses/update.json")
@blueprint.post("/2/statuses/upload.json")
@blueprint.post("/2/statuses/upload_url_text.json")
@blueprint.post("/2/statuses/repost.json")
def advanced() -> dict[str, Any]:
    """Posting APIs that need a permission no app of the sandbox has."""
    enter()
    raise refuse(10014)


@blueprint.post("/2/statuses/destroy.json")
def destroy() -> dict[str, Any]:
    """Delete an own post: 20101 unknown or gone, 20102 not ours."""
    world, account = enter()
    row = need_status(world, number("id"))
    if row["account"] != account["id"]:
        raise refuse(20102)
    body = status_object(world, row)
    world.store.run(
        "UPDATE weibo_status SET deleted_at = ?, deleted_by = 'author' WHERE id = ?", world.now(), row["id"]
    )
    return body


@blueprint.get("/2/statuses/user_timeline.json")
def user_timeline() -> dict[str, Any]:
    """Own posts only, whatever uid says; an ordinary app sees the latest few and nothing behind them."""
    world, account = enter()
    sql, values = f"SELECT * FROM weibo_status WHERE account = ? AND {LIVE}", (account["id"], world.horizon())  # noqa: S608
    if regime_of(world, account) == "ordinary":
        sql = f"SELECT * FROM ({sql} ORDER BY id DESC LIMIT {int(account['timeline_shown'])})"  # noqa: S608
    page = select_page(sql, values, world, 200 if regime_of(world, account) == "commercial" else 100)
    page["total"] = world.store.number(f"SELECT count(*) FROM weibo_status WHERE account = ? AND {LIVE}", *values)  # noqa: S608
    counts = count_reactions(world, [row["id"] for row in page["rows"]])
    return {
        "statuses": [status_object(world, row, counts) for row in page["rows"]],
        "hasvisible": False,
        "previous_cursor": 0,
        "next_cursor": page["next_cursor"],
        "total_number": page["total"],
    }


@blueprint.get("/2/statuses/show.json")
def show() -> dict[str, Any]:
    """One post; an ordinary app reads its own only (20112)."""
    world, account = enter()
    row = need_status(world, number("id"))
    if row["account"] != account["id"] and regime_of(world, account) == "ordinary":
        raise refuse(20112)
    return status_object(world, row)


@blueprint.get("/2/statuses/count.json")
def count() -> list[dict[str, Any]]:
    """Counts of up to 100 posts; posts that do not exist are left out."""
    world, _ = enter()
    ids = parse_ids(need("ids"))
    rows = [row for row in (find_status(world, identity) for identity in ids) if row]
    counts = count_reactions(world, [row["id"] for row in rows])
    return [
        {
            "id": row["id"],
            "comments": counts[row["id"]]["comments"],
            "reposts": counts[row["id"]]["reposts"],
            "attitudes": row["likes"],
        }
        for row in rows
    ]


@blueprint.get("/2/statuses/repost_timeline.json")
def repost_timeline() -> dict[str, Any]:
    """Reposts of a post, newest first; those of its reposts are in the root's list."""
    world, _ = enter()
    root = need_status(world, number("id"))
    page = select_page(
        f"SELECT * FROM weibo_status WHERE (root = ? OR pid = ?) AND {LIVE}",  # noqa: S608
        (root["id"], root["id"], world.horizon()),
        world,
        200,
    )
    counts = count_reactions(world, [row["id"] for row in page["rows"]])
    rows = [status_object(world, row, counts, deep=False) for row in page["rows"]]
    origin = status_object(world, root, deep=False)
    return {
        "reposts": [{**row, "retweeted_status": origin} for row in rows],
        "hasvisible": False,
        "previous_cursor": 0,
        "next_cursor": page["next_cursor"],
        "total_number": page["total"],
    }


@blueprint.get("/2/statuses/queryid.json")
def queryid() -> Any:
    """Id of a base-62 mid; with `is_batch=1` up to 20 of them."""
    enter()
    return translate("mid", lambda mid: str(id_of(mid)))


@blueprint.get("/2/statuses/querymid.json")
def querymid() -> Any:
    """Base-62 mid of an id; with `is_batch=1` up to 20 of them."""
    enter()
    return translate("id", lambda identity: mid_of(int(identity)))


def translate(name: str, turn: Any) -> Any:
    """The answer of queryid and querymid; 10017 for what is no id."""
    asked = need(name).split(",")
    if len(asked) > 20:
        raise refuse(20009)
    try:
        turned = {word: turn(word) for word in asked}
    except ValueError:
        raise refuse(10017, name) from None
    if request.values.get("is_batch") == "1":
        return [turned]
    return {"id" if name == "mid" else "mid": turned[asked[0]]}


def parse_ids(text: str) -> list[int]:
    """Comma-separated ids: at most 100 (20009), numbers only (10017)."""
    parts = [part for part in text.split(",") if part]
    if len(parts) > MAX_IDS:
        raise refuse(20009)
    if not all(part.isdigit() for part in parts):
        raise refuse(10017, "ids")
    return [int(part) for part in parts]


def need_status(world: World, identity: int) -> dict[str, Any]:
    """The live post; 20109 without an id, 20101 when there is none."""
    if not identity:
        raise refuse(20109)
    row = find_status(world, identity)
    if row is None:
        raise refuse(20101)
    return row
