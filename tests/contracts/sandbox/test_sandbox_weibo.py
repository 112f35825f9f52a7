"""Weibo's documented rules as the sandbox keeps them (publishing, reading back, comments, limits, OAuth)."""

from __future__ import annotations

import re
from typing import Any

import pytest

LINK = "http://127.0.0.1:8000/a/20260101-1.html"
GIF = b"GIF89a" + b"g" * 32


@pytest.fixture
def weibo(kit: Any) -> tuple[Any, dict[str, Any], str]:
    account = kit.account("weibo")
    return kit, account, account["access_token"]


def test_a_shared_status_carries_short_link_long_link_and_documented_types(weibo: Any) -> None:
    kit, account, token = weibo
    status = kit.share(token, "今晚停水")
    assert status["text"].startswith("今晚停水 http://t.cn/")
    assert LINK not in status["text"]
    assert status["url_objects"][0]["url_long"] == LINK
    assert status["url_objects"][0]["url_short"] in status["text"]
    assert isinstance(status["id"], int)
    assert len(str(status["id"])) == 16
    assert status["idstr"] == status["mid"] == str(status["id"])
    assert status["user"]["id"] == int(account["uid"])
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \+0800 \d{4}", status["created_at"])


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("没有链接", 10017, "text not find domain!"),
        ("别处 http://example.com/a", 10017, "text not find domain!"),
        ("像而不是 http://127.0.0.1.example.com/a", 10017, "text not find domain!"),
        ("", 20008, "content is null!"),
        ("长" * 131 + LINK, 20012, "text too long, please input text less than 140 characters!"),
    ],
)
def test_share_refuses_with_the_documented_code_and_http_400(weibo: Any, text: str, code: int, error: str) -> None:
    kit, _, token = weibo
    status, body = kit.post("statuses/share", token, status=text)
    assert status == 400
    assert body == {"request": "/2/statuses/share.json", "error_code": code, "error": error}


def test_an_app_without_safe_domain_cannot_share(kit: Any) -> None:
    account = kit.account("weibo", safe_domains=[])
    _, body = kit.post("statuses/share", account["access_token"], status=f"通告 {LINK}")
    assert (body["error_code"], body["error"]) == (10017, "appkey not bind domain!")


def test_a_name_below_the_safe_domain_counts(kit: Any) -> None:
    account = kit.account("weibo", safe_domains=["dongcheng.example.cn"])
    assert kit.share(account["access_token"], link="https://www.dongcheng.example.cn/1")["id"]


def test_130_characters_and_a_link_make_exactly_140(weibo: Any) -> None:
    kit, _, token = weibo
    assert kit.share(token, "长" * 129 + "a")["id"]
    assert kit.post("statuses/share", token, status="短" * 129 + f"ab {LINK}")[1]["error_code"] == 20012


def test_topics_vanish_without_a_word(weibo: Any) -> None:
    kit, _, token = weibo
    assert "#" not in kit.share(token, "#停水#通告")["text"]


def test_a_hash_inside_a_link_is_no_topic(weibo: Any) -> None:
    kit, _, token = weibo
    status = kit.share(token, "甲", link=LINK + "#a 乙 http://127.0.0.1/#b")
    assert [entry["url_long"] for entry in status["url_objects"]] == [LINK + "#a", "http://127.0.0.1/#b"]


def test_repeated_text_gives_20019_until_the_first_is_deleted(weibo: Any) -> None:
    kit, _, token = weibo
    first = kit.share(token)
    assert kit.post("statuses/share", token, status=f"通告 {LINK}")[1]["error_code"] == 20019
    assert kit.post("statuses/share", token, status=f"#话题#通告 {LINK}")[1]["error_code"] == 20019
    kit.post("statuses/destroy", token, id=first["id"])
    assert kit.share(token)["id"] > first["id"]


def test_20032_is_accepted_and_shows_later(weibo: Any) -> None:
    kit, _, token = weibo
    kit.fault("code", platform="weibo", api="statuses/share", code=20032, seconds=90)
    status, body = kit.post("statuses/share", token, status=f"通告 {LINK}")
    assert (status, body["error_code"]) == (400, 20032)
    assert kit.get("statuses/user_timeline", token)[1]["statuses"] == []
    assert kit.copies()["live"]["weibo"] == 1
    kit.clock.pass_(91)
    assert len(kit.get("statuses/user_timeline", token)[1]["statuses"]) == 1


