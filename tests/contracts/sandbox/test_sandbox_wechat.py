"""WeChat's documented rules as the sandbox keeps them: tokens, quotas, media, drafts, comments."""

from __future__ import annotations

import re
from typing import Any

import pytest

LINK = "http://127.0.0.1:8000/a/20260101-1.html"
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 64
JPG = b"\xff\xd8\xff\xe0" + b"j" * 64
RID = re.compile(r"rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$")


@pytest.fixture
def wechat(kit: Any) -> tuple[Any, dict[str, Any], str]:
    account = kit.account("wechat")
    return kit, account, kit.wechat_token(account)


def stable(kit: Any, account: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"grant_type": "client_credential", "appid": account["appid"], "secret": account["secret"], **more}
    return dict(kit.client.post("/cgi-bin/stable_token", json=body).get_json())


def count(kit: Any, token: str) -> dict[str, Any]:
    return dict(kit.client.get("/cgi-bin/draft/count", query_string={"access_token": token}).get_json())


def test_a_new_token_ends_the_old_one_after_the_grace(wechat: Any) -> None:
    kit, account, old = wechat
    new = kit.wechat_token(account)
    assert count(kit, old) == {"total_count": 0}
    kit.clock.pass_(301)
    assert count(kit, old)["errcode"] == 40001
    assert count(kit, new) == {"total_count": 0}
    kit.clock.pass_(7_200)
    assert count(kit, new)["errcode"] == 42001


def test_a_new_plain_token_leaves_the_stable_one_alone(wechat: Any) -> None:
    kit, account, plain = wechat
    steady = stable(kit, account)["access_token"]
    kit.wechat_token(account)
    kit.clock.pass_(600)
    assert count(kit, plain)["errcode"] == 40001
    assert count(kit, steady) == {"total_count": 0}
    assert len(steady) <= 512


def test_a_forced_stable_token_leaves_the_plain_one_alone(wechat: Any) -> None:
    kit, account, plain = wechat
    steady = stable(kit, account)["access_token"]
    kit.clock.pass_(600)
    stable(kit, account, force_refresh=True)
    assert count(kit, steady)["errcode"] == 40001
    assert count(kit, plain) == {"total_count": 0}


def test_the_stable_token_stays_and_counts_down_until_five_minutes_before_its_end(wechat: Any) -> None:
    kit, account, _ = wechat
    first = stable(kit, account)
    kit.clock.pass_(6_000)
    again = stable(kit, account)
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 1_200)
    kit.clock.pass_(950)
    renewed = stable(kit, account)
    assert renewed["access_token"] != first["access_token"]
    assert "errcode" not in count(kit, first["access_token"])
    kit.clock.pass_(301)
    assert count(kit, first["access_token"])["errcode"] in (40001, 42001)


def test_forced_refresh_kills_at_once_waits_thirty_seconds_and_ends_at_twenty_a_day(wechat: Any) -> None:
    kit, account, _ = wechat
    first = stable(kit, account)["access_token"]
    assert stable(kit, account, force_refresh=True)["access_token"] == first
    for _ in range(20):
        kit.clock.pass_(31)
        assert "access_token" in stable(kit, account, force_refresh=True)
    assert count(kit, first)["errcode"] == 40001
    kit.clock.pass_(31)
    assert stable(kit, account, force_refresh=True)["errcode"] == 45009


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appid": ""}, 41002),
        ({"appid": "wx0"}, 40013),
        ({"secret": ""}, 41004),
        ({"secret": "x"}, 40125),
        ({"grant_type": "password"}, 40002),
    ],
)
def test_token_refusals_come_with_http_200_and_a_rid_of_the_time(wechat: Any, change: Any, code: int) -> None:
    kit, account, _ = wechat
    asked = {"grant_type": "client_credential", "appid": account["appid"], "secret": account["secret"], **change}
    answer = kit.client.get("/cgi-bin/token", query_string=asked)
    body = answer.get_json()
    assert (answer.status_code, body["errcode"]) == (200, code)
    rid = RID.search(body["errmsg"])
    assert rid
    assert int(rid[1], 16) == int(kit.clock())


