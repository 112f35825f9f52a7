"""Weibo through the sandbox: comments, reposts and counts as they really stand there."""

from __future__ import annotations

from sqlalchemy import select

from core.models import Snapshot
from tests.rooms.spiders.office import Office, Open, Start


def texts(office: Office) -> list[str]:
    """Words of everything collected, sorted."""
    return sorted(row.text for row in office.mentions())


def test_comments_come_in_once_with_their_parents(office: Office) -> None:
    office.open_weibo()
    copy_id, status = office.post_weibo()
    office.platform.play(
        "weibo", status,
        {"kind": "comment", "author": "张三", "text": "什么时候恢复供水？", "ref": "a"},
        {"kind": "reply", "author": "李四", "text": "回复@张三:我也想问", "ref": "b", "parent": "a"},
        {"kind": "comment", "author": "王五", "text": "收到", "ref": "c"},
    )  # fmt: skip
    run = office.crawl("weibo_comments")
    assert (run.state, run.added, run.note) == ("done", 3, "")
    truth = {row["ref"]: str(row["id"]) for row in office.platform.rows(status)}
    held = {row.external_id: row for row in office.mentions()}
    assert set(held) == set(truth.values())
    answer = held[truth["b"]]
    assert (answer.kind, answer.parent_external_id, answer.copy_id) == ("reply", truth["a"], copy_id)
    assert held[truth["a"]].author_hash not in ("", "张三")
    assert office.crawl("weibo_comments").added == 0
    assert len(office.mentions()) == 3


def test_a_long_list_is_read_page_by_page_and_then_only_its_top(office: Office) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play_rows(status, "comment", range(450))
    first = office.crawl("weibo_comments")
    assert (first.added, first.requests) == (450, 3)
    office.platform.play_rows(status, "comment", range(450, 460))
    second = office.crawl("weibo_comments")
    assert (second.added, second.requests, second.received) == (10, 1, 109)
    assert texts(office) == sorted(f"第{n}条" for n in range(460))
    assert [row.state for row in office.coverage()] == ["complete", "complete"]


def test_reposts_keep_their_parents_and_stay_without_words_when_they_have_none(office: Office) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play(
        "weibo", status,
        {"kind": "repost", "author": "张三", "text": "扩散", "ref": "a"},
        {"kind": "repost", "author": "李四", "text": "转发微博", "ref": "b", "parent": "a"},
        {"kind": "repost", "author": "王五", "text": "", "ref": "c", "parent": "b"},
    )  # fmt: skip
    office.crawl("weibo_reposts")
    truth = {row["ref"]: str(row["id"]) for row in office.platform.rows(status)}
    held = {row.external_id: (row.kind, row.parent_external_id, row.text) for row in office.mentions()}
    assert held == {
        truth["a"]: ("repost", "", "扩散"),
        truth["b"]: ("repost", truth["a"], ""),
        truth["c"]: ("repost", truth["b"], ""),
    }


def test_a_deleted_comment_is_marked_and_not_forgotten(office: Office) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play(
        "weibo", status, *({"kind": "comment", "author": "张三", "text": word, "ref": word} for word in "甲乙丙")
    )
    office.crawl("weibo_comments")
    office.platform.play("weibo", status, {"kind": "delete", "parent": "乙"})
    office.crawl("weibo_comments")
    assert {row.text: row.deleted_at is not None for row in office.mentions()} == {"甲": False, "乙": True, "丙": False}


def test_the_same_holds_on_postgresql(start_platform: Start, open_office: Open, postgres_database_url: str) -> None:
    office = open_office(start_platform(), database_url=postgres_database_url)
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play_rows(status, "comment", range(230))
    assert office.crawl("weibo_comments").added == 230
    office.platform.play("weibo", status, {"kind": "delete", "parent": "comment225"})
    office.platform.play("weibo", status, {"kind": "comment", "author": "张三", "text": "新的"})
    assert office.crawl("weibo_comments").added == 1
    assert [row.text for row in office.mentions() if row.deleted_at] == ["第225条"]
    assert [row.state for row in office.coverage()] == ["complete", "complete"]


def test_the_office_s_own_answers_are_no_public_opinion(office: Office) -> None:
    office.open_weibo()
    _copy, status = office.post_weibo()
    office.platform.play("weibo", status, {"kind": "comment", "author": "张三", "text": "停到几点？", "ref": "a"})
    form = {"access_token": office.tokens["weibo"], "comment": "预计今晚八点恢复", "id": status, "rip": "1.1.1.1"}
    office.platform.call("/2/comments/create.json", form, form=True)
    office.crawl("weibo_comments")
    assert texts(office) == ["停到几点？"]


def test_counts_become_snapshots_and_a_deleted_post_is_noticed(office: Office) -> None:
    office.open_weibo()
    (kept, status), (lost, gone) = office.post_weibo("甲"), office.post_weibo("乙")
    office.platform.play(
        "weibo", status, {"kind": "like"}, {"kind": "like"}, {"kind": "comment", "author": "张三", "text": "好"}
    )
    assert office.crawl("weibo_counts").requests == 1
    office.platform.call("/control/remove", {"platform": "weibo", "item": gone})
    office.crawl("weibo_counts")
    with office.house.db.read() as session:
        rows = [
            (row.copy_id, row.likes, row.comments, row.exists)
            for row in session.scalars(select(Snapshot).order_by(Snapshot.id))
        ]
    assert sorted(rows[:2]) == [(kept, 2, 1, True), (lost, 0, 0, True)]
    assert rows[2:] == [(lost, None, None, False)], "unchanged counts are not written again"


def test_a_post_that_is_gone_is_left_out_with_a_note_and_the_others_are_read(office: Office) -> None:
    office.open_weibo()
    (_kept, status), (lost, gone) = office.post_weibo("甲"), office.post_weibo("乙")
    office.platform.play("weibo", status, {"kind": "comment", "author": "张三", "text": "好"})
    office.platform.call("/control/remove", {"platform": "weibo", "item": gone})
    run = office.crawl("weibo_comments")
    assert (run.state, run.added) == ("done", 1)
    assert "不存在" in run.note
    assert [(row.copy_id, row.state) for row in office.coverage()] == [(lost, "skipped"), (None, "complete")]


def test_comments_under_posts_from_elsewhere_come_in_without_a_copy_when_requests_are_few(
    start_platform: Start, open_office: Open
) -> None:
    office = open_office(start_platform("ordinary"))
    office.open_weibo(requests_a_day=None)
    copy_id, status = office.post_weibo()
    form = {"access_token": office.tokens["weibo"], "status": "外发 http://127.0.0.1/x", "rip": "1.1.1.1"}
    foreign = office.platform.call("/2/statuses/share.json", form, form=True)["idstr"]
    for item in (status, foreign):
        office.platform.play("weibo", item, {"kind": "comment", "author": "张三", "text": f"评{item}"})
    run = office.crawl("weibo_comments")
    assert run.requests == 1, "one request covers every post"
    assert {row.text: row.copy_id for row in office.mentions()} == {f"评{status}": copy_id, f"评{foreign}": None}
