"""JPush's calls for one app: the key, the push, taking it back. Decides nothing."""

from __future__ import annotations

from typing import Any

from core.errors import NotConfigured
from core.house import House
from core.http import Request
from core.models import Account
from core.ports import Json
from publisher.wire import Platform, Wire, need_field, tolerate

NOBODY, UNKNOWN_PUSH = "1011", "1003"


class Push:
    """What the adapter asks of JPush."""

    def __init__(self, account: Account, house: House) -> None:
        if not account.settings.get("app_key") or account.secret is None:
            raise NotConfigured("客户端已开启推送，但缺少 AppKey 或 Master Secret，请管理员补全")
        self.account, self.house = account, house
        self.base = f"{house.settings.jpush_base_url.rstrip('/')}/v3"
        self.wire = Wire(house, account, Platform("jpush", _read_code))

    def new_key(self) -> str:
        """A fresh cid; the platform hands it out."""
        request = Request("GET", f"{self.base}/push/cid", params={"count": 1, "type": "push"}, auth=self._auth())
        keys = self.wire.send("push/cid", request, "publish").get("cidlist") or [""]
        return need_field({"cid": keys[0]}, "cid")

    def send(self, body: Json) -> Json:
        """Push; what is kept of it. Refused with code `NOBODY` when there is nobody to push to."""
        request = Request("POST", f"{self.base}/push", json=body, auth=self._auth())
        answer = self.wire.send("push", request, "publish")
        return {"msg_id": need_field(answer, "msg_id"), "pushed_at": self.house.clock.now().isoformat()}

    def take_back(self, msg_id: str) -> None:
        """Withdraw; 1003 (unknown, too old or withdrawn already) is success."""
        request = Request("DELETE", f"{self.base}/push/{msg_id}", auth=self._auth())
        tolerate(UNKNOWN_PUSH, lambda: self.wire.send("push/withdraw", request, "withdraw"))

    def _auth(self) -> tuple[str, str]:
        secret = self.house.vault.decrypt_json(self.account.secret or b"")
        return str(self.account.settings.get("app_key", "")), str(secret.get("master_secret", ""))


def _read_code(body: Any) -> tuple[str, str]:
    """`{"error":{"code":…,"message":…}}`; a report is a list."""
    error = body.get("error") if isinstance(body, dict) else None
    return (str(error.get("code") or "?"), str(error.get("message") or "")) if error else ("", "")