@pytest.mark.parametrize(("content", "code"), [(b"no picture", 20005), (GIF + b"x" * 5 * 1024 * 1024, 20006)])
def test_pictures_are_judged_by_bytes_and_size(weibo: Any, content: bytes, code: int) -> None:
    kit, _, token = weibo
    assert share_picture(kit, token, content).get_json()["error_code"] == code


def share_picture(kit: Any, token: str, content: bytes) -> Any:
    body = (
        f'--b\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n{token}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="status"\r\n\r\n图 {LINK}\r\n'
        '--b\r\nContent-Disposition: form-data; name="pic"; filename="hidden"\r\n\r\n'
    ).encode()
    return kit.client.post(
        "/2/statuses/share.json", data=body + content + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b"
    )


def test_a_picture_part_may_lack_a_type_and_is_served(weibo: Any) -> None:
    kit, _, token = weibo
    answer = share_picture(kit, token, GIF)
    picture = answer.get_json()["original_pic"]
    served = kit.client.get(picture)
    assert (served.data, served.content_type) == (GIF, "image/gif")


@pytest.mark.parametrize("api", ["update", "upload", "upload_url_text", "repost"])
def test_advanced_posting_is_403_for_an_ordinary_app(weibo: Any, api: str) -> None:
    kit, _, token = weibo
    status, body = kit.post(f"statuses/{api}", token, status=f"通告 {LINK}")
    assert (status, body["error_code"], body["error"]) == (403, 10014, "Insufficient app permissions!")


def test_unknown_api_and_wrong_method_have_their_codes(weibo: Any) -> None:
    kit, _, token = weibo
    assert kit.get("statuses/nothing", token)[1]["error_code"] == 10020
    assert kit.get("statuses/share", token)[1]["error_code"] == 10021


def test_only_the_latest_five_own_posts_are_shown_and_nothing_behind_them(weibo: Any) -> None:
    kit, _, token = weibo
    ids = [kit.share(token, f"第{turn}条")["id"] for turn in range(7)]
    _, page = kit.get("statuses/user_timeline", token, count=100)
    assert [row["id"] for row in page["statuses"]] == ids[:1:-1]
    assert page["total_number"] == 7
    _, older = kit.get("statuses/user_timeline", token, max_id=ids[1])
    assert older["statuses"] == []


def test_the_commercial_regime_shows_all_own_posts_by_paging(commercial: Any) -> None:
    token = commercial.account("weibo")["access_token"]
    ids = [commercial.share(token, f"第{turn}条")["id"] for turn in range(7)]
    _, first = commercial.get("statuses/user_timeline", token, count=3)
    assert [row["id"] for row in first["statuses"]] == ids[:3:-1]
    _, second = commercial.get("statuses/user_timeline", token, count=10, max_id=first["next_cursor"])
    assert [row["id"] for row in second["statuses"]] == ids[3::-1]
    assert second["next_cursor"] == 0


def test_since_id_is_strict_and_max_id_is_inclusive(weibo: Any) -> None:
    kit, _, token = weibo
    ids = [kit.share(token, f"第{turn}条")["id"] for turn in range(4)]
    _, newer = kit.get("statuses/user_timeline", token, since_id=ids[1])
    assert [row["id"] for row in newer["statuses"]] == [ids[3], ids[2]]
    _, older = kit.get("statuses/user_timeline", token, max_id=ids[1])
    assert [row["id"] for row in older["statuses"]] == [ids[1], ids[0]]


def test_foreign_posts_push_ours_out_of_the_latest_five(weibo: Any) -> None:
    kit, _, token = weibo
    kit.fault("foreign_posts", count=5)
    ours = kit.share(token)
    _, page = kit.get("statuses/user_timeline", token)
    assert len(page["statuses"]) == 5
    assert ours["id"] not in [row["id"] for row in page["statuses"]]
    assert kit.copies()["live"]["weibo"] == 1


