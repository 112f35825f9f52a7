"""WeChat's calls for one account: token, raw JSON, error codes, the list of what was published. Decides nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select

from core.clock import day_start
from core.errors import NotConfigured, OutcomeUnknown, Refused
from core.house import House
from core.http import Request
from core.models import Account, Delivery, Step
from core.ports import Effect, Receipt
from core.tokens import Fetched
from publisher.wire import Platform, Wire, need_field, with_token

PAGE = 20
SUBMIT = "freepublish/submit"
STATES = {"2": "原创校验未通过", "3": "发布失败", "4": "平台审核未通过"}
DATA_ID = re.compile(r"_(\d{6,})$")


class WechatApi:
    """What the adapter asks of WeChat; one instance serves one round, so that the list is read once a round."""

    def __init__(self, account: Account, house: House) -> None:
        if not account.settings.get("appid") or account.secret is None:
            raise NotConfigured("公众号缺少 AppID 或 AppSecret，请管理员补全")
        self.account, self.house = account, house
        self.base = f"{house.settings.wechat_base_url.rstrip('/')}/cgi-bin"
        self.wire = Wire(house, account, Platform("wechat", _read_code, self._stable_token))
        self._published: tuple[list[Any], bool] | None = None

    def post(self, api: str, body: Mapping[str, Any], purpose: str) -> Any:
        """A JSON call, in raw UTF-8."""
        request = Request("POST", f"{self.base}/{api}", json=dict(body))
        return self.wire.send_with_token(api, lambda token: with_token(request, token), purpose)

    def upload(self, api: str, params: Mapping[str, Any], part: tuple[str, bytes, str]) -> Any:
        """A picture as multipart field `media`."""
        request = Request("POST", f"{self.base}/{api}", params=dict(params), files={"media": part})
        return self.wire.send_with_token(api, lambda token: with_token(request, token), "publish")

    def published(self) -> tuple[list[Any], bool]:
        """(newest published items, whether these are all): one list read a round."""
        if self._published is None:
            body = self.post("freepublish/batchget", {"offset": 0, "count": PAGE, "no_content": 1}, "reconcile")
            items, total = body.get("item"), body.get("total_count")
            if not isinstance(items, list) or not isinstance(total, int):
                raise OutcomeUnknown(Effect.UNKNOWN, "no_items", "微信没有给出列表")
            self._published = items, total <= len(items)
        return self._published

    def has_draft(self, media_id: str) -> bool:
        """Whether the draft is still in the box."""
        try:
            self.post("draft/get", {"media_id": media_id}, "reconcile")
        except Refused as error:
            if error.code == "40007":
                return False
            raise
        return True

    def submits_not_ours(self, now: datetime) -> int | None:
        """Submits WeChat counted today beyond those we know were carried out; None when it cannot be read."""
        try:
            body = self.post("openapi/quota/get", {"cgi_path": f"/cgi-bin/{SUBMIT}"}, "reconcile")
            used = int(body["quota"]["used"])
        except (Refused, KeyError, TypeError, ValueError):
            return None
        with self.house.db.read() as session:
            known = session.scalar(
                select(func.count(Step.id))
                .join(Delivery, Delivery.id == Step.delivery_id)
                .where(
                    Delivery.account_id == self.account.id,
                    Step.name == "submit",
                    Step.effect == Effect.DONE.value,
                    Step.intent_at >= day_start(now),
                )
            )
        return max(0, used - (known or 0))

    def _stable_token(self) -> Fetched:
        """The stable token in normal mode: it leaves tokens of other programs alone."""
        secret = self.house.vault.decrypt_json(self.account.secret or b"").get("secret", "")
        body = {
            "grant_type": "client_credential", "appid": self.account.settings["appid"], "secret": secret,
            "force_refresh": False,
        }  # fmt: skip
        answer = self.wire.send("stable_token", Request("POST", f"{self.base}/stable_token", json=body), "publish")
        return Fetched(need_field(answer, "access_token"), float(need_field(answer, "expires_in")))


def item_mark(item: Mapping[str, Any]) -> str:
    """The "read the original" link of a published item's or draft's first article."""
    articles = (item.get("content") or item).get("news_item") or [{}]
    return str(articles[0].get("content_source_url") or "")


def receipt_of_item(item: Mapping[str, Any]) -> Receipt:
    """A published item of the list as a receipt."""
    articles = (item.get("content") or {}).get("news_item") or [{}]
    return published_receipt(need_field(item, "article_id"), str(articles[0].get("url") or ""), {})


def published_receipt(article_id: str, url: str, known: Mapping[str, Any]) -> Receipt:
    """A confirmed receipt; the comments' number is in the address (`mid`) or at the end of the article's id."""
    found = parse_qs(urlsplit(url).query).get("mid") or DATA_ID.findall(article_id)
    data = {**({"msg_data_id": found[0]} if found else {}), **known, "article_id": article_id}
    return Receipt("confirmed", article_id, url, data)


def receipt_of_result(result: Mapping[str, Any], known: Mapping[str, Any]) -> Receipt:
    """What `freepublish/get`, or the event PUBLISHJOBFINISH, says about one submit.

    States: 0 live, 1 in progress, 2 to 4 refused, 5 and 6 published and taken down since (by us, by the platform).
    """
    status = str(result.get("publish_status", ""))
    data = {**known, "publish_id": str(result.get("publish_id") or known.get("publish_id", ""))}
    if status == "0":
        items = (result.get("article_detail") or {}).get("item") or [{}]
        first = items[0] if isinstance(items, list) else items
        return published_receipt(need_field(result, "article_id"), str(first.get("article_url") or ""), data)
    if status == "1":
        return Receipt("sent", data=data)
    if status in STATES:
        places = result.get("fail_idx") or []
        return Receipt(
            "refused", data={**data, "fail_idx": places}, text=f"微信：{STATES[status]}，请修改稿件后重新送审"
        )
    if status in ("5", "6"):
        by = "us" if status == "5" else "platform"
        return Receipt("confirmed", str(result.get("article_id") or ""), data={**data, "gone": by})
    raise OutcomeUnknown(Effect.UNKNOWN, f"publish_status {status}", "微信返回了未登记的发布状态")


def _read_code(body: Any) -> tuple[str, str]:
    """`errcode` 0, or none, is success."""
    code = body.get("errcode") or ""
    return str(code), str(body.get("errmsg") or "") if code else ""
