"""The test button of an account: one harmless call a kind, its outcome in Chinese. Publishes nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.audit import Actor, record
from core.errors import AddressRefused, NotConfigured
from core.house import House
from core.http import NotSent, Request, Unanswered, mask
from core.models import Account
from core.models.words import ChannelKind
from publisher.accounts.records import shared_site, website_names

DAILY_LIMIT = 100  # tests of one account a day; its own counter, beside the platform's
WECHAT_WORDS = {
    40013: "AppID 不正确，请核对。",
    40125: "AppSecret 不正确，请核对后重新填写。",
    40001: "AppSecret 不正确，请核对后重新填写。",
    40164: "本服务器的 IP 不在公众号白名单里，请到公众平台添加。",
    40243: "AppSecret 已被冻结，请到公众平台解冻。",
    48001: "该公众号没有发布接口的权限，请确认已认证。",
    45009: "今天的调用次数已用完，请明天再测。",
}
WEIBO_WORDS = {
    "21327": "访问令牌已过期，请重新授权。",
    "21315": "访问令牌已过期，请重新授权。",
    "21332": "访问令牌无效，请重新授权。",
    "21316": "授权已被取消，请重新授权。",
    "21319": "授权已被取消，请重新授权。",
    "10004": "本服务器的 IP 不在应用的安全名单里。",
}
PUSH_WORDS = {
    "1004": "AppKey 或 Master Secret 不正确，请核对。",
    "1008": "AppKey 不存在，请核对。",
    "1020": "推送服务要求使用 HTTPS，请核对接口地址。",
}


@dataclass(frozen=True)
class TestResult:
    """Whether the account can be used now, and the sentence shown to the administrator."""

    __test__ = False  # not a test class, whatever its name looks like to a collector

    ok: bool
    text: str


class _Failed(Exception):
    """The probe's Chinese reason."""


def test_account(house: House, account_id: int, actor: Actor | None = None) -> TestResult:  # noqa: PT028
    """Try the account without publishing anything; the outcome is kept on the account and audited."""
    with house.db.read() as session:
        account = session.get_one(Account, account_id)
    result = _try(house, account)
    now = house.clock.now()
    with house.db.write() as session:
        stored = session.get_one(Account, account_id)
        if result.ok:
            stored.last_ok_at, stored.last_error = now, ""
        else:
            stored.last_error, stored.last_error_at = result.text, now
        who = actor or Actor.system("account-test")
        record(session, who, "account.test", "account", account_id, ok=result.ok, text=result.text)
    return result


test_account.__test__ = False  # type: ignore[attr-defined]


def _try(house: House, account: Account) -> TestResult:
    probe = PROBES.get(account.kind)
    if probe is None:
        return TestResult(False, f"渠道“{account.kind}”没有测试方法，请发布一篇测试稿确认。")
    try:
        secret = house.vault.decrypt_json(account.secret) if account.secret else {}
        return TestResult(True, probe(house, account, secret))
    except _Failed as error:
        return TestResult(False, str(error))
    except NotConfigured as error:
        return TestResult(False, error.text)
    except AddressRefused as error:
        return TestResult(False, f"平台地址不允许访问：{error.text}")
    except NotSent as error:
        return TestResult(False, f"连不上平台，请检查网络和接口地址。（{error.reason}）")
    except Unanswered as error:
        return TestResult(False, f"平台没有给出完整的回答，请稍后再试。（{error.reason}）")


def _website(house: House, account: Account, secret: dict[str, Any]) -> str:
    place = house.settings.site_path
    with house.db.read() as session:
        others = website_names(session, but=account.id)
    if others:
        raise _Failed(shared_site(others))
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".probe-", dir=place)
        os.close(handle)
        os.unlink(name)
    except OSError as error:
        raise _Failed(f"网站目录 {place} 不能写入：{error.strerror}。请检查目录权限。") from None
    return f"网站目录 {place} 可以写入。"


