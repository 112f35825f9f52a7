"""Drafts of one delivery: pictures uploaded once by digest, the approved article put into the box. Submits nothing."""

from __future__ import annotations

from functools import partial

from core.ports import Journal, Json, Key, Payload
from publisher.channels.wechat.api import WechatApi
from publisher.wire import bind, need_field, pictures_of, prove

USES = {"cover": ("cover", "media_id"), "": ("image", "url")}  # slot's use -> (kind of upload, field of its answer)


def add_draft(api: WechatApi, payload: Payload, key: Key, journal: Journal) -> Json:
    """A new draft of the approved article, remembered with the delivery: `{"media_id": …}`."""
    values = {"copy_link": key.mark}
    for name, sha256, use in pictures_of(payload.template):
        kind, field = USES[use]
        answer = journal.uploaded(kind, sha256, partial(_upload, api, kind, sha256, journal))
        values[name] = answer[field]
    body = {"articles": [bind(payload.template, values)]}
    prove(payload, body["articles"][0], values)
    answer = journal.repeatable("draft", lambda: api.post("draft/add", body, "publish"))
    draft = {"media_id": need_field(answer, "media_id")}
    journal.remember("draft", draft)
    return draft


def _upload(api: WechatApi, kind: str, sha256: str, journal: Journal) -> Json:
    mime = journal.media_type(sha256)
    part = (f"{sha256[:16]}.{mime.rpartition('/')[2]}", journal.media(sha256), mime)
    if kind == "cover":
        return {"media_id": need_field(api.upload("material/add_material", {"type": "image"}, part), "media_id")}
    return {"url": need_field(api.upload("media/uploadimg", {}, part), "url")}
