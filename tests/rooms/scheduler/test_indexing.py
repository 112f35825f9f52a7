"""Items and messages come into the search index, changed ones again, late ones too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from casework import intake
from core.audit import Actor
from core.house import House
from core.models import Article, Case
from publisher import authoring
from publisher.authoring import Draft
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


def test_a_new_process_heals_a_deleted_index(house: House, people: Callable[..., Actor]) -> None:
    article_id = write(house, people("bianji", "editor"), "供水通告")
    Indexer().run(house)
    house.settings.search_path.unlink()
    assert hits(house, "供水", "article") == []
    Indexer().run(house)
    assert hits(house, "供水", "article") == [article_id]
