"""WeChat's picture upload and the permanent material library."""

import json
from typing import Any

from flask import request

from ..pictures import recognise
from ..world import World
from .entry import blueprint, enter, ok, page_of, read_json, refuse

KILO, MEGA = 1024, 1024 * 1024
SIZES = {"image": 10 * MEGA, "voice": 2 * MEGA, "video": 10 * MEGA, "thumb": 64 * KILO}
SIZE_ERRORS = {"image": 40009, "voice": 40010, "video": 40011, "thumb": 40012}
KINDS = {"image": ("bmp", "png", "jpg", "gif"), "voice": ("mp3", "wav", "amr"), "video": ("mp4",), "thumb": ("jpg",)}
LIBRARY = {"image": 100_000, "voice": 1_000, "video": 1_000, "thumb": 1_000}


@blueprint.post("/cgi-bin/media/uploadimg")
def uploadimg() -> dict[str, Any]:
    """A picture for article bodies: jpg or png under 1 MB; gives its address, takes no room in the library."""
    world, account = enter()
    name, content = read_file()
    kind, mime = recognise(content)
    if kind not in ("jpg", "png"):
        raise refuse(40005)
    if len(content) >= MEGA:
        raise refuse(40009)
    word = world.word("wechat-image", 40)
    url = f"http://mmbiz.qpic.cn/mmbiz_{kind}/{word}/0"
    world.store.insert(
        "wechat_media",
        media_id=f"img-{word}",
        account=account["id"],
        type="uploadimg",
        name=name,
        url=url,
        mime=mime,
        content=content,
        created_at=world.now(),
    )
    return {"url": url}


@blueprint.post("/cgi-bin/material/add_material")
def add_material() -> dict[str, Any]:
    """Permanent material. Video takes `description` as a form field (a query field, as one client sends, is too)."""
    world, account = enter()
    kind = request.values.get("type", "")
    if kind not in SIZES:
        raise refuse(40004)
    name, content = read_file()
    short, mime = recognise(content)
    check_material(world, account["id"], kind, short, len(content))
    description = read_description() if kind == "video" else None
    media_id = world.word("wechat-material", 43)
    url = f"http://mmbiz.qpic.cn/mmbiz_{short}/{media_id}/0?wx_fmt={short}" if kind == "image" else None
    world.store.insert(
        "wechat_media",
        media_id=media_id,
        account=account["id"],
        type=kind,
        name=name,
        url=url,
        mime=mime,
        content=content,
        description=description,
        created_at=world.now(),
    )
    return {"media_id": media_id, "url": url} if url else {"media_id": media_id}


def check_material(world: World, account: str, kind: str, short: str, size: int) -> None:
    """Type (40113), size (40009-40012) and room in the library (45074)."""
    if short not in KINDS[kind]:
        raise refuse(40113)
    if size > SIZES[kind]:
        raise refuse(SIZE_ERRORS[kind])
    stored = world.store.number(
        "SELECT count(*) FROM wechat_media WHERE account = ? AND type = ? AND deleted_at IS NULL", account, kind
    )
    if stored >= LIBRARY[kind]:
        raise refuse(45074)


def read_file() -> tuple[str, bytes]:
    """Name and bytes of the one multipart file, whatever its part is called: 41005 absent, 44001 empty."""
    if not request.files:
        raise refuse(41005)
    part = next(iter(request.files.values()))
    content = part.read()
    if not content:
        raise refuse(44001)
    return part.filename or "media", content


def read_description() -> str:
    """The video's `{title,introduction}`; 40035 when absent or no JSON."""
    try:
        body = json.loads(request.values.get("description", ""))
        return json.dumps({"title": body["title"], "introduction": body["introduction"]}, ensure_ascii=False)
    except (ValueError, KeyError, TypeError):
        raise refuse(40035, "[description]") from None


@blueprint.post("/cgi-bin/material/batchget_material")
def batchget_material() -> dict[str, Any]:
    """One page of material of a type, newest first."""
    world, account = enter()
    body = read_json()
    kind = body.get("type")
    if kind not in SIZES:
        raise refuse(40004)
    offset, count, _ = page_of(body)
    where = "FROM wechat_media WHERE account = ? AND type = ? AND deleted_at IS NULL"
    rows = world.store.all(
        f"SELECT media_id, name, url, created_at {where} ORDER BY rowid DESC LIMIT ? OFFSET ?",
        account["id"],
        kind,
        count,
        offset,
    )
    items = [
        {
            "media_id": r["media_id"],
            "name": r["name"],
            "update_time": int(r["created_at"]),
            **({"url": r["url"]} if r["url"] else {}),
        }
        for r in rows
    ]
    total = world.store.number(f"SELECT count(*) {where}", account["id"], kind)
    return {"item": items, "total_count": total, "item_count": len(items)}


@blueprint.get("/cgi-bin/material/get_materialcount")
def get_materialcount() -> dict[str, Any]:
    """How much of each type the library holds."""
    world, account = enter()
    rows = world.store.all(
        "SELECT type, count(*) AS n FROM wechat_media WHERE account = ? AND deleted_at IS NULL GROUP BY type",
        account["id"],
    )
    found = {row["type"]: row["n"] for row in rows}
    return {f"{kind}_count": found.get(kind, 0) for kind in ("voice", "video", "image", "news")}


@blueprint.post("/cgi-bin/material/get_material")
def get_material() -> Any:
    """The bytes of a picture, voice or thumb; a video's facts as JSON."""
    world, account = enter()
    row = find_material(world, account["id"], read_json().get("media_id"))
    if row["type"] == "video":
        return {**json.loads(row["description"]), "down_url": f"{request.host_url}media/{row['media_id']}"}
    return bytes(row["content"]), 200, {"Content-Type": row["mime"]}


@blueprint.post("/cgi-bin/material/del_material")
def del_material() -> dict[str, Any]:
    """Remove material; its address keeps working in articles already made."""
    world, account = enter()
    row = find_material(world, account["id"], read_json().get("media_id"))
    world.store.run("UPDATE wechat_media SET deleted_at = ? WHERE media_id = ?", world.now(), row["media_id"])
    return ok()


def find_material(world: World, account: str, media_id: Any, kind: str | None = None) -> dict[str, Any]:
    """Living permanent material of the account (of one type); 40007 otherwise."""
    row = world.store.one(
        "SELECT * FROM wechat_media WHERE media_id = ? AND account = ? AND deleted_at IS NULL AND type != 'uploadimg'",
        str(media_id),
        account,
    )
    if row is None or (kind and row["type"] != kind):
        raise refuse(40007, f"[{media_id}]")
    return row