def test_deleted_and_unknown_posts_are_20101_and_left_out_of_counts(weibo: Any) -> None:
    kit, _, token = weibo
    kept, gone = kit.share(token, "留"), kit.share(token, "删")
    assert kit.post("statuses/destroy", token, id=gone["id"])[0] == 200
    assert kit.get("statuses/show", token, id=gone["id"])[1]["error_code"] == 20101
    assert kit.post("statuses/destroy", token, id=gone["id"])[1]["error_code"] == 20101
    assert kit.get("statuses/show", token, id=12345)[1]["error_code"] == 20101
    _, counts = kit.get("statuses/count", token, ids=f"{kept['id']},{gone['id']}")
    assert counts == [{"id": kept["id"], "comments": 0, "reposts": 0, "attitudes": 0}]


def test_nobody_deletes_or_reads_the_post_of_another_account(weibo: Any) -> None:
    kit, _, token = weibo
    other = kit.account("weibo", screen_name="西城发布")["access_token"]
    status = kit.share(token)
    assert kit.post("statuses/destroy", other, id=status["id"])[1]["error_code"] == 20102
    code, body = kit.get("statuses/show", other, id=status["id"])
    assert (code, body["error_code"]) == (403, 20112)


def test_count_takes_at_most_a_hundred_ids(weibo: Any) -> None:
    kit, _, token = weibo
    assert kit.get("statuses/count", token, ids=",".join(map(str, range(101))))[1]["error_code"] == 20009
    assert kit.get("statuses/count", token)[1]["error_code"] == 10016


def test_page_and_mid_lead_to_the_post_until_it_is_deleted(weibo: Any) -> None:
    kit, account, token = weibo
    status = kit.share(token, "看得见")
    mid = kit.get("statuses/querymid", token, id=status["id"])[1]["mid"]
    assert kit.get("statuses/queryid", token, mid=mid, isBase62=1)[1]["id"] == str(status["id"])
    page = f"/{account['uid']}/{mid}"
    assert "看得见" in kit.client.get(page).text
    kit.post("statuses/destroy", token, id=status["id"])
    assert kit.client.get(page).status_code == 404


def test_comment_reply_and_their_deletion(weibo: Any) -> None:
    kit, account, token = weibo
    status = kit.share(token)
    kit.client.post(
        "/control/crowd",
        json={
            "platform": "weibo",
            "item": status["id"],
            "events": [{"kind": "comment", "author": "阿宁", "text": "几点来水？", "ref": "c1"}],
        },
    )
    _, page = kit.get("comments/show", token, id=status["id"])
    question = page["comments"][0]
    assert (question["text"], question["rootid"]) == ("几点来水？", question["id"])
    assert question["status"]["id"] == status["id"]
    _, answer = kit.post("comments/reply", token, cid=question["id"], id=status["id"], comment="六点")
    assert answer["text"] == "回复@阿宁:六点"
    assert answer["reply_comment"]["id"] == question["id"]
    assert answer["user"]["id"] == int(account["uid"])
    _, own = kit.post("comments/create", token, id=status["id"], comment="补充说明")
    _, received = kit.get("comments/to_me", token)
    assert [row["id"] for row in received["comments"]] == [question["id"]]
    assert kit.post("comments/destroy", token, cid=own["id"])[0] == 200
    assert kit.post("comments/destroy", token, cid=own["id"])[1]["error_code"] == 20201
    assert kit.get("statuses/count", token, ids=status["id"])[1][0]["comments"] == 2


@pytest.mark.parametrize(
    ("api", "params", "code"),
    [
        ("comments/create", {"comment": "好"}, 20109),
        ("comments/create", {"id": 1, "comment": "好"}, 20101),
        ("comments/create", {"id": 1}, 10016),
        ("comments/create", {"id": 1, "comment": "长" * 141}, 20012),
        ("comments/reply", {"id": 1, "comment": "好"}, 20204),
        ("comments/destroy", {}, 20204),
        ("comments/destroy", {"cid": 9}, 20201),
    ],
)
def test_comment_calls_refuse_what_is_missing(weibo: Any, api: str, params: dict[str, Any], code: int) -> None:
    kit, _, token = weibo
    assert kit.post(api, token, **params)[1]["error_code"] == code