def test_a_caller_outside_the_whitelist_gets_40164_with_its_address(kit: Any) -> None:
    account = kit.account("wechat", ip_whitelist=["10.0.0.1"])
    asked = {"grant_type": "client_credential", "appid": account["appid"], "secret": account["secret"]}
    body = kit.client.get("/cgi-bin/token", query_string=asked).get_json()
    assert body["errcode"] == 40164
    assert body["errmsg"].startswith("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ")


def test_missing_and_malformed_tokens_and_wrong_methods_have_their_codes(wechat: Any) -> None:
    kit, _, token = wechat
    assert count(kit, "")["errcode"] == 41001
    assert count(kit, "short")["errcode"] == 40014
    assert kit.client.get("/cgi-bin/draft/add", query_string={"access_token": token}).get_json()["errcode"] == 43002
    assert kit.client.post("/cgi-bin/draft/count", query_string={"access_token": token}).get_json()["errcode"] == 43001


def test_day_quotas_are_told_spent_cleared_and_renewed(wechat: Any) -> None:
    kit, account, token = wechat
    path = {"cgi_path": "/cgi-bin/freepublish/delete"}
    for _ in range(10):
        assert kit.call("freepublish/delete", token, {"article_id": "none"})["errcode"] == 53600
    assert kit.call("openapi/quota/get", token, path)["quota"] == {"daily_limit": 10, "used": 10, "remain": 0}
    assert kit.call("freepublish/delete", token, {"article_id": "none"})["errcode"] == 45009
    assert kit.call("clear_quota", token, {"appid": account["appid"]})["errcode"] == 0
    assert kit.call("openapi/quota/get", token, path)["quota"]["used"] == 0
    for _ in range(9):
        assert kit.call("clear_quota", token, {"appid": account["appid"]})["errcode"] == 0
    assert kit.call("clear_quota", token, {"appid": account["appid"]})["errcode"] == 48006


@pytest.mark.parametrize(
    ("api", "limit"),
    [
        ("freepublish/submit", 100),
        ("freepublish/get", 100),
        ("draft/get", 500),
        ("draft/add", 1000),
        ("token", 2000),
        ("media/uploadimg", 1000),
    ],
)
def test_the_documented_day_quotas(wechat: Any, api: str, limit: int) -> None:
    kit, _, token = wechat
    assert kit.call("openapi/quota/get", token, {"cgi_path": f"/cgi-bin/{api}"})["quota"]["daily_limit"] == limit


def test_a_submit_refused_before_its_effect_by_the_network_is_not_counted(wechat: Any) -> None:
    kit, _, token = wechat
    kit.fault("http_500", platform="wechat", api="freepublish/submit")
    answer = kit.client.post(f"/cgi-bin/freepublish/submit?access_token={token}", json={"media_id": "x"})
    assert answer.status_code == 500
    quota = kit.call("openapi/quota/get", token, {"cgi_path": "/cgi-bin/freepublish/submit"})["quota"]
    assert quota["used"] == 0


def test_rid_get_explains_one_failed_request_and_masks_the_token(wechat: Any) -> None:
    kit, _, token = wechat
    rid = kit.call("draft/get", token, {"media_id": "none"})["errmsg"].split("rid: ")[1]
    told = kit.call("openapi/rid/get", token, {"rid": rid})["request"]
    assert '"none"' in told["request_body"]
    assert token not in told["request_url"]
    assert kit.call("openapi/rid/get", token, {"rid": "0-0-0"})["errcode"] == 76001


def test_uploadimg_takes_small_jpg_and_png_by_their_bytes(wechat: Any) -> None:
    kit, _, token = wechat
    assert kit.upload("media/uploadimg", token, JPG)["url"].startswith("http://mmbiz.qpic.cn/")
    assert kit.upload("media/uploadimg", token, b"GIF89a" + b"x" * 9)["errcode"] == 40005
    raw = b'--b\r\nContent-Disposition: form-data; name="media"; filename="media"\r\n\r\n' + PNG + b"x" * 1024 * 1024
    big = kit.client.post(
        "/cgi-bin/media/uploadimg",
        query_string={"access_token": token},
        data=raw + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
    )
    assert big.get_json()["errcode"] == 40009
    assert kit.call("media/uploadimg", token, {})["errcode"] == 41005


