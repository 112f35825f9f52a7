"""What news means for a copy: live, live again after its end, standing twice. Never deletes by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import alarms
from core.models import Copy, CopyEvent, Delivery
from core.models.words import AlarmLevel, CopyEventKind, CopyState, Operation
from core.ports import Effect, Json, Receipt, Reconcile
from publisher.channels import channel_class
from publisher.delivery.rows import (
    add_withdrawal,
    close_steps,
    end_copy,
    note_event,
    recall,
    rows_of,
    stop,
    waiting_withdrawal,
)
from publisher.workflow import State

ROOM = "publisher"
OVER = (CopyState.WITHDRAWN, CopyState.GONE)


def is_own(kind: str) -> bool:
    """Channels whose pages and rows are ours: a stale worker may write one again under the same id."""
    return channel_class(kind).reconcile in (Reconcile.OWN, Reconcile.KEY)


def name_of(copy: Copy) -> str:
    """The item and the account, as an alarm names them."""
    return f"《{copy.article.title}》在“{copy.account.name}”"


def set_live(session: Session, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    """The row's copy is live as the receipt says; what the platform removed at once is told and ended."""
    copy = delivery.copy
    assert copy is not None
    watch_ids(session, copy, receipt, now)
    copy.state, copy.ended_at = CopyState.LIVE.value, None
    copy.remote_id, copy.url = receipt.remote_id or copy.remote_id, receipt.url or copy.url
    copy.receipt, copy.revision_id = kept(receipt, copy.receipt), delivery.revision_id
    copy.published_at = copy.published_at or now
    copy.confirmed_at = copy.confirmed_at or now
    kind = CopyEventKind.CORRECTED if delivery.operation == Operation.CORRECT else CopyEventKind.LIVE
    note_event(session, copy, kind, now, delivery_id=delivery.id, remote_id=copy.remote_id, url=copy.url)
    for twin in receipt.data.get("twins", []):
        watch_ids(session, copy, Receipt("confirmed", twin), now)
    gone = receipt.data.get("gone")
    if gone:
        _removed(session, copy, gone, now)
    else:
        watch_rounds(session, copy, now)