def test_a_comment_of_somebody_under_a_foreign_post_is_not_ours_to_delete(weibo: Any) -> None:
    kit, _, token = weibo
    other = kit.account("weibo", screen_name="西城发布")["access_token"]
    status = kit.share(other)
    _, comment = kit.post("comments/create", other, id=status["id"], comment="说明")
    assert kit.post("comments/destroy", token, cid=comment["id"])[1]["error_code"] == 20203


CHAIN = [
    {"kind": "repost", "author": "甲", "text": "一", "ref": "r1"},
    {"kind": "repost", "author": "乙", "text": "二", "parent": "r1"},
    {"kind": "comment", "author": "丙", "text": "问", "ref": "c1"},
    {"kind": "reply", "author": "丁", "text": "答", "parent": "c1"},
]


def play(kit: Any, status: dict[str, Any]) -> None:
    body = {"platform": "weibo", "item": status["id"], "events": CHAIN, "speed": 0}
    assert kit.client.post("/control/crowd", json=body).status_code == 201


def test_the_ordinary_regime_hides_pid_and_reply_comment(weibo: Any) -> None:
    kit, _, token = weibo
    status = kit.share(token)
    play(kit, status)
    reposts = kit.get("statuses/repost_timeline", token, id=status["id"])[1]["reposts"]
    comments = kit.get("comments/show", token, id=status["id"])[1]["comments"]
    assert [row["text"] for row in reposts] == ["二", "一"]
    assert all("pid" not in row for row in reposts)
    assert all(row["retweeted_status"]["id"] == status["id"] for row in reposts)
    assert all("reply_comment" not in row for row in comments)


def test_the_commercial_regime_gives_pid_and_reply_comment(commercial: Any) -> None:
    token = commercial.account("weibo")["access_token"]
    status = commercial.share(token)
    play(commercial, status)
    second, first = commercial.get("statuses/repost_timeline", token, id=status["id"])[1]["reposts"]
    answer, question = commercial.get("comments/show", token, id=status["id"])[1]["comments"]
    assert second["pid"] == first["id"]
    assert "pid" not in first
    assert answer["reply_comment"]["id"] == question["id"]
    assert first["reposts_count"] == 1
    assert commercial.get("statuses/count", token, ids=status["id"])[1][0]["reposts"] == 2


def test_an_ordinary_app_reads_the_newest_rows_only_while_the_total_counts_all(kit: Any) -> None:
    account = kit.account("weibo", readable_rows=3)
    status = kit.share(account["access_token"])
    rows = [
        {"ref": str(n), "kind": "comment", "author": "甲", "text": str(n), "at": 1.0, "parent": None} for n in range(5)
    ]
    kit.client.post(f"/control/weibo/{status['id']}/rows", json={"rows": rows})
    _, page = kit.get("comments/show", account["access_token"], id=status["id"], count=200)
    assert [row["text"] for row in page["comments"]] == ["4", "3", "2"]
    assert page["total_number"] == 5


def test_the_hundredth_request_of_a_day_is_the_last(weibo: Any) -> None:
    kit, _, token = weibo
    for _ in range(100):
        assert kit.get("account/get_uid", token)[0] == 200
    status, body = kit.get("account/get_uid", token)
    assert (status, body["error_code"]) == (403, 10023)
    _, left = kit.get("account/rate_limit_status", token)
    assert (left["user_limit"], left["remaining_user_hits"]) == (100, 0)
    kit.clock.pass_(left["reset_time_in_seconds"] + 1)
    assert kit.get("account/get_uid", token)[0] == 200


def test_thirty_posts_an_hour_then_20016(weibo: Any) -> None:
    kit, _, token = weibo
    for turn in range(30):
        kit.share(token, f"第{turn}条")
    assert kit.post("statuses/share", token, status=f"多一条 {LINK}")[1]["error_code"] == 20016


