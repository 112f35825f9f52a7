"""What WeChat's answers say about one submit, as receipts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.errors import OutcomeUnknown
from core.ports import Effect, Json, Receipt
from publisher.wire import need_field

REASONS = {"2": "原创校验未通过", "3": "发布失败", "4": "平台审核未通过"}
DATA_ID = re.compile(r"_(\d{6,})$")
Result = Mapping[str, Any]


def item_mark(item: Result) -> str:
    """The "read the original" link of a published item's or draft's first article."""
    return str(_first_article(item).get("content_source_url") or "")


def is_deleted(item: Result) -> bool:
    """Whether every article of a published item was taken down."""
    articles = (item.get("content") or item).get("news_item") or []
    return bool(articles) and all(article.get("is_deleted") for article in articles)


def receipt_of_item(item: Result) -> Receipt:
    """A published item of the list as a receipt."""
    return published_receipt(need_field(item, "article_id"), str(_first_article(item).get("url") or ""), {})


def published_receipt(article_id: str, url: str, known: Result) -> Receipt:
    """A confirmed receipt; the comments' number is in the address (`mid`) or at the end of the article's id."""
    found = parse_qs(urlsplit(url).query).get("mid") or DATA_ID.findall(article_id)
    data = {**({"msg_data_id": found[0]} if found else {}), **known, "article_id": article_id}
    return Receipt("confirmed", article_id, url, data)


def receipt_of_result(result: Result, known: Result) -> Receipt:
    """What `freepublish/get`, or the event PUBLISHJOBFINISH, says about one submit; see STATES."""
    status = str(result.get("publish_status", ""))
    read = STATES.get(status)
    if read is None:
        raise OutcomeUnknown(Effect.UNKNOWN, f"publish_status {status}", "微信返回了未登记的发布状态")
    return read(result, {**known, "publish_id": str(result.get("publish_id") or known.get("publish_id", ""))})


def _first_article(item: Result) -> Result:
    articles = (item.get("content") or item).get("news_item") or [{}]
    return dict(articles[0])


def _live(result: Result, data: Json) -> Receipt:
    items = (result.get("article_detail") or {}).get("item") or [{}]
    first = items[0] if isinstance(items, list) else items  # the event holds one item without a list
    return published_receipt(need_field(result, "article_id"), str(first.get("article_url") or ""), data)


def _waiting(_result: Result, data: Json) -> Receipt:
    return Receipt("sent", data=data)


def _refused(reason: str, result: Result, data: Json) -> Receipt:
    text = f"微信：{reason}，请修改稿件后重新送审"
    return Receipt("refused", data={**data, "fail_idx": result.get("fail_idx") or []}, text=text)


def _taken_down(by: str, result: Result, data: Json) -> Receipt:
    """It was published, and is gone since."""
    return Receipt("confirmed", str(result.get("article_id") or ""), data={**data, "gone": by})


STATES: dict[str, Callable[[Result, Json], Receipt]] = {
    "0": _live,
    "1": _waiting,
    **{status: partial(_refused, reason) for status, reason in REASONS.items()},
    "5": partial(_taken_down, "us"),
    "6": partial(_taken_down, "platform"),
}
