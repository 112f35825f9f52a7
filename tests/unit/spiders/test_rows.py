"""Platform rows become what the house stores: kind, parent, words, time, author."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from core.inbox import Counts
from core.models.words import MentionKind
from spiders.items import CopyRef
from spiders.sources.client_comments import move, start_after
from spiders.sources.client_comments import parse_comment as parse_client
from spiders.sources.portal_comments import parse_page
from spiders.sources.wechat_comments import parse_comment as parse_wechat
from spiders.sources.wechat_comments import place_of
from spiders.sources.weibo_comments import parse_comment
from spiders.sources.weibo_counts import parse_counts
from spiders.sources.weibo_reposts import own_words, parse_repost

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
USER = {"idstr": "1700000001", "screen_name": "张三", "location": "北京 东城区"}


def copy(copy_id: int = 1, remote_id: str = "5000000000000001", **remote: Any) -> CopyRef:
    return CopyRef(copy_id, 7, "停水通知", remote_id, "http://example.test/1", NOW, remote=remote)


def comment(**more: Any) -> dict[str, Any]:
    return {
        "id": 5000000000000011, "idstr": "5000000000000011", "rootid": 5000000000000011, "text": "什么时候恢复？",
        "created_at": "Tue Nov 24 12:00:05 +0800 2026", "user": USER, "like_count": 3, **more,
    }  # fmt: skip


def test_a_comment_on_the_post_has_no_parent() -> None:
    found = parse_comment(comment(), NOW)
    assert (found.kind, found.parent_external_id) == (MentionKind.COMMENT, "")
    assert found.posted_at == datetime(2026, 11, 24, 4, 0, 5, tzinfo=UTC)
    assert (found.author_name, found.author_key, found.place, found.likes) == ("张三", "1700000001", "北京 东城区", 3)


def test_an_answer_names_the_comment_it_answers() -> None:
    found = parse_comment(comment(reply_comment={"id": 5000000000000009, "idstr": "5000000000000009"}, rootid=1), NOW)
    assert (found.kind, found.parent_external_id) == (MentionKind.REPLY, "5000000000000009")


def test_without_the_answered_comment_the_thread_is_the_parent() -> None:
    found = parse_comment(comment(rootid=5000000000000003), NOW)
    assert (found.kind, found.parent_external_id) == (MentionKind.REPLY, "5000000000000003")


def test_a_time_that_makes_no_sense_does_not_lose_the_row() -> None:
    assert parse_comment(comment(created_at="刚刚"), NOW).posted_at == NOW


def repost(**more: Any) -> dict[str, Any]:
    return {**comment(), "text": "转发微博", "retweeted_status": {"id": 5000000000000001}, **more}


def test_a_repost_without_words_of_its_own_has_no_text() -> None:
    assert [own_words(text) for text in ("转发微博", "Repost", "", "//@李四:太慢了", "// @李四：太慢了")] == [""] * 5
    assert own_words("支持！//@李四:太慢了//@王五:看看") == "支持！"
    assert own_words("见 http://example.test/a") == "见 http://example.test/a"


def test_a_repost_of_a_repost_names_it_and_a_direct_one_names_nothing() -> None:
    chained = parse_repost(repost(pid=5000000000000008), NOW)
    direct = parse_repost(repost(), NOW)
    from_post = parse_repost(repost(pid="5000000000000001"), NOW)
    assert chained is not None
    assert direct is not None
    assert from_post is not None
    assert chained.parent_external_id == "5000000000000008"
    assert direct.parent_external_id == ""
    assert from_post.parent_external_id == ""
    assert chained.kind == MentionKind.REPOST


def test_the_stub_of_a_deleted_repost_is_no_mention() -> None:
    assert parse_repost(repost(deleted="1", text="此微博已被原作者删除。"), NOW) is None


def test_a_post_left_out_of_the_counts_is_gone() -> None:
    rows = [{"id": 5000000000000001, "comments": 4, "reposts": 2, "attitudes": 9}]
    told = parse_counts(rows, [copy(1), copy(2, "5000000000000002")])
    assert told == [Counts(1, likes=9, comments=4, reposts=2), Counts(2, exists=False)]


def test_a_wechat_comment_is_known_by_message_index_and_number() -> None:
    place = place_of(copy(msg_data_id=2650177668))
    found = parse_wechat({"user_comment_id": 5, "create_time": 1795521600, "content": "收到"}, place)
    assert found.external_id == "2650177668:0:5"
    assert (found.author_key, found.text) == ("", "收到")
    assert found.posted_at == datetime.fromtimestamp(1795521600, UTC)


def test_our_answer_inside_a_wechat_comment_is_not_read_as_a_mention() -> None:
    row = {"user_comment_id": 5, "create_time": 1795521600, "content": "收到", "openid": "o1"}
    for answer in ({"content": "谢谢"}, [{"content": "谢谢"}]):
        assert parse_wechat({**row, "reply": answer}, ("1", 0)).text == "收到"


PAGE = """<ol>
<li class="comment" data-id="12" data-parent="" data-author="赵六" data-time="2026-11-24T12:00:00+08:00" data-likes="2"
 data-state="accepted"><p class="text">水压还是<b>很低</b></p></li>
<li class="comment reply" data-id="13" data-parent="12" data-author="钱七" data-time="2026-11-24T04:01:00+00:00"
 data-likes="" data-state="pending"><p class="text">同感 &lt;3</p></li>
<li class="notice">没有更多了</li></ol>"""


def test_comments_are_read_from_the_site_s_html() -> None:
    first, second = parse_page(PAGE, copy())
    assert (first.external_id, first.kind, first.text, first.likes) == ("12", MentionKind.COMMENT, "水压还是很低", 2)
    assert first.posted_at == NOW
    assert not first.hidden
    assert (second.parent_external_id, second.kind, second.text) == ("12", MentionKind.REPLY, "同感 <3")
    assert second.hidden


def client_row(number: int, state: str = "accepted") -> dict[str, Any]:
    return {
        "id": number, "parent": None, "author": "孙八", "text": "好", "posted_at": "2026-11-24T04:00:00+00:00",
        "state": state, "likes": 0,
    }  # fmt: skip


def test_reading_the_feed_begins_at_the_oldest_comment_that_waits() -> None:
    rows = [parse_client(client_row(501, "pending"), copy()), parse_client(client_row(900), copy())]
    state = move({}, 0, rows)
    assert (state["after"], state["undecided"]) == (900, [501])
    assert start_after(state) == 500
    decided = move(state, 500, [parse_client(client_row(501), copy()), parse_client(client_row(900), copy())])
    assert decided["undecided"] == []
    assert start_after(decided) == 700


def test_a_rejected_comment_that_left_the_feed_is_no_longer_waited_for() -> None:
    state = {"after": 900, "undecided": [501, 950]}
    assert move(state, 500, [parse_client(client_row(900), copy())])["undecided"] == [950]