def test_material_is_typed_listed_counted_read_and_removed(wechat: Any) -> None:
    kit, _, token = wechat
    made = kit.upload("material/add_material", token, type="image")
    thumb = kit.upload("material/add_material", token, JPG, type="thumb")
    assert set(made) == {"media_id", "url"}
    assert set(thumb) == {"media_id"}
    assert kit.upload("material/add_material", token, type="song")["errcode"] == 40004
    assert kit.upload("material/add_material", token, type="voice")["errcode"] == 40113
    assert kit.upload("material/add_material", token, JPG + b"x" * 64 * 1024, type="thumb")["errcode"] == 40012
    page = kit.call("material/batchget_material", token, {"type": "image", "offset": 0, "count": 20})
    assert (page["total_count"], page["item"][0]["media_id"]) == (1, made["media_id"])
    raw = kit.client.post(
        "/cgi-bin/material/get_material", query_string={"access_token": token}, json={"media_id": made["media_id"]}
    )
    assert (raw.data, raw.content_type) == (PNG, "image/png")
    assert kit.call("material/del_material", token, {"media_id": made["media_id"]})["errcode"] == 0
    assert kit.call("material/del_material", token, {"media_id": made["media_id"]})["errcode"] == 40007
    counts = kit.client.get("/cgi-bin/material/get_materialcount", query_string={"access_token": token}).get_json()
    assert counts == {"voice_count": 0, "video_count": 0, "image_count": 0, "news_count": 0}


def test_a_video_needs_its_description_in_form_or_query(wechat: Any) -> None:
    kit, _, token = wechat
    film = b"\0\0\0\x18ftypmp42" + b"v" * 32
    assert kit.upload("material/add_material", token, film, type="video")["errcode"] == 40035
    described = kit.upload(
        "material/add_material",
        token,
        film,
        type="video",
        description='{"title": "检修现场", "introduction": "一分钟"}',
    )
    told = kit.call("material/get_material", token, {"media_id": described["media_id"]})
    assert told["title"] == "检修现场"
    assert kit.client.get(told["down_url"]).data == film


def test_a_draft_answers_its_media_id_only_and_can_be_read_back(wechat: Any) -> None:
    kit, _, token = wechat
    answer = kit.call("draft/add", token, {"articles": [kit.article(token)]})
    assert set(answer) == {"media_id"}
    read = kit.call("draft/get", token, {"media_id": answer["media_id"]})
    item = read["news_item"][0]
    assert (item["title"], item["digest"], item["content_source_url"]) == ("停水通告", "今晚停水检修。", f"{LINK}?c=1")
    assert "停水通告" in kit.client.get(item["url"]).text
    page = kit.call("draft/batchget", token, {"offset": 0, "count": 20, "no_content": 1})
    assert (page["total_count"], page["item_count"]) == (1, 1)
    assert "content" not in page["item"][0]["content"]["news_item"][0]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": "长" * 33}, 45003),
        ({"title": ""}, 45003),
        ({"author": "长" * 17}, 40192),
        ({"digest": "长" * 121}, 45004),
        ({"content": ""}, 44004),
        ({"content": "x" * 20_000}, 45002),
        ({"content_source_url": "h" * 1025}, 45005),
        ({"thumb_media_id": "none"}, 40007),
        ({"pic_crop_1_1": "0.1_0.2_2_0.4"}, 53402),
        ({"article_type": "song"}, 40035),
    ],
)
def test_a_draft_is_refused_with_the_code_of_its_fault(wechat: Any, fields: dict[str, str], code: int) -> None:
    kit, _, token = wechat
    assert kit.call("draft/add", token, {"articles": [kit.article(token, **fields)]})["errcode"] == code


def test_a_title_of_32_characters_and_a_body_below_20000_pass(wechat: Any) -> None:
    kit, _, token = wechat
    assert kit.draft(token, title="长" * 32, content="长" * 19_999)


def test_a_refusal_names_the_media_id_as_hint(wechat: Any) -> None:
    kit, _, token = wechat
    message = kit.call("draft/get", token, {"media_id": "nowhere"})["errmsg"]
    assert message.startswith("invalid media_id hint: [nowhere] rid: ")


