"""Public pages of live items: WeChat articles, Weibo posts, the push inbox, pictures. Gone items answer 404."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from .weibo.objects import BEIJING
from .weibo.rows import find_status
from .weibo.wording import id_of, mid_of
from .world import World, the_world

blueprint = Blueprint("pages", __name__, template_folder="templates")
SHOWN = 100


def show(kind: str, title: str, meta: str, **more: Any) -> str:
    """One page in the sandbox's plain dress."""
    return render_template("sandbox/page.html", kind=kind, title=title, meta=meta, **more)


def clock_text(at: float) -> str:
    """`2026-01-02 15:04` in Beijing."""
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


@blueprint.get("/")
def index() -> str:
    """What is live here, with links."""
    world = the_world()
    statuses = world.store.all(
        "SELECT * FROM weibo_status WHERE root IS NULL AND deleted_at IS NULL "
        "AND visible_at <= ? ORDER BY id DESC LIMIT 50",
        world.now(),
    )
    articles = world.store.all("SELECT * FROM wechat_article WHERE deleted_at IS NULL ORDER BY rowid DESC LIMIT 50")
    entries = [
        {
            "name": f"微博 {s['name']}",
            "meta": clock_text(s["created_at"]),
            "text": s["text"],
            "link": f"/{s['uid']}/{mid_of(s['id'])}",
        }
        for s in statuses
    ]
    entries += [
        {
            "name": "微信文章",
            "meta": clock_text(a["published_at"]),
            "text": json.loads(a["articles"])[0]["title"],
            "link": f"/s/{a['article_id']}-1",
        }
        for a in articles
    ]
    entries += [
        {"name": f"推送收件箱 {a['name']}", "meta": "", "text": "", "link": f"/inbox/{a['id']}"}
        for a in world.accounts.all("jpush")
    ]
    return show("首页", "本地平台沙箱", "以下内容只存在于这台机器", entries=entries)


@blueprint.get("/s/<name>")
def article(name: str) -> ResponseReturnValue:
    """A published article (`<article_id>-<place>`) or a draft's preview (`draft-<media_id>-<place>`)."""
    world = the_world()
    identity, _, place = name.removeprefix("draft-").rpartition("-")
    if name.startswith("draft-"):
        row = world.store.one(
            "SELECT articles, created_at AS at FROM wechat_draft WHERE media_id = ? AND left_at IS NULL", identity
        )
    else:
        row = world.store.one(
            "SELECT articles, published_at AS at, msg_data_id FROM wechat_article WHERE article_id = ?", identity
        )
    articles = json.loads(row["articles"]) if row else []
    if not place.isdigit() or not 1 <= int(place) <= len(articles) or articles[int(place) - 1].get("is_deleted"):
        return show("微信公众号", "该内容已被发布者删除", "", entries=[]), 404
    assert row
    shown = articles[int(place) - 1]
    return show(
        "微信公众号",
        shown["title"],
        f"{shown['author']} {clock_text(row['at'])}",
        html=localise_pictures(world, shown["content"]),
        link=shown["content_source_url"],
        link_text="阅读原文",
        entries=elected_comments(world, row.get("msg_data_id", 0), int(place) - 1),
    )


def localise_pictures(world: World, content: str) -> str:
    """The body with addresses of uploaded pictures led to this machine, since their real host is not reached."""
    for row in world.store.all(
        "SELECT media_id, url FROM wechat_media WHERE url IS NOT NULL AND instr(?, url) > 0", content
    ):
        content = content.replace(row["url"], f"/media/{row['media_id']}")
    return content


def elected_comments(world: World, data_id: int, position: int) -> list[dict[str, str]]:
    """Comments readers see: the elected ones, with the account's answer."""
    rows = world.store.all(
        "SELECT * FROM wechat_comment WHERE msg_data_id = ? AND position = ? AND elected = 1 "
        "AND deleted_at IS NULL ORDER BY id",
        data_id,
        position,
    )
    return [
        {
            "name": row["name"],
            "meta": clock_text(row["created_at"]),
            "text": row["content"] + (f"\n作者回复：{row['reply']}" if row["reply"] else ""),
        }
        for row in rows
    ]


@blueprint.get("/<int:uid>/<mid>")
def status(uid: int, mid: str) -> ResponseReturnValue:
    """A post with its newest comments."""
    world = the_world()
    try:
        row = find_status(world, id_of(mid))
    except ValueError:
        row = None
    if row is None or row["uid"] != uid:
        return show("微博", "抱歉，此微博已被删除或不存在", "", entries=[]), 404
    comments = world.store.all(
        "SELECT * FROM weibo_comment WHERE status = ? AND deleted_at IS NULL "
        "AND visible_at <= ? ORDER BY id DESC LIMIT ?",
        row["id"],
        world.now(),
        SHOWN,
    )
    entries = [{"name": row["name"], "meta": clock_text(row["created_at"]), "text": row["text"]}]
    entries += [{"name": c["name"], "meta": clock_text(c["created_at"]), "text": c["text"]} for c in comments]
    links = json.loads(row["links"])
    return show(
        "微博",
        row["name"],
        f"赞 {row['likes']} · 评论 {len(comments)}",
        entries=entries,
        picture=f"/picture/{row['pic']}" if row["pic"] else None,
        link=links[0]["url_long"] if links else None,
        link_text="网页链接",
    )


@blueprint.get("/inbox/<app_key>")
@blueprint.get("/inbox/<app_key>/<msg_id>")
def inbox(app_key: str, msg_id: str | None = None) -> ResponseReturnValue:
    """What the devices of an app show; with a msg_id that push alone, 404 when withdrawn or replaced."""
    world = the_world()
    rows = world.store.all(
        "SELECT * FROM jpush_push WHERE account = ? AND withdrawn_at IS NULL "
        "AND overridden_at IS NULL AND (? IS NULL OR msg_id = ?) "
        "ORDER BY accepted_at DESC LIMIT ?",
        app_key,
        msg_id,
        msg_id,
        SHOWN,
    )
    if world.accounts.get("jpush", app_key) is None or (msg_id and not rows):
        return show("推送", "没有这条推送", "", entries=[]), 404
    return show("推送", "推送收件箱", f"共 {len(rows)} 条", entries=[inbox_entry(app_key, row) for row in rows])


def inbox_entry(app_key: str, row: dict[str, Any]) -> dict[str, str]:
    """One push as the phone shows it."""
    body = json.loads(row["body"])
    notification = body.get("notification") or {}
    android = notification.get("android") or {}
    ios, message = notification.get("ios") or {}, body.get("message") or {}
    text = notification.get("alert") or android.get("alert") or ios.get("alert") or message.get("msg_content")
    return {
        "name": android.get("title") or "通知",
        "meta": clock_text(row["accepted_at"]),
        "text": str(text or ""),
        "link": f"/inbox/{app_key}/{row['msg_id']}",
    }


@blueprint.get("/media/<media_id>")
def media(media_id: str) -> ResponseReturnValue:
    """The bytes of an uploaded WeChat picture or other material."""
    return send_blob("SELECT content, mime FROM wechat_media WHERE media_id = ?", media_id)


@blueprint.get("/picture/<identity>")
def picture(identity: str) -> ResponseReturnValue:
    """The bytes of a post's picture."""
    return send_blob("SELECT content, mime FROM weibo_picture WHERE id = ?", identity)


def send_blob(sql: str, identity: str) -> ResponseReturnValue:
    """Stored bytes with their type, or 404."""
    row = the_world().store.one(sql, identity)
    if row is None:
        abort(404)
    return bytes(row["content"]), 200, {"Content-Type": row["mime"]}
