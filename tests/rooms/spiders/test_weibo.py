"""Weibo through the sandbox: comments, reposts and counts as they really stand there."""

from __future__ import annotations

from typing import Any


def test_comments_come_in_once_with_their_parents(office: Any) -> None:
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
    assert office.crawl("weibo_comments").added == 0
    assert len(office.mentions()) == 3
