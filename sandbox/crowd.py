"""The crowd: comments, replies, reposts, likes and deletions under live items, each at its own time."""

from typing import Any

from .wechat.comments import add_comment as add_wechat_comment
from .weibo.objects import uid_of
from .weibo.rows import add_comment, add_repost, find_status
from .world import World

KINDS = {"weibo": ("comment", "reply", "repost", "like", "delete"), "wechat": ("comment", "like", "delete")}
Event = dict[str, Any]


def register_jobs(world: World) -> None:
    """The crowd's events are inline jobs: what a request sees is always complete up to its moment."""
    world.jobs.register("crowd", lambda payload, at: play_event(world, payload, at), inline=True)


def plan_events(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Plan `events` on `item` of `platform`; an event comes at now + after_s / speed (`speed` 0: all now).

    ValueError for an unknown item or a kind the platform lacks. Parents are refs of events of the same item.
    """
    platform, item, speed = body.get("platform", ""), str(body.get("item", "")), float(body.get("speed", 1))
    if platform not in KINDS:
        raise ValueError(f"no crowd on {platform}")
    find_item(world, platform, item)
    events: list[Event] = body["events"]
    if wrong := {event["kind"] for event in events} - set(KINDS[platform]):
        raise ValueError(f"not on {platform}: {', '.join(sorted(wrong))}")
    now = world.now()
    for event in sorted(events, key=lambda event: float(event.get("after_s", 0))):
        due_at = now + (float(event.get("after_s", 0)) / speed if speed else 0.0)
        world.jobs.add("crowd", due_at, {"platform": platform, "item": item, "event": event})
    return {"planned": len(events)}


def find_item(world: World, platform: str, item: str) -> dict[str, Any]:
    """A live status by id, or a WeChat article by article_id or msg_data_id."""
    row = find_status(world, int(item)) if platform == "weibo" and item.isdigit() else None
    if platform == "wechat":
        row = world.store.one(
            "SELECT * FROM wechat_article WHERE (article_id = ? OR msg_data_id = ?) AND deleted_at IS NULL",
            item,
            int(item) if item.isdigit() else -1,
        )
    if row is None:
        raise ValueError(f"no such live item: {item}")
    return row


def play_event(world: World, payload: dict[str, Any], at: float) -> str:
    """Write one event at its own time; gives `played` or why not."""
    event = payload["event"]
    try:
        item = find_item(world, payload["platform"], payload["item"])
    except ValueError:
        return "item gone"
    if event["kind"] == "like":
        table, key = ("weibo_status", "id") if payload["platform"] == "weibo" else ("wechat_article", "article_id")
        world.store.run(f"UPDATE {table} SET likes = likes + 1 WHERE {key} = ?", item[key])  # noqa: S608
        return "played"
    return (
        play_on_weibo(world, item, event, at)
        if payload["platform"] == "weibo"
        else play_on_wechat(world, item, event, at)
    )


def play_on_weibo(world: World, status: dict[str, Any], event: Event, at: float) -> str:
    """A comment, reply, repost or deletion under a status."""
    kind, name, text, ref = event["kind"], event.get("author", ""), event.get("text", ""), event.get("ref")
    if kind == "delete":
        gone = delete_by_ref(world, "weibo_comment", "status", status["id"], event.get("parent"), at)
        return (
            "played"
            if gone or delete_by_ref(world, "weibo_status", "root", status["id"], event.get("parent"), at)
            else "no parent"
        )
    parent = None
    if event.get("parent"):
        table = "weibo_status" if kind == "repost" else "weibo_comment"
        parent = find_by_ref(world, table, status["id"], event["parent"])
        if parent is None:
            return "no parent"
    if kind == "repost":
        add_repost(world, parent or status, name, text, at, ref=ref)
    else:
        add_comment(world, status, (uid_of(name), name), text, created_at=at, visible_at=at, ref=ref, parent=parent)
    return "played"


def play_on_wechat(world: World, article: dict[str, Any], event: Event, at: float) -> str:
    """A comment (when comments are open) or a deletion by its writer."""
    if event["kind"] == "delete":
        return (
            "played"
            if delete_by_ref(world, "wechat_comment", "msg_data_id", article["msg_data_id"], event.get("parent"), at)
            else "no parent"
        )
    if not world.store.number(
        "SELECT json_extract(articles, '$[0].need_open_comment') FROM wechat_article WHERE article_id = ?",
        article["article_id"],
    ):
        return "comments closed"
    add_wechat_comment(
        world, article, 0, event.get("author", ""), event.get("text", ""), created_at=at, ref=event.get("ref")
    )
    return "played"


def find_by_ref(world: World, table: str, status_id: int, ref: str) -> dict[str, Any] | None:
    """The row of an earlier event or replayed row under a status, by its ref."""
    column = "root" if table == "weibo_status" else "status"
    return world.store.one(
        f"SELECT * FROM {table} WHERE {column} = ? AND ref = ? AND deleted_at IS NULL",  # noqa: S608
        status_id,
        ref,
    )


def delete_by_ref(world: World, table: str, column: str, item: Any, ref: Any, at: float) -> int:
    """Mark the row with this ref as deleted by its writer; gives the number of rows."""
    by = ", deleted_by = 'writer'" if table != "weibo_comment" else ""
    return world.store.run(
        f"UPDATE {table} SET deleted_at = ?{by} WHERE {column} = ? AND ref = ? "  # noqa: S608
        "AND deleted_at IS NULL",
        at,
        item,
        ref,
    )


def write_rows(world: World, status: dict[str, Any], rows: list[Event]) -> dict[str, Any]:
    """Write replayed rows `{ref, kind: repost|comment|answer, author, text, at, parent}` with their own times.

    A row whose parent is not there is left out and named in `missing_parent`; a ref already there in `repeated`.
    """
    played = {"repost": 0, "comment": 0, "answer": 0}
    missing: list[str] = []
    repeated: list[str] = []
    for row in rows:
        table = "weibo_status" if row["kind"] == "repost" else "weibo_comment"
        parent = find_by_ref(world, table, status["id"], row["parent"]) if row.get("parent") else None
        if find_by_ref(world, table, status["id"], row["ref"]):
            repeated.append(row["ref"])
        elif row.get("parent") and parent is None:
            missing.append(row["ref"])
        else:
            played[row["kind"]] += 1
            if row["kind"] == "repost":
                add_repost(
                    world,
                    parent or status,
                    row["author"],
                    row["text"],
                    row["at"],
                    ref=row["ref"],
                    visible_at=world.now(),
                )
            else:
                add_comment(
                    world,
                    status,
                    (uid_of(row["author"]), row["author"]),
                    row["text"],
                    created_at=row["at"],
                    parent=parent,
                    ref=row["ref"],
                )
    return {"played": played, "missing_parent": missing, "repeated": repeated}


def report_events(world: World) -> dict[str, Any]:
    """How many events wait, and how the others ended."""
    waiting = world.store.number("SELECT count(*) FROM job WHERE kind = 'crowd' AND done_at IS NULL")
    ended = world.store.all(
        "SELECT outcome, count(*) AS n FROM job WHERE kind = 'crowd' AND done_at IS NOT NULL GROUP BY outcome"
    )
    return {"waiting": waiting, "ended": {row["outcome"]: row["n"] for row in ended}}
