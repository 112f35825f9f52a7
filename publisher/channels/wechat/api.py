"""WeChat's calls for one account: token, raw JSON, error codes, the list of what was published. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core.clock import day_start
from core.errors import NotConfigured, OutcomeUnknown, Refused
from core.house import House
from core.http import Request
from core.models import Account, Article, Delivery, Step
from core.ports import Effect, Key
from core.tokens import Fetched
from publisher.wire import Platform, Wire, mark_of, need_field, tolerate, with_token

PAGE = 20
SUBMIT = "freepublish/submit"
NO_DRAFT = "40007"
IN_AUDIT_S = 60.0  # the usual audit, before the article is listed
LOST = ("", Effect.UNKNOWN.value)  # effects of submits whose answer is not known


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
        return tolerate(NO_DRAFT, lambda: self.post("draft/get", {"media_id": media_id}, "reconcile"))

    def submits_not_ours(self, key: Key, listed: Collection[str], now: datetime) -> tuple[int | None, bool]:
        """(submits WeChat counted today beyond those we know were carried out, whether more may be known soon).

        None when it cannot be read. A lost submit of another article than that of `key` was carried out if its mark is
        among those `listed`; a fresh one may still be in audit.
        """
        try:
            body = self.post("openapi/quota/get", {"cgi_path": f"/cgi-bin/{SUBMIT}"}, "reconcile")
            used = int(body["quota"]["used"])
        except (Refused, KeyError, TypeError, ValueError):
            return None, False
        submits = (
            select(Step.id)
            .join(Delivery, Delivery.id == Step.delivery_id)
            .where(
                Delivery.account_id == self.account.id, Step.name == "submit", Step.intent_at >= day_start(now)
            )
        )  # fmt: skip
        done = submits.where(Step.effect == Effect.DONE.value).with_only_columns(func.count(Step.id))
        lost = submits.join(Article, Article.id == Delivery.article_id).where(
            Step.effect.in_(LOST), Delivery.id != key.delivery_id
        )
        with self.house.db.read() as session:
            known = session.scalar(done) or 0
            rows = session.execute(
                lost.with_only_columns(Article.canonical_link, Delivery.copy_id, Step.intent_at)
            ).all()
        shown = {mark for link, copy_id, _at in rows if (mark := mark_of(link, copy_id)) in listed}
        others = max(0, used - known - len(shown))
        fresh_s = IN_AUDIT_S / self.house.settings.time_factor
        return others, others > 0 and any((now - at).total_seconds() < fresh_s for *_rest, at in rows)

    def _stable_token(self) -> Fetched:
        """The stable token in normal mode: it leaves tokens of other programs alone."""
        secret = self.house.vault.decrypt_json(self.account.secret or b"").get("secret", "")
        body = {
            "grant_type": "client_credential", "appid": self.account.settings["appid"], "secret": secret,
            "force_refresh": False,
        }  # fmt: skip
        answer = self.wire.send("stable_token", Request("POST", f"{self.base}/stable_token", json=body), "publish")
        return Fetched(need_field(answer, "access_token"), float(need_field(answer, "expires_in")))


def _read_code(body: Any) -> tuple[str, str]:
    """`errcode` 0, or none, is success."""
    code = body.get("errcode") or ""
    return str(code), str(body.get("errmsg") or "") if code else ""