def _weibo(house: House, account: Account, secret: dict[str, Any]) -> str:
    url = f"{house.settings.weibo_base_url}/oauth2/get_token_info"
    answer = _call(house, account, Request("POST", url, form={"access_token": _need(secret, "access_token")}))
    if "error_code" in answer or "uid" not in answer:
        raise _failure("微博", answer.get("error_code"), answer.get("error"), WEIBO_WORDS)
    if account.settings.get("uid") and str(answer["uid"]) != str(account.settings["uid"]):
        raise _Failed(f"访问令牌属于另一个微博用户（UID {answer['uid']}），请核对。")
    left_s = int(answer.get("expire_in") or answer.get("expires_in") or 0)
    if left_s <= 0:
        raise _Failed(WEIBO_WORDS["21327"])
    return f"微博令牌有效，还剩 {left_s // 86400} 天 {left_s % 86400 // 3600} 小时。"


def _wechat(house: House, account: Account, secret: dict[str, Any]) -> str:
    base = house.settings.wechat_base_url
    body = {
        "grant_type": "client_credential",
        "appid": account.settings.get("appid", ""),
        "secret": _need(secret, "secret"),
        "force_refresh": False,  # the normal mode leaves the token in use alone
    }
    answer = _call(house, account, Request("POST", f"{base}/cgi-bin/stable_token", json=body))
    token = answer.get("access_token")
    if not token:
        raise _failure("微信", answer.get("errcode"), answer.get("errmsg"), WECHAT_WORDS)
    quota = Request(
        "POST",
        f"{base}/cgi-bin/openapi/quota/get",
        params={"access_token": token},
        json={"cgi_path": "/cgi-bin/freepublish/submit"},
    )
    answer = _call(house, account, quota)
    if answer.get("errcode", 0) != 0:
        raise _failure("微信", answer.get("errcode"), answer.get("errmsg"), WECHAT_WORDS)
    left = answer.get("quota", {})
    return f"公众号凭据有效，今天还可提交发布 {left.get('remain', '未知')} 次。"


def _client(house: House, account: Account, secret: dict[str, Any]) -> str:
    if not account.settings.get("push"):
        return "客户端信息流由本系统提供，可以使用；未开启推送。"
    request = Request(
        "POST",
        f"{house.settings.jpush_base_url}/v3/push/validate",
        json={"platform": "all", "audience": "all", "notification": {"alert": "连接测试"}},
        auth=(str(account.settings.get("app_key", "")), _need(secret, "master_secret")),
    )
    answer = _call(house, account, request)
    error = answer.get("error")
    if error:
        raise _failure("推送", error.get("code"), error.get("message"), PUSH_WORDS)
    return "推送凭据有效（只校验，未发送）。"


def _call(house: House, account: Account, request: Request) -> dict[str, Any]:
    if not house.budget.take(account.id, "probe", "test", DAILY_LIMIT):
        raise _Failed("今天的测试次数已用完，请明天再测。")
    response = house.door.send(request, house.settings.call_s, fresh=True)
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _Failed(f"平台的回答不是 JSON（HTTP {response.status}），请检查接口地址。")
    return answer


def _need(secret: dict[str, Any], name: str) -> str:
    if not secret.get(name):
        raise _Failed("还没有填写凭据，请先填写并保存。")
    return str(secret[name])


def _failure(platform: str, code: Any, message: Any, words: dict[Any, str]) -> _Failed:
    known = words.get(code) or words.get(str(code))
    shown = known or f"{platform}没有接受：{mask(str(message or '没有说明原因'))}。"
    return _Failed(f"{shown}（{code}）" if code not in {None, ""} else shown)


PROBES: dict[str, Callable[[House, Account, dict[str, Any]], str]] = {
    ChannelKind.WEBSITE: _website,
    ChannelKind.WEIBO: _weibo,
    ChannelKind.WECHAT: _wechat,
    ChannelKind.CLIENT: _client,
}
