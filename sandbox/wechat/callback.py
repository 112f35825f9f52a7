"""The PUBLISHJOBFINISH event: signed, POSTed to the account's address, tried three times, spoiled by faults."""

import hashlib
import http.client
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from ..world import World

ANSWER_WITHIN_S = 5.0
ATTEMPTS = 3


def schedule_callback(world: World, publish: dict[str, Any], at: float) -> None:
    """Plan the event of one finished publish (its row); faults may lose, delay or double it."""
    account, publish_id = publish["account"], publish["publish_id"]
    struck = {
        f["kind"]: f
        for f in world.faults.take(
            ("duplicate_callback", "late_callback", "lost_callback"),
            "wechat",
            "callback",
            account,
            lambda: str(publish["articles"]),
        )
    }
    if "lost_callback" in struck:
        return
    if "late_callback" in struck:
        at += world.scaled(float(struck["late_callback"].get("seconds", 60)))
    copies = 1 + int(struck.get("duplicate_callback", {}).get("count", "duplicate_callback" in struck))
    for _ in range(copies):
        world.jobs.add("callback", at, {"account": account, "publish_id": publish_id, "attempt": 1, "event_at": at})


def send_callback(world: World, payload: dict[str, Any], result: dict[str, Any]) -> None:
    """POST one event; without a 200 within 5 s it is planned again, three attempts in all."""
    account = world.accounts.get("wechat", payload["account"])
    if account is None or not account["callback_url"]:
        return
    now = world.options.clock()
    outcome = post_event(world, account, event_xml(payload["account"], result, int(payload["event_at"])), int(now))
    world.store.insert(
        "call",
        at=now,
        platform="wechat",
        api="callback",
        account=payload["account"],
        method="POST",
        status=outcome,
        faults=None,
        late=0,
        request=f"publish_id={payload['publish_id']} attempt={payload['attempt']}",
    )
    if outcome != 200 and payload["attempt"] < ATTEMPTS:
        world.jobs.add(
            "callback",
            world.options.clock() + world.scaled(ANSWER_WITHIN_S),
            {**payload, "attempt": payload["attempt"] + 1},
        )


def post_event(world: World, account: dict[str, Any], xml: str, timestamp: int) -> int:
    """The HTTP status of one POST; 0 when no answer came within 5 s (never scaled: the product's clock is real)."""
    nonce = world.word("nonce", 10, "0123456789")
    query = urlencode(
        {
            "signature": sign(account["callback_token"], str(timestamp), nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": "oSandbox0000000000000000000",
        }
    )
    url = account["callback_url"]
    call = urllib.request.Request(  # noqa: S310  the operator of the sandbox names the address
        f"{url}{'&' if '?' in url else '?'}{query}", data=xml.encode(), headers={"Content-Type": "text/xml"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(call, timeout=ANSWER_WITHIN_S) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)
    except (TimeoutError, urllib.error.URLError, http.client.HTTPException, OSError):
        return 0


def sign(token: str, *parts: str) -> str:
    """sha1 over the sorted, joined token, timestamp and nonce."""
    return hashlib.sha1("".join(sorted([token, *parts])).encode()).hexdigest()  # noqa: S324  the platform's rule


def event_xml(account: str, result: dict[str, Any], at: int) -> str:
    """The event in plain mode."""
    links = "".join(
        f"<item><idx>{i['idx']}</idx><article_url>{cdata(i['article_url'])}</article_url></item>"
        for i in result.get("article_detail", {}).get("item", [])
    )
    detail = (
        f"<article_detail><count>{len(result['article_detail']['item'])}</count>{links}</article_detail>"
        if "article_detail" in result
        else ""
    )
    article = f"<article_id>{cdata(result['article_id'])}</article_id>" if "article_id" in result else ""
    failed = "".join(f"<fail_idx>{place}</fail_idx>" for place in result["fail_idx"])
    return (
        f"<xml><ToUserName>{cdata('gh_' + account[2:14])}</ToUserName>"
        f"<FromUserName>{cdata('oSandbox0000000000000000000')}</FromUserName><CreateTime>{at}</CreateTime>"
        f"<MsgType>{cdata('event')}</MsgType><Event>{cdata('PUBLISHJOBFINISH')}</Event><PublishEventInfo>"
        f"<publish_id>{escape(str(result['publish_id']))}</publish_id>"
        f"<publish_status>{result['publish_status']}</publish_status>{article}{detail}{failed}"
        "</PublishEventInfo></xml>"
    )


def cdata(text: str) -> str:
    """The text as a CDATA section."""
    return f"<![CDATA[{text}]]>"
