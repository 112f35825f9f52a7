"""Looking for an article whose submit got no answer: the published list, then the draft box and the submit quota."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.ports import Absent, Key, Receipt, Undecided
from publisher.channels.wechat.api import IN_AUDIT_S, WechatApi
from publisher.channels.wechat.receipts import is_deleted, item_mark, receipt_of_item

SKEW_S = 120.0  # our clock against WeChat's when the list is to reach back before the submit
MOST_SUBMITS = 1  # calls after which the same draft may be submitted once more


def find_article(api: WechatApi, key: Key, since: datetime) -> Receipt | Absent | Undecided:
    """Our mark in the list of published articles; absent only when every other sign says so too (ledger §6)."""
    items, whole = api.published()
    ours = [item for item in items if item_mark(item) == key.mark]
    if ours:
        return _found(ours)
    if _ids(items) & set(key.gone):
        return Undecided("微信列表还列着早已删除的文章，没有更新，暂时不能断定")
    if not (whole or _reaches_back(items, key, since, SKEW_S / api.house.settings.time_factor)):
        return Undecided("微信列表未能回溯到提交时刻，请到公众平台核对")
    return _not_listed(api, key, {item_mark(item) for item in items})


def _found(ours: Sequence[dict[str, Any]]) -> Receipt:
    """The article that stands, with the numbers of others beside it; or one that was published and deleted since."""
    standing = [item for item in ours if not is_deleted(item)]
    receipt = receipt_of_item((standing or ours)[0])
    if not standing:
        return replace(receipt, data={**receipt.data, "gone": "us"})
    twins = [receipt_of_item(item).remote_id for item in standing[1:]]
    return replace(receipt, data={**receipt.data, "twins": twins}) if twins else receipt


def _ids(items: Sequence[dict[str, Any]]) -> set[str]:
    """Ids of the listed articles that are not marked as deleted."""
    return {str(item.get("article_id")) for item in items if not is_deleted(item)}


def _reaches_back(items: Sequence[dict[str, Any]], key: Key, since: datetime, skew_s: float) -> bool:
    if _ids(items) & set(key.earlier):
        return True
    times = [datetime.fromtimestamp(int(item.get("update_time") or since.timestamp()), UTC) for item in items]
    return bool(times) and min(times) + timedelta(seconds=skew_s) < since


def _not_listed(api: WechatApi, key: Key, listed: set[str]) -> Absent | Undecided:
    media_id = (key.memory.get("draft") or {}).get("media_id", "")
    if not api.has_draft(media_id):
        return Undecided("草稿已离开草稿箱而文章未列出：可能正在审核，请等待或到公众平台核对")
    if key.attempt > MOST_SUBMITS:
        return Undecided("同一草稿已提交过两次，都没有收到答复，请到公众平台核对")
    if not api.account.settings.get("resubmit"):
        return Undecided("草稿仍在草稿箱、文章未列出：多半没有受理，请到公众平台核对后决定")
    others, unsettled = api.submits_not_ours(key, listed, api.house.clock.now())
    if others:
        text = f"微信今日提交次数比已知的多 {others} 次，可能已受理，请到公众平台核对"
        return Undecided(text, again_s=IN_AUDIT_S if unsettled else 0)
    return Absent({"draft": media_id, "submits_not_ours": others})
