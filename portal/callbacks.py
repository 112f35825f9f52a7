"""The address WeChat calls: verifies, stores the raw event once, answers at once. Jobs do the work later."""

from __future__ import annotations

from flask import Blueprint, abort, request
from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core import alarms, callbacks
from core.models import Account, CallbackEvent
from core.models.words import AlarmLevel, ChannelKind
from portal.access import house
from portal.wechat import Event, NotReadable, is_signed, read_event

PLATFORM = ChannelKind.WECHAT.value
WINDOW_S = 300
SUCCESS = "success"  # anything else makes the platform send again
ENCRYPTED = "公众号“{name}”的回调是加密模式，系统只接收明文模式：请到公众平台把消息加解密方式改为明文模式。"

blueprint = Blueprint("callbacks", __name__, url_prefix="/callbacks")


@blueprint.get("/wechat/<int:account_id>")
def verify(account_id: int) -> Response:
    """The platform's check of the address: the echo string comes back to whoever knows the account's token."""
    _need_signed(account_id)
    return Response(request.args.get("echostr", "")[:256], content_type="text/plain; charset=utf-8")


@blueprint.post("/wechat/<int:account_id>")
def receive(account_id: int) -> Response:
    """Store one event. An old timestamp is a replay, unless it is the platform's repeat of an event we hold."""
    account = _need_signed(account_id)
    body = request.get_data(cache=False)  # bounded by the app's body limit
    if request.args.get("encrypt_type", "raw") != "raw":
        _tell_encrypted(account)
        abort(400)
    try:
        event = read_event(body)
    except NotReadable:
        abort(400)
    key = f"{account_id}:{event.key}"
    opened = house()
    now = opened.clock.now()
    with opened.db.write() as db:
        if not _is_fresh(now.timestamp()) and not _is_known(db, key):
            abort(403)
        _store(db, account_id, key, event, body)
    return Response(SUCCESS, content_type="text/plain; charset=utf-8")


def _store(db: Session, account_id: int, key: str, event: Event, body: bytes) -> None:
    raw = body.decode("utf-8", "replace")
    callbacks.accept(db, callbacks.Event(PLATFORM, key, event.kind, account_id, raw, event.fields), house().clock.now())


def _need_signed(account_id: int) -> Account:
    """The account, or 403: an unknown account and a wrong signature look the same."""
    opened = house()
    with opened.db.read() as db:
        account = db.get(Account, account_id)
    token = ""
    if account is not None and account.kind == PLATFORM and account.secret:
        token = str(opened.vault.decrypt_json(account.secret).get("callback_token") or "")
    if account is None or not is_signed(token, request.args):
        abort(403)
    return account


def _is_fresh(now_s: float) -> bool:
    given = request.args.get("timestamp", "")
    return given.isascii() and given.isdigit() and len(given) <= 12 and abs(now_s - int(given)) <= WINDOW_S


def _is_known(db: Session, key: str) -> bool:
    query = select(exists().where(CallbackEvent.platform == PLATFORM, CallbackEvent.event_key == key))
    return bool(db.scalar(query))


def _tell_encrypted(account: Account) -> None:
    opened = house()
    with opened.db.write() as db:
        text = ENCRYPTED.format(name=account.name)
        alarms.raise_(db, f"wechat-encrypted:{account.id}", AlarmLevel.WARNING, "portal", text, opened.clock.now())
