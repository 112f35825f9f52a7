"""Messages that citizens send to the official account: the stored callback becomes a case. Answers nothing itself."""

from __future__ import annotations

from casework.intake.messages import Incoming, accept_message
from core import callbacks
from core.audit import Actor
from core.errors import CheckFailed
from core.house import House
from core.models import CallbackEvent

ACTOR = "callbacks"
BATCH = 200


def take_callbacks(house: House) -> int:
    """Hand every unread message to intake, each in a transaction of its own; the number of new cases."""
    with house.db.read() as session:
        waiting = [event.id for event in callbacks.unread(session, BATCH, messages=True)]
    return sum(_take(house, event_id) for event_id in waiting)


def _take(house: House, event_id: int) -> int:
    now = house.clock.now()
    with house.db.write() as session:
        event = session.get_one(CallbackEvent, event_id)
        if event.fields.get("MsgType") != "text":
            callbacks.finish(session, event_id, "不是文字消息，未登记", now)
            return 0
        if not callbacks.finish(session, event_id, "已转留言办理", now):
            return 0
        incoming = Incoming(
            channel=event.platform,
            external_id=f"{event.account_id}:{event.event_key}",
            title="",
            text=str(event.fields.get("Content", "")),
            contact=f"微信 {event.fields.get('FromUserName', '')}",
        )
        try:
            accepted = accept_message(session, Actor.system(ACTOR), incoming, house.vault, now)
        except CheckFailed as error:
            session.get_one(CallbackEvent, event_id).result = f"未登记：{error.text}"
            return 0
        return 1 if accepted.tracking_code else 0
