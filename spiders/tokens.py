"""WeChat's access token as the broker fetches it. One call; storing and sharing is core.tokens' work."""

from __future__ import annotations

from typing import Any

from core.errors import AccountDisabled, CredentialExpired, Throttled, Transient
from core.house import House
from core.http import NotSent, Request, Unanswered
from core.models import Account
from core.ports import Effect
from core.tokens import Fetched
from spiders import platforms

PATH = "/cgi-bin/stable_token"


def fetch_stable_token(house: House, account: Account, secret: dict[str, Any]) -> Fetched:
    """Ask WeChat for the account's token, never by force: that would end the tokens of other programs.

    Raises Transient, Throttled, CredentialExpired or AccountDisabled.
    """
    body = {
        "grant_type": "client_credential",
        "appid": account.settings.get("appid", ""),
        "secret": secret.get("secret", ""),
        "force_refresh": False,
    }
    url = house.settings.wechat_base_url.rstrip("/") + PATH
    try:
        answer = house.door.send(Request("POST", url, json=body), house.settings.call_s)
    except (NotSent, Unanswered) as error:
        raise Transient(Effect.NOT_SENT, "network", f"网络错误（{error.reason}）") from error
    judgement = platforms.judge("wechat", answer.status, answer.body)
    if judgement.effect == platforms.DONE:
        content = answer.json()
        return Fetched(str(content["access_token"]), float(content["expires_in"]))
    if judgement.effect == platforms.THROTTLED:
        raise Throttled(Effect.THROTTLED, judgement.code, judgement.text, retry_after_s=judgement.wait_s)
    if judgement.effect == platforms.AGAIN:
        raise Transient(Effect.NOT_SENT, judgement.code, judgement.text, retry_after_s=judgement.wait_s)
    if judgement.effect == platforms.CREDENTIAL:
        raise CredentialExpired(Effect.CREDENTIAL, judgement.code, judgement.text)
    raise AccountDisabled(Effect.DISABLED, judgement.code, judgement.text)
