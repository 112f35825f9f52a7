"""Weibo's calls for one account: token, parameters, error codes, the account's newest posts. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import CredentialExpired, NotConfigured, OutcomeUnknown
from core.house import House
from core.http import Request
from core.models import Account
from core.ports import Effect
from core.tokens import Fetched
from publisher.wire import Platform, Wire

TOKEN_LIFE_S = 30 * 86_400.0


class WeiboApi:
    """What the adapter asks of Weibo; one instance serves one round, so that a list is read once a round."""

    def __init__(self, account: Account, house: House) -> None:
        if not account.settings.get("uid") or account.secret is None:
            raise NotConfigured("微博账号缺少 UID 或授权，请管理员补全")
        self.account, self.house = account, house
        self.base = house.settings.weibo_base_url.rstrip("/")
        self.wire = Wire(house, account, Platform("weibo", _read_code, self._stored_token))
        self._timeline: tuple[list[Any], bool] | None = None

    def get(self, api: str, params: Mapping[str, Any], purpose: str) -> Any:
        """A reading call."""

        def build(token: str) -> Request:
            return Request("GET", f"{self.base}/2/{api}.json", params={**params, "access_token": token})

        return self.wire.send_with_token(api, build, purpose)

    def post(self, api: str, form: Mapping[str, Any], purpose: str, files: Mapping[str, Any] | None = None) -> Any:
        """A writing call; files make it multipart."""

        def build(token: str) -> Request:
            return Request(
                "POST", f"{self.base}/2/{api}.json", form={**form, "access_token": token}, files=files or None
            )

        return self.wire.send_with_token(api, build, purpose)

    def newest(self, purpose: str) -> tuple[list[Any], bool]:
        """(own newest posts, whether these are all); one read serves every row of one round of look-ups."""
        if self._timeline is None:
            body = self.get("statuses/user_timeline", {"count": 100, "trim_user": 1}, purpose)
            posts = body.get("statuses")
            if not isinstance(posts, list):
                raise OutcomeUnknown(Effect.UNKNOWN, "no_statuses", "微博没有给出列表")
            total = body.get("total_number")
            self._timeline = posts, total is not None and len(posts) >= int(total)
        return self._timeline

    def _stored_token(self) -> Fetched:
        """Weibo gives servers no refresh: the token a person authorised is all there is."""
        token = self.house.vault.decrypt_json(self.account.secret or b"").get("access_token", "")
        if not token:
            raise CredentialExpired(Effect.CREDENTIAL, "none", "微博账号没有授权，请管理员重新授权")
        return Fetched(token, TOKEN_LIFE_S)


def _read_code(body: Any) -> tuple[str, str]:
    """`error_code` is a number or a text; lists have none."""
    if isinstance(body, list):
        return "", ""
    return str(body.get("error_code") or ""), str(body.get("error") or "")