def test_bodies_are_raw_utf8_json_objects(wechat: Any) -> None:
    kit, _, token = wechat
    assert kit.call("draft/add", token, b'{"articles":[{"title":"\\u505c\\u6c34"}]}')["errcode"] == 40033
    assert kit.call("draft/add", token, b"{articles")["errcode"] == 47001
    assert kit.call("draft/add", token, b"[]")["errcode"] == 47001
    assert kit.call("draft/add", token, b" ")["errcode"] == 44002
    assert kit.call("draft/add", token, {"articles": []})["errcode"] == 44003
    assert kit.call("draft/add", token, {"articles": [kit.article(token)] * 9})["errcode"] == 45008


def test_numbers_as_text_give_40097_and_pages_have_bounds(wechat: Any) -> None:
    kit, _, token = wechat
    assert kit.call("draft/batchget", token, {"offset": "0", "count": 20})["errcode"] == 40097
    assert kit.call("draft/batchget", token, {"offset": 0, "count": "20"})["errcode"] == 40097
    assert kit.call("draft/batchget", token, {"offset": 0, "count": 21})["errcode"] == 45165
    assert kit.call("draft/batchget", token, {"offset": -1, "count": 20})["errcode"] == 45164


def test_scripts_go_and_pictures_of_unknown_origin_are_filtered_silently(wechat: Any) -> None:
    kit, _, token = wechat
    known = kit.upload("media/uploadimg", token)["url"]
    content = (
        f'<p onclick="x()">水</p><script>alert(1)</script><img src="{known}"><img src="http://example.com/a.png">'
        f'<img data-src="{known}">'
    )
    media_id = kit.draft(token, content=content)
    stored = kit.call("draft/get", token, {"media_id": media_id})["news_item"][0]["content"]
    assert stored == f'<p>水</p><img src="{known}"><img data-src="{known}">'


def test_update_replaces_one_article_at_a_zero_based_index(wechat: Any) -> None:
    kit, _, token = wechat
    media_id = kit.draft(token)
    change = {"media_id": media_id, "index": 0, "articles": kit.article(token, title="更正")}
    assert kit.call("draft/update", token, change)["errcode"] == 0
    assert kit.call("draft/update", token, {**change, "index": 1})["errcode"] == 40114
    assert kit.call("draft/get", token, {"media_id": media_id})["news_item"][0]["title"] == "更正"


def test_a_deleted_draft_is_gone_for_good(wechat: Any) -> None:
    kit, _, token = wechat
    media_id = kit.draft(token)
    assert count(kit, token) == {"total_count": 1}
    assert kit.call("draft/delete", token, {"media_id": media_id})["errcode"] == 0
    assert kit.call("draft/delete", token, {"media_id": media_id})["errcode"] == 40007
    assert count(kit, token) == {"total_count": 0}


def test_a_picture_article_needs_one_to_twenty_permanent_pictures(wechat: Any) -> None:
    kit, _, token = wechat
    picture = kit.upload("material/add_material", token, type="image")["media_id"]
    for number, code in ((1, None), (20, None), (21, 40007), (0, 40007)):
        images = {"image_list": [{"image_media_id": picture}] * number}
        body = {"articles": [{"article_type": "newspic", "title": "组图", "content": "图", "image_info": images}]}
        assert kit.call("draft/add", token, body).get("errcode") == code


@pytest.fixture
def discussed(wechat: Any) -> tuple[Any, str, int]:
    kit, _, token = wechat
    article = kit.publish(token)
    data_id = int(article["article_id"].rsplit("_")[-1])
    events = [
        {"after_s": n, "kind": "comment", "author": f"读者{n}", "text": f"第{n}问", "ref": f"c{n}"} for n in range(5)
    ]
    body = {"platform": "wechat", "item": article["article_id"], "events": events}
    assert kit.client.post("/control/crowd", json=body).get_json() == {"planned": 5}
    kit.clock.pass_(10)
    return kit, token, data_id


def listing(kit: Any, token: str, data_id: int, **more: int) -> dict[str, Any]:
    asked = {"msg_data_id": data_id, "index": 0, "begin": 0, "count": 49, "type": 0, **more}
    return dict(kit.call("comment/list", token, asked))


def test_total_is_the_page_while_comment_cnt_is_all(discussed: Any) -> None:
    kit, token, data_id = discussed
    page = listing(kit, token, data_id, count=2, begin=1)
    assert (page["total"], page["comment_cnt"]) == (2, 5)
    assert [row["content"] for row in page["comment"]] == ["第3问", "第2问"]
    assert isinstance(page["comment"][0]["user_comment_id"], int)
    assert listing(kit, token, data_id, begin=5)["comment"] == []