def test_the_time_factor_shortens_the_quota_day(make_kit: Any) -> None:
    kit = make_kit(time_factor=100.0)
    token = kit.account("weibo", quotas={"day": 2})["access_token"]
    codes = [kit.get("account/get_uid", token)[0] for _ in range(3)]
    kit.clock.pass_(864)
    assert [*codes, kit.get("account/get_uid", token)[0]] == [200, 200, 403, 200]


def test_tokens_missing_unknown_killed_and_expired_have_their_codes(weibo: Any) -> None:
    kit, account, token = weibo
    assert kit.client.get("/2/account/get_uid.json").get_json()["error_code"] == 10006
    assert kit.get("account/get_uid", "2.00unknown")[1]["error_code"] == 21332
    header = kit.client.get("/2/account/get_uid.json", headers={"Authorization": f"OAuth2 {token}"})
    assert header.get_json() == {"uid": int(account["uid"])}
    kit.clock.pass_(2_592_001)
    assert kit.get("account/get_uid", token)[1]["error_code"] == 21327
    fresh = kit.client.post("/control/tokens/issue", json={"account": account["uid"]}).get_json()["access_token"]
    assert kit.get("account/get_uid", fresh)[0] == 200
    kit.client.post("/control/tokens/kill", json={"platform": "weibo", "account": account["uid"]})
    assert kit.get("account/get_uid", fresh)[1]["error_code"] == 21332


def test_consent_code_token_facts_and_revocation(weibo: Any) -> None:
    kit, account, _ = weibo
    asked = {
        "client_id": account["client_id"],
        "redirect_uri": "http://127.0.0.1:8000/back",
        "response_type": "code",
        "state": "s1",
    }
    assert account["screen_name"] in kit.client.get("/oauth2/authorize", query_string=asked).text
    target = kit.client.post("/oauth2/authorize", data={**asked, "consent": "yes"}).headers["Location"]
    code = re.search(r"code=([0-9a-f]+)", target)
    assert code
    assert "state=s1" in target
    exchange = {
        "client_id": account["client_id"],
        "client_secret": account["client_secret"],
        "code": code[1],
        "grant_type": "authorization_code",
        "redirect_uri": asked["redirect_uri"],
        "access_token": "None",
    }
    body = kit.client.post("/oauth2/access_token", data=exchange).get_json()
    assert (body["uid"], body["expires_in"], body["remind_in"]) == (account["uid"], 2_592_000, "2592000")
    again = kit.client.post("/oauth2/access_token", data=exchange)
    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_grant")
    facts = kit.client.post("/oauth2/get_token_info", data={"access_token": body["access_token"]}).get_json()
    assert facts["expire_in"] == 2_592_000
    assert facts["appkey"] == account["client_id"]
    assert kit.client.get("/oauth2/revokeoauth2", query_string={"access_token": body["access_token"]}).get_json() == {
        "result": "true"
    }
    assert kit.get("account/get_uid", body["access_token"])[1]["error_code"] == 21332


@pytest.mark.parametrize(
    ("change", "code"), [({"client_secret": "x"}, 21324), ({"grant_type": "password"}, 21328), ({"code": "x"}, 21325)]
)
def test_token_exchange_refuses_in_oauth_form(weibo: Any, change: dict[str, str], code: int) -> None:
    kit, account, _ = weibo
    body = {
        "client_id": account["client_id"],
        "client_secret": account["client_secret"],
        "code": "c",
        "grant_type": "authorization_code",
        "redirect_uri": "http://x",
        **change,
    }
    answer = kit.client.post("/oauth2/access_token", data=body).get_json()
    assert answer["error_code"] == code
    assert set(answer) == {"error", "error_code", "request", "error_uri", "error_description"}


def test_users_are_known_once_they_wrote_something(weibo: Any) -> None:
    kit, account, token = weibo
    status = kit.share(token)
    play(kit, status)
    assert kit.get("users/show", token, screen_name="丙")[1]["screen_name"] == "丙"
    assert kit.get("users/show", token, uid=account["uid"])[1]["verified"] is True
    assert kit.get("users/show", token, screen_name="无此人")[1]["error_code"] == 20003
    assert kit.get("users/show", token)[1]["error_code"] == 20002
