"""Asynchronous publishing of WeChat: audit, result, callback, deletion, second submits; and JPush."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from defusedxml import ElementTree

LINK = "http://127.0.0.1:8000/a/20260101-1.html"


@pytest.fixture
def wechat(kit: Any) -> tuple[Any, dict[str, Any], str]:
    account = kit.account("wechat")
    return kit, account, kit.wechat_token(account)


def submit(kit: Any, token: str, media_id: str) -> dict[str, Any]:
    return dict(kit.call("freepublish/submit", token, {"media_id": media_id}))


def result(kit: Any, token: str, publish_id: Any) -> dict[str, Any]:
    return dict(kit.call("freepublish/get", token, {"publish_id": publish_id}))


def published(kit: Any, token: str) -> list[dict[str, Any]]:
    return list(kit.call("freepublish/batchget", token, {"offset": 0, "count": 20, "no_content": 1})["item"])


def test_submit_means_accepted_and_the_audit_takes_its_time(wechat: Any) -> None:
    kit, _, token = wechat
    media_id = kit.draft(token)
    accepted = submit(kit, token, media_id)
    assert isinstance(accepted["publish_id"], int)
    assert isinstance(accepted["msg_data_id"], int)
    kit.clock.pass_(19)
    assert result(kit, token, accepted["publish_id"]) == {
        "publish_id": accepted["publish_id"],
        "publish_status": 1,
        "fail_idx": [],
    }
    assert kit.call("draft/get", token, {"media_id": media_id})["news_item"]
    kit.clock.pass_(2)
    done = result(kit, token, str(accepted["publish_id"]))
    assert done["publish_status"] == 0
    assert [item["idx"] for item in done["article_detail"]["item"]] == [1]
    assert kit.call("draft/get", token, {"media_id": media_id})["errcode"] == 40007
    assert result(kit, token, 1)["errcode"] == 53502


def test_the_published_article_opens_and_keeps_its_mark(wechat: Any) -> None:
    kit, _, token = wechat
    done = kit.publish(token)
    page = kit.client.get(done["article_detail"]["item"][0]["article_url"])
    assert page.status_code == 200
    assert f"{LINK}?c=1" in page.text
    item = published(kit, token)[0]
    assert item["article_id"] == done["article_id"]
    assert item["content"]["news_item"][0]["content_source_url"] == f"{LINK}?c=1"
    read = kit.call("freepublish/getarticle", token, {"article_id": done["article_id"]})
    assert read["news_item"][0]["is_deleted"] is False
    assert kit.call("freepublish/getarticle", token, {"article_id": "x"})["errcode"] == 53600


def test_pictures_in_a_page_are_served_here(wechat: Any) -> None:
    kit, _, token = wechat
    picture = kit.upload("media/uploadimg", token)["url"]
    done = kit.publish(token, content=f'<p>图</p><img src="{picture}">')
    page = kit.client.get(done["article_detail"]["item"][0]["article_url"]).text
    source = page.split('<img src="')[1].split('"')[0]
    assert kit.client.get(source).content_type == "image/png"


def test_deletion_is_one_based_zero_takes_all_and_the_page_is_gone(wechat: Any) -> None:
    kit, _, token = wechat
    articles = [kit.article(token), kit.article(token, title="二")]
    media_id = kit.call("draft/add", token, {"articles": articles})["media_id"]
    publish_id = submit(kit, token, media_id)["publish_id"]
    kit.clock.pass_(21)
    done = result(kit, token, publish_id)
    first, second = (item["article_url"] for item in done["article_detail"]["item"])
    asked = {"article_id": done["article_id"]}
    assert kit.call("freepublish/delete", token, {**asked, "index": 3})["errcode"] == 40114
    assert kit.call("freepublish/delete", token, {**asked, "index": 1})["errcode"] == 0
    assert [kit.client.get(url).status_code for url in (first, second)] == [404, 200]
    assert result(kit, token, publish_id)["publish_status"] == 0
    assert kit.call("freepublish/delete", token, asked)["errcode"] == 0
    assert kit.client.get(second).status_code == 404
    assert result(kit, token, publish_id)["publish_status"] == 5
    assert published(kit, token) == []
    assert kit.copies()["live"]["wechat"] == 0


def test_the_platform_can_take_an_article_down(wechat: Any) -> None:
    kit, _, token = wechat
    done = kit.publish(token)
    removed = kit.client.post("/control/remove", json={"platform": "wechat", "item": done["article_id"]}).get_json()
    assert removed == {"removed": 1}
    assert result(kit, token, done["publish_id"])["publish_status"] == 6


@pytest.mark.parametrize("status", [2, 3, 4])
def test_a_refused_audit_names_the_article_and_leaves_the_draft(wechat: Any, status: int) -> None:
    kit, _, token = wechat
    kit.fault("audit_refuse", code=status)
    media_id = kit.draft(token)
    publish_id = submit(kit, token, media_id)["publish_id"]
    kit.clock.pass_(21)
    told = result(kit, token, publish_id)
    assert (told["publish_status"], told["fail_idx"]) == (status, [1])
    assert "article_id" not in told
    assert kit.call("draft/get", token, {"media_id": media_id})["news_item"]


def test_a_second_submit_in_audit_is_refused_by_default(wechat: Any) -> None:
    kit, _, token = wechat
    media_id = kit.draft(token)
    submit(kit, token, media_id)
    assert submit(kit, token, media_id)["errcode"] == 53503
    kit.clock.pass_(21)
    assert submit(kit, token, media_id)["errcode"] == 40007
    assert kit.copies()["live"]["wechat"] == 1


def test_a_second_submit_in_audit_publishes_twice_by_switch(kit: Any) -> None:
    account = kit.account("wechat", resubmit_in_audit="twice")
    token = kit.wechat_token(account)
    media_id = kit.draft(token)
    first, second = submit(kit, token, media_id), submit(kit, token, media_id)
    assert first["publish_id"] != second["publish_id"]
    assert len(kit.copies()["wechat_in_audit"]) == 2
    kit.clock.pass_(21)
    assert kit.copies()["live"]["wechat"] == 2


def test_the_draft_may_leave_the_box_at_submit_by_switch(kit: Any) -> None:
    token = kit.wechat_token(kit.account("wechat", draft_leaves="submit"))
    media_id = kit.draft(token)
    submit(kit, token, media_id)
    assert kit.call("draft/get", token, {"media_id": media_id})["errcode"] == 40007
    kit.clock.pass_(21)
    assert kit.copies()["live"]["wechat"] == 1


def test_the_callback_is_signed_and_tells_the_result(kit: Any, receiver: Any) -> None:
    account = kit.account("wechat", callback_url=receiver.url, callback_token="secret")
    done = kit.publish(kit.wechat_token(account))
    assert kit.app.world.jobs.run_outside(kit.clock()) == 1
    path, body = receiver.events[0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    signed = "".join(sorted(["secret", query["timestamp"], query["nonce"]]))
    assert query["signature"] == hashlib.sha1(signed.encode()).hexdigest()
    event = ElementTree.fromstring(body)
    assert event.findtext("Event") == "PUBLISHJOBFINISH"
    told = event.find("PublishEventInfo")
    assert told.findtext("publish_id") == str(done["publish_id"])
    assert told.findtext("publish_status") == "0"
    assert told.findtext("article_id") == done["article_id"]
    assert told.findtext("article_detail/item/article_url") == done["article_detail"]["item"][0]["article_url"]


def run_callbacks(kit: Any, seconds: int = 30) -> None:
    for _ in range(seconds):
        kit.app.world.jobs.run_outside(kit.clock())
        kit.clock.pass_(1)


def test_a_callback_without_200_is_sent_three_times_in_all(kit: Any, receiver: Any) -> None:
    receiver.script = [500, 404, 500, 200]
    token = kit.wechat_token(kit.account("wechat", callback_url=receiver.url))
    kit.publish(token)
    run_callbacks(kit)
    assert len(receiver.events) == 3


def test_a_callback_stops_at_the_first_200(kit: Any, receiver: Any) -> None:
    receiver.script = [500]
    kit.publish(kit.wechat_token(kit.account("wechat", callback_url=receiver.url)))
    run_callbacks(kit)
    assert len(receiver.events) == 2


@pytest.mark.parametrize(("kind", "expected"), [("duplicate_callback", 2), ("lost_callback", 0)])
def test_callbacks_can_be_doubled_and_lost(kit: Any, receiver: Any, kind: str, expected: int) -> None:
    token = kit.wechat_token(kit.account("wechat", callback_url=receiver.url))
    kit.fault(kind)
    kit.publish(token)
    run_callbacks(kit)
    assert len(receiver.events) == expected
    assert kit.client.get("/control/faults").get_json()[0]["fired"] == 1


def test_a_late_callback_comes_when_it_comes(kit: Any, receiver: Any) -> None:
    token = kit.wechat_token(kit.account("wechat", callback_url=receiver.url))
    kit.fault("late_callback", seconds=60)
    kit.publish(token)
    run_callbacks(kit, 50)
    assert receiver.events == []
    run_callbacks(kit, 15)
    assert len(receiver.events) == 1


def test_list_lag_hides_a_published_article_from_lists_but_not_from_the_truth(kit: Any) -> None:
    token = kit.wechat_token(kit.account("wechat", list_lag_s=15))
    kit.publish(token)
    assert published(kit, token) == []
    assert kit.copies()["live"]["wechat"] == 1
    kit.clock.pass_(15)
    assert len(published(kit, token)) == 1


@pytest.fixture
def jpush(kit: Any) -> tuple[Any, dict[str, Any]]:
    return kit, kit.account("jpush")


def test_a_push_answers_strings_and_the_rate_headers(jpush: Any) -> None:
    kit, account = jpush
    answer = kit.client.post(
        "/v3/push",
        data=json.dumps(
            {"platform": "all", "audience": "all", "notification": {"alert": "停"}, "options": {"sendno": 18}}
        ),
        content_type="application/json;charset:utf-8",
        auth=(account["app_key"], account["master_secret"]),
    )
    body = answer.get_json()
    assert body["sendno"] == "18"
    assert isinstance(body["msg_id"], str)
    assert answer.headers["X-Rate-Limit-Quota"] == "600"
    assert answer.headers["X-Rate-Limit-Remaining"] == "599"
    assert 0 <= int(answer.headers["X-Rate-Limit-Reset"]) <= 60


def test_the_same_cid_within_a_day_gives_the_first_success_and_pushes_nothing(jpush: Any) -> None:
    kit, account = jpush
    auth = (account["app_key"], account["master_secret"])
    cid = kit.client.get("/v3/push/cid", auth=auth).get_json()["cidlist"][0]
    assert cid.startswith(account["app_key"] + "-")
    assert uuid.UUID(cid.removeprefix(account["app_key"] + "-"))
    first, second = kit.push(account, cid=cid), kit.push(account, cid=cid)
    assert first == second
    assert kit.copies()["live"]["jpush"] == 1
    kit.clock.pass_(86_401)
    assert kit.push(account, cid=cid)[1]["msg_id"] != first[1]["msg_id"]
    assert kit.copies()["live"]["jpush"] == 2


def test_a_failed_attempt_may_be_repeated_with_its_cid(jpush: Any) -> None:
    kit, account = jpush
    assert kit.push(account, cid="c1", audience={"alias": ["nobody"]})[1]["error"]["code"] == 1011
    assert kit.push(account, cid="c1")[0] == 200


def test_without_cid_a_resend_is_a_second_push(jpush: Any) -> None:
    kit, account = jpush
    kit.push(account)
    kit.push(account)
    assert kit.copies()["live"]["jpush"] == 2


def test_free_accounts_get_ten_cids_at_most(jpush: Any) -> None:
    kit, account = jpush
    auth = (account["app_key"], account["master_secret"])
    cids = kit.client.get("/v3/push/cid?count=50", auth=auth).get_json()["cidlist"]
    assert len(set(cids)) == 10
    assert kit.client.get("/v3/push/cid?count=1001", auth=auth).get_json()["error"]["code"] == 1003
    assert kit.client.get("/v3/push/cid?type=mail", auth=auth).get_json()["error"]["code"] == 1003


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"platform": "symbian"}, 400, 1003),
        ({"audience": {"tag": []}}, 400, 1003),
        ({"audience": {"crowd": ["a"]}}, 400, 1003),
        ({"audience": {"alias": ["长" * 14]}}, 400, 1003),
        ({"notification": None}, 400, 1002),
        ({"extra": 1}, 400, 1009),
        ({"notification": {"android": {"alert": "x" * 4000}}}, 400, 1005),
        ({"notification": {"ios": {"alert": "x" * 2000}}}, 400, 1005),
        ({"options": {"time_to_live": 864_001}}, 400, 1003),
        ({"options": {"override_msg_id": 5}}, 400, 1003),
        ({"audience": {"alias": ["nobody"]}}, 400, 1011),
    ],
)
def test_push_bodies_are_refused_with_their_codes(jpush: Any, fields: dict[str, Any], status: int, code: int) -> None:
    kit, account = jpush
    answered, body = kit.push(account, **fields)
    assert (answered, body["error"]["code"]) == (status, code)
    assert kit.copies()["live"]["jpush"] == 0


def test_wrong_credentials_and_methods_have_their_status(jpush: Any) -> None:
    kit, account = jpush
    assert kit.push({**account, "master_secret": "x"})[0] == 401
    assert kit.client.post("/v3/push", json={}).get_json()["error"]["code"] == 1004
    answer = kit.client.get("/v3/push", auth=(account["app_key"], account["master_secret"]))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (405, 1001)


def test_the_601st_call_of_a_minute_is_429(kit: Any) -> None:
    account = kit.account("jpush", quotas={"push": 3})
    codes = [kit.push(account)[0] for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    kit.clock.pass_(60)
    assert kit.push(account)[0] == 200


def test_the_documented_rate_of_pushes_is_600_a_minute(jpush: Any) -> None:
    kit, account = jpush
    kit.client.get("/v3/push/cid", auth=(account["app_key"], account["master_secret"]))
    codes = {kit.push(account, audience={"alias": ["nobody"]})[1]["error"]["code"] for _ in range(599)}
    assert codes == {1011}
    assert kit.push(account)[0] == 429


def test_withdrawal_works_once_and_within_a_day(jpush: Any) -> None:
    kit, account = jpush
    auth = (account["app_key"], account["master_secret"])
    msg_id = kit.push(account)[1]["msg_id"]
    assert kit.client.get(f"/inbox/{account['app_key']}/{msg_id}").status_code == 200
    assert kit.client.delete(f"/v3/push/{msg_id}", auth=auth).status_code == 200
    assert kit.client.get(f"/inbox/{account['app_key']}/{msg_id}").status_code == 404
    assert kit.client.delete(f"/v3/push/{msg_id}", auth=auth).get_json()["error"]["code"] == 1003
    old = kit.push(account)[1]["msg_id"]
    kit.clock.pass_(86_401)
    assert kit.client.delete(f"/v3/push/{old}", auth=auth).get_json()["error"]["code"] == 1003


def test_an_override_replaces_the_earlier_push(jpush: Any) -> None:
    kit, account = jpush
    first = kit.push(account)[1]["msg_id"]
    second = kit.push(account, options={"override_msg_id": int(first)})[1]["msg_id"]
    copies = {copy["msg_id"]: copy["live"] for copy in kit.copies()["jpush"]}
    assert copies == {first: False, second: True}


def test_validate_checks_and_sends_nothing(jpush: Any) -> None:
    kit, account = jpush
    auth = (account["app_key"], account["master_secret"])
    body = {"platform": "all", "audience": "all", "notification": {"android": {"alert": LINK}}}
    assert kit.client.post("/v3/push/validate", json=body, auth=auth).status_code == 200
    assert kit.client.post("/v3/push/validate", json={**body, "platform": "x"}, auth=auth).status_code == 400
    assert kit.copies()["live"]["jpush"] == 0


def test_received_counts_devices_and_knows_nothing_before_its_delay(kit: Any) -> None:
    account = kit.account("jpush", report_delay_s=600)
    auth = (account["app_key"], account["master_secret"])
    msg_id = kit.push(account)[1]["msg_id"]
    early = kit.client.get(f"/v3/received?msg_ids={msg_id}", auth=auth).get_json()[0]
    kit.clock.pass_(600)
    late = kit.client.get(f"/v3/received/detail?msg_ids={msg_id}", auth=auth).get_json()[0]
    assert (early["android_received"], late["android_received"], late["ios_apns_sent"]) == (None, 2, 1)
    too_many = ",".join(map(str, range(101)))
    assert kit.client.get(f"/v3/received?msg_ids={too_many}", auth=auth).get_json()["error"]["code"] == 1003
