"""Items and messages come into the search index, changed ones again, late ones too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from casework import intake
from core.audit import Actor
from core.house import House
from core.inbox import Found, Origin, put
from core.models import Article, Case, Mention, Source
from monitors.scoring import score_new
from monitors.sentiment import SnowScorer
from publisher import authoring
from publisher.authoring import Draft
from scheduler import indexing
from scheduler.indexing import BATCH, Indexer


def write(house: House, editor: Actor, title: str, body: str = "<p>正文。</p>", back_s: float = 0) -> int:
    now = house.clock.now() - timedelta(seconds=back_s)
    with house.db.write() as session:
        return authoring.create_article(session, editor, Draft(title, body_html=body), "http://127.0.0.1", now).id


def hits(house: House, words: str, kind: str) -> list[int]:
    return [hit.row_id for hit in house.index.query(words, kinds=(kind,))]


def test_an_item_is_found_by_its_text_and_a_message_by_its_number(house: House, people: Callable[..., Actor]) -> None:
    article_id = write(house, people("bianji", "editor"), "供水通告", "<p>青禾苑<b>停水</b>检修。</p>")
    message = intake.Incoming("portal", "m1", "暖气不热", "室内只有十五度。")
    with house.db.write() as session:
        case = intake.accept_message(session, Actor.system("portal"), message, house.vault, house.clock.now()).case
    indexer = Indexer()
    assert indexer.run(house) == 2
    assert hits(house, "停水检修", "article") == [article_id]
    assert hits(house, case.number, "case") == [case.id]
    assert hits(house, "十五度", "case") == [case.id]
    assert indexer.run(house) == 0


def test_a_changed_item_is_indexed_again_and_a_late_one_is_not_missed(
    house: House, people: Callable[..., Actor]
) -> None:
    editor, indexer = people("bianji", "editor"), Indexer()
    first = write(house, editor, "供水通告")
    indexer.run(house)
    late = write(house, editor, "供电通告", back_s=60)  # its transaction ended after the newer one's
    with house.db.write() as session:
        version = session.get_one(Article, first).version
        authoring.save_revision(session, editor, first, version, Draft("供暖通告"), house.clock.now())
    assert indexer.run(house) == 2
    assert hits(house, "供电", "article") == [late]
    assert hits(house, "供暖", "article") == [first]
    assert hits(house, "供水", "article") == []


def test_many_rows_come_in_batches_although_they_share_one_instant(house: House) -> None:
    now = house.clock.now()
    with house.db.write() as session:
        session.add_all(
            Case(number=f"WZ{number}", title="留言", text="内容", channel="portal", external_id=f"m{number}",
                 tracking_hash="", received_at=now)
            for number in range(BATCH + 5)
        )  # fmt: skip
    indexer = Indexer()
    assert [indexer.run(house) for _ in range(3)] == [BATCH, 5, 0]


def comments(house: House, *texts: str) -> list[int]:
    """Collected and not yet scored, by id."""
    at = house.clock.now()
    with house.db.write() as session:
        source = session.scalar(select(Source)) or Source(name="评论", spider="portal_comments")
        session.add(source)
        session.flush()
        before = session.scalar(select(func.count()).select_from(Mention)) or 0
        found = [Found("comment", f"{before + n}", "", "a", "a", text, "", at) for n, text in enumerate(texts)]
        put(session, Origin(source.id, None, None), found, at, house.vault)
        return list(session.scalars(select(Mention.id).order_by(Mention.id)))[-len(texts) :]


def test_a_deleted_index_is_filled_again_while_the_process_runs(house: House, people: Callable[..., Actor]) -> None:
    article_id = write(house, people("bianji", "editor"), "供水通告")
    [mention_id] = comments(house, "自来水发黄")
    indexer = Indexer()
    indexer.run(house)
    house.settings.search_path.unlink()
    assert hits(house, "供水", "article") == []
    assert indexer.run(house) == 2
    assert hits(house, "供水", "article") == [article_id]
    assert hits(house, "发黄", "mention") == [mention_id]
    assert indexer.run(house) == 0


def test_mentions_come_back_in_portions_and_a_new_process_goes_on_where_the_last_one_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "PORTION", 2)
    ids = comments(house, *(f"第{number}户没有水" for number in range(5)))
    assert Indexer().run(house) == 2
    assert hits(house, "没有水", "mention") == ids[:2][::-1]
    late = comments(house, "也没有水")  # found after the index began: scoring brings it in, not the filling
    assert [Indexer().run(house) for _ in range(4)] == [2, 1, 0, 0]
    assert sorted(hits(house, "没有水", "mention")) == ids
    score_new(house, SnowScorer())
    assert sorted(hits(house, "没有水", "mention")) == ids + late


def test_an_index_that_is_whole_is_not_filled_again(house: House) -> None:
    Indexer().run(house)
    comments(house, "自来水发黄")
    score_new(house, SnowScorer())
    house.index.remove("mention", [1])
    assert Indexer().run(house) == 0
    assert hits(house, "发黄", "mention") == []