def _removed(session: Session, copy: Copy, by: str, now: datetime) -> None:
    end_copy(session, copy, CopyState.GONE, now)
    note_event(session, copy, CopyEventKind.DELETED if by == "us" else CopyEventKind.BANNED, now, by=by)
    text = f"{name_of(copy)}发布后已被{'删除' if by == 'us' else '平台封禁'}"
    alarms.raise_(session, f"gone:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id)


def hear_again(session: Session, delivery: Delivery, receipt: Receipt, source: str, now: datetime) -> None:
    """News of a row that is confirmed: the same copy, a second one, or one that a stale worker wrote after its end."""
    copy = delivery.copy
    if copy is None or delivery.operation == Operation.REPLY:
        return
    same = receipt.remote_id in ("", copy.remote_id)
    rewritten = source == "late_call" and copy.state in OVER and is_own(copy.account.kind)
    if same and not rewritten:
        copy.receipt = kept(receipt, copy.receipt)
        _hear_of_removal(session, copy, receipt.data.get("gone"), now)
    elif copy.state == CopyState.LIVE:
        watch_ids(session, copy, receipt, now)
    else:
        live_after_end(session, delivery, receipt, now)


def _hear_of_removal(session: Session, copy: Copy, by: str | None, now: datetime) -> None:
    """The platform says that what is live was removed; where we are just removing it, that is no news."""
    if by and copy.state == CopyState.LIVE and not waiting_withdrawal(session, copy.id):
        _removed(session, copy, by, now)


def watch_ids(session: Session, copy: Copy, receipt: Receipt, now: datetime) -> None:
    """Two platform ids for one live copy: event, figure and alarm. Never an automatic deletion: which one stays?"""
    if copy.state != CopyState.LIVE or not copy.remote_id or receipt.remote_id in ("", copy.remote_id):
        return
    ids = [copy.remote_id, receipt.remote_id]
    note_event(session, copy, CopyEventKind.DUPLICATE, now, remote_ids=ids, url=receipt.url)
    _alarm_duplicate(session, copy, now, ids)


def watch_rounds(session: Session, copy: Copy, now: datetime) -> None:
    """A copy of another round that is live as well: event, figure and alarm."""
    session.flush()
    live = _live_rounds(session, copy.article_id, copy.account_id)
    if len(live) < 2 or copy.id not in _doubled(session, copy.article_id, copy.account_id):
        return
    ids = [each.remote_id for each in live]
    rounds = [each.round for each in live]
    note_event(session, copy, CopyEventKind.DUPLICATE, now, remote_ids=[copy.remote_id], rounds=rounds)
    _alarm_duplicate(session, copy, now, ids)


def live_after_end(session: Session, delivery: Delivery, receipt: Receipt, now: datetime) -> None:
    """A live copy of a cancelled, superseded or withdrawn round: store, alarm, and plan its withdrawal at once."""
    copy = delivery.copy
    if copy is None:
        return
    over = copy.state in OVER
    if is_own(copy.account.kind):
        if _covers_newer(session, copy, now):
            return
    elif over and receipt.remote_id == copy.remote_id:
        return  # the post we deleted: its number never comes back
    was_live = copy.state == CopyState.LIVE
    _take_number(session, copy, receipt, now)
    close_steps(session, [delivery.id], Effect.DONE.value, now)
    note_event(session, copy, CopyEventKind.LIVE, now, delivery_id=delivery.id, remote_id=receipt.remote_id, late=True)
    if delivery.state == State.SUPERSEDED and not over:
        newer = rows_of(session, copy.id, frozenset({State.PLANNED, State.INTENDED}), Operation.PUBLISH.value)
        stop(session, newer, "旧版本稍后出现在平台上，请先处理旧版本", now)
        text = "的旧版本稍后出现在平台上，尚未发出的新版本已暂缓，请处理"
    elif was_live and delivery.operation == Operation.CORRECT:
        text = "已取消的修改稍后写到了平台上，请核对"
    else:
        recall(newer_rounds(session, delivery), now)  # they wait for the withdrawal
        add_withdrawal(session, copy, now, "已撤回的稿件又出现在平台上", release_id=delivery.release_id)
        text = "已撤回却又出现在平台上，系统已安排再次撤回"
    key, text = f"late_live:{copy.id}", f"{name_of(copy)}{text}"
    alarms.raise_(session, key, AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id)
    watch_rounds(session, copy, now)


def _covers_newer(session: Session, copy: Copy, now: datetime) -> bool:
    """Our own pages keep one address over all rounds: taking an old round down would take down the new one."""
    if not any(each.round > copy.round for each in _live_rounds(session, copy.article_id, copy.account_id)):
        return False
    text = f"{name_of(copy)}的旧一轮稍后写到了平台上，盖住了新的一轮，请核对后再发布一次修改"
    alarms.raise_(session, f"late_live:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id)
    return True


def _take_number(session: Session, copy: Copy, receipt: Receipt, now: datetime) -> None:
    """The copy is live under this number; a live one keeps its own until that post is removed: both are known then."""
    watch_ids(session, copy, receipt, now)
    if copy.state == CopyState.LIVE and copy.remote_id:
        return
    copy.state, copy.remote_id, copy.url = CopyState.LIVE.value, receipt.remote_id, receipt.url
    copy.receipt, copy.ended_at = kept(receipt, {}), None
    copy.confirmed_at = copy.confirmed_at or now


def newer_rounds(session: Session, delivery: Delivery) -> list[Delivery]:
    """Later rounds of the same item on the account that are planned, or claimed; locked."""
    query = (
        select(Delivery)
        .where(
            Delivery.article_id == delivery.article_id, Delivery.account_id == delivery.account_id,
            Delivery.operation == Operation.PUBLISH.value, Delivery.round > delivery.round,
            Delivery.state.in_([State.PLANNED.value, State.INTENDED.value]),
        )
        .order_by(Delivery.id)
        .with_for_update(key_share=True)
    )  # fmt: skip
    return list(session.scalars(query.execution_options(populate_existing=True)))


def taken_down(session: Session, copy: Copy, delivery: Delivery, number: str, now: datetime) -> None:
    """A withdrawal removed what stood under `number`. What the platform shows under another one is withdrawn next."""
    note_event(session, copy, CopyEventKind.WITHDRAWN, now, delivery_id=delivery.id, remote_id=number)
    if number != copy.remote_id and not is_own(copy.account.kind):  # it came live while another, or none, was removed
        session.flush()
        add_withdrawal(session, copy, now, "稿件在撤回期间出现在平台上", release_id=delivery.release_id)
        return
    end_copy(session, copy, CopyState.WITHDRAWN, now)
    session.flush()
    left = _numbers_left(session, copy)
    if left:
        copy.state, copy.ended_at, copy.remote_id, copy.url = CopyState.LIVE.value, None, left[0], ""
        add_withdrawal(session, copy, now, "同一稿件的另一条还在平台上", release_id=delivery.release_id)
    alarms.clear(session, f"late_live:{copy.id}", "ledger", now)
    still = _doubled(session, copy.article_id, copy.account_id)
    for copy_id in {copy.id, *(each.id for each in _live_rounds(session, copy.article_id, copy.account_id))} - still:
        alarms.clear(session, f"duplicate:{copy_id}", "ledger", now)


def doubled_copies(session: Session) -> dict[tuple[int, int], set[int]]:
    """(article, account) -> its live copies that stand twice: seen under two numbers, or live in two rounds.

    Whoever sees the second one writes the event, so only items with such an event are looked at.
    """
    query = (
        select(Copy.article_id, Copy.account_id)
        .join(CopyEvent, CopyEvent.copy_id == Copy.id)
        .where(CopyEvent.kind == CopyEventKind.DUPLICATE.value)
        .distinct()
    )
    places = [(article_id, account_id) for article_id, account_id in session.execute(query)]
    return {place: copies for place in places if (copies := _doubled(session, *place))}


def _doubled(session: Session, article_id: int, account_id: int) -> set[int]:
    """The same for one article on one account. Our own pages keep one address over all rounds."""
    live = _live_rounds(session, article_id, account_id)
    found = {copy.id for copy in live if len(_numbers_left(session, copy)) > 1}
    addresses = {copy.remote_id or f"round {copy.round}" for copy in live}
    return found | {copy.id for copy in live} if len(addresses) > 1 else found


def _live_rounds(session: Session, article_id: int, account_id: int) -> list[Copy]:
    query = select(Copy).where(
        Copy.article_id == article_id, Copy.account_id == account_id, Copy.state == CopyState.LIVE.value
    )
    return list(session.scalars(query.order_by(Copy.round)))


def _numbers_left(session: Session, copy: Copy) -> list[str]:
    """The platform's numbers under which a copy was seen, without those a withdrawal has taken down."""
    seen = [number for detail in _events(session, copy, CopyEventKind.DUPLICATE) for number in detail["remote_ids"]]
    gone = {detail.get("remote_id") for detail in _events(session, copy, CopyEventKind.WITHDRAWN)}
    return [number for number in dict.fromkeys(seen) if number not in gone]


def _events(session: Session, copy: Copy, kind: CopyEventKind) -> list[Json]:
    query = select(CopyEvent.detail).where(CopyEvent.copy_id == copy.id, CopyEvent.kind == kind.value)
    return list(session.scalars(query.order_by(CopyEvent.id)))


def _alarm_duplicate(session: Session, copy: Copy, now: datetime, ids: Iterable[str]) -> None:
    text = f"{name_of(copy)}出现两条，请立即核对并删除一条"
    alarms.raise_(session, f"duplicate:{copy.id}", AlarmLevel.CRITICAL, ROOM, text, now, copy_id=copy.id, ids=list(ids))


def kept(receipt: Receipt, before: Json) -> Json:
    """What is stored of a receipt, on top of what was stored before."""
    text = {"text": receipt.text} if receipt.text else {}
    return {**before, **receipt.data, **text}