@pytest.mark.parametrize("number", [0, 50])
def test_comment_pages_hold_1_to_49(discussed: Any, number: int) -> None:
    kit, token, data_id = discussed
    assert listing(kit, token, data_id, count=number)["errcode"] == 88010


def test_comments_of_an_unknown_article_answer_88001_with_an_empty_list(discussed: Any) -> None:
    kit, token, _ = discussed
    body = listing(kit, token, 1)
    assert (body["errcode"], body["total"], body["comment"]) == (88001, 0, [])


def test_the_index_is_zero_based(discussed: Any) -> None:
    kit, token, data_id = discussed
    assert listing(kit, token, data_id, index=1)["errcode"] == 88001


def test_one_reply_a_comment_then_88005(discussed: Any) -> None:
    kit, token, data_id = discussed
    named = {"msg_data_id": data_id, "index": 0, "user_comment_id": 1}
    assert kit.call("comment/reply/add", token, {**named, "content": ""})["errcode"] == 88007
    assert kit.call("comment/reply/add", token, {**named, "content": "六点恢复"})["errcode"] == 0
    assert kit.call("comment/reply/add", token, {**named, "content": "再答"})["errcode"] == 88005
    assert listing(kit, token, data_id)["comment"][-1]["reply"]["content"] == "六点恢复"
    assert kit.call("comment/reply/delete", token, named)["errcode"] == 0
    assert kit.call("comment/reply/delete", token, named)["errcode"] == 88009


def test_election_and_deletion_of_comments(discussed: Any) -> None:
    kit, token, data_id = discussed
    named = {"msg_data_id": data_id, "index": 0, "user_comment_id": 2}
    assert kit.call("comment/markelect", token, named)["errcode"] == 0
    assert listing(kit, token, data_id, type=2)["comment_cnt"] == 1
    assert listing(kit, token, data_id, type=1)["comment_cnt"] == 4
    assert kit.call("comment/unmarkelect", token, named)["errcode"] == 0
    assert kit.call("comment/delete", token, named)["errcode"] == 0
    assert kit.call("comment/delete", token, named)["errcode"] == 88008
    assert listing(kit, token, data_id)["comment_cnt"] == 4


def test_a_comment_its_writer_deleted_answers_88004(discussed: Any) -> None:
    kit, token, data_id = discussed
    kit.client.post(
        "/control/crowd", json={"platform": "wechat", "item": data_id, "events": [{"kind": "delete", "parent": "c0"}]}
    )
    kit.clock.pass_(1)
    named = {"msg_data_id": data_id, "index": 0, "user_comment_id": 1, "content": "晚了"}
    assert kit.call("comment/reply/add", token, named)["errcode"] == 88004


def test_without_comment_privilege_88000_and_without_publish_right_48001(kit: Any) -> None:
    account = kit.account("wechat", may_publish=False, may_comment=False)
    token = kit.wechat_token(account)
    assert listing(kit, token, 1)["errcode"] == 88000
    assert kit.call("freepublish/submit", token, {"media_id": "x"})["errcode"] == 48001
    assert kit.call("draft/add", token, {"articles": [kit.article(token)]})["errcode"] == 88000


def test_comments_come_only_while_they_are_open(wechat: Any) -> None:
    kit, _, token = wechat
    article = kit.publish(token, need_open_comment=0)
    data_id = int(article["article_id"].rsplit("_")[-1])
    event = {
        "platform": "wechat",
        "item": data_id,
        "speed": 0,
        "events": [{"kind": "comment", "author": "甲", "text": "问"}],
    }
    kit.client.post("/control/crowd", json=event)
    assert listing(kit, token, data_id)["comment_cnt"] == 0
    assert kit.client.get("/control/crowd").get_json()["ended"] == {"comments closed": 1}
    assert kit.call("comment/open", token, {"msg_data_id": data_id})["errcode"] == 0
    kit.client.post("/control/crowd", json=event)
    assert listing(kit, token, data_id)["comment_cnt"] == 1
    assert kit.call("comment/close", token, {"msg_data_id": data_id})["errcode"] == 0
