"""Scoring new mentions: exactly once, whatever dies or runs beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core import runtime
from core.audit import Actor
from core.models import Mention, MentionScore, MentionTerm, TermCount, TermState
from core.ports import Score
from monitors import scoring
from monitors.scoring import score_lines, score_new
from tests.rooms.monitors.conftest import Town, WordScorer


class Killed(Exception):
    """The process dies here."""


def counts(town: Town) -> dict[str, tuple[int, int]]:
    with town.house.db.read() as session:
        rows = session.execute(
            select(TermCount.term, func.sum(TermCount.total), func.sum(TermCount.negative)).group_by(TermCount.term)
        )
        return {term: (int(total), int(negative)) for term, total, negative in rows if not term.startswith("#")}


def how_many(town: Town, model: Any) -> int:
    with town.house.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_every_mention_is_scored_once_and_counted_by_term(either_town: Town) -> None:
    town = either_town
    town.say("停水太差", town.clock.now())
    town.say("停水，服务还好", town.clock.now())
    town.say("", town.clock.now())
    assert score_new(town.house, WordScorer()) == 3
    assert score_new(town.house, WordScorer()) == 0
    assert counts(town)["停水"] == (2, 1)
    assert how_many(town, MentionScore) == 3
    with town.house.db.read() as session:
        empty = session.scalars(select(MentionScore).where(MentionScore.label == "no_text")).one()
        assert empty.value is None
        assert session.scalars(select(Mention).where(Mention.scored_at.is_(None))).all() == []


def test_a_kill_between_scoring_and_writing_loses_and_doubles_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.say("停水太差", town.clock.now())

    def die(*_arguments: object) -> int:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "_store", die)
        with pytest.raises(Killed):
            score_new(town.house, WordScorer())
    assert counts(town) == {}
    assert score_new(town.house, WordScorer()) == 1
    assert counts(town)["停水"] == (1, 1)


def test_a_kill_in_the_middle_of_writing_leaves_nothing_half_written(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.say("停水太差", town.clock.now())

    def die(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "_forget_states", die)
        with pytest.raises(Killed):
            score_new(town.house, WordScorer())
    assert how_many(town, MentionScore) == how_many(town, MentionTerm) == how_many(town, TermCount) == 0
    assert score_new(town.house, WordScorer()) == 1
    assert counts(town)["停水"] == (1, 1)


def test_two_scorers_at_once_count_a_mention_once(either_town: Town) -> None:
    town = either_town
    town.say("停水太差", town.clock.now())

    class Slow(WordScorer):
        """While this one works another process does the same mention."""

        def score_many(self, texts: Sequence[str]) -> list[Score]:
            assert score_new(town.house, WordScorer()) == 1
            return super().score_many(texts)

    assert score_new(town.house, Slow()) == 0
    assert counts(town)["停水"] == (1, 1)


def test_a_late_arrival_is_counted_when_it_was_posted_and_voids_the_checkpoint(town: Town) -> None:
    posted = town.clock.now() - timedelta(days=2, minutes=4)
    with town.house.db.write() as session:
        for term in ("停水", "车位"):
            session.add(TermState(detector="d", term=term, bin_at=town.clock.now(), state={}))
    town.say("停水", posted)
    town.score()
    with town.house.db.read() as session:
        assert session.scalars(select(TermCount.bin_at).where(TermCount.term == "停水")).all() == [
            scoring.bin_start(posted)
        ]
        assert session.scalars(select(TermState.term)).all() == ["车位"]


def test_scored_mentions_can_be_searched(town: Town) -> None:
    town.say("青禾苑又停水了", town.clock.now())
    town.score()
    assert [hit.row_id for hit in town.house.index.query("停水", ["mention"])] == [1]


def test_the_offices_own_words_are_read_from_the_settings(town: Town) -> None:
    with town.house.db.write() as session:
        runtime.store(session, Actor.system("test"), runtime.WORDS, {"words": ["柳溪里东门泵房"]}, town.clock.now())
    town.say("柳溪里东门泵房太吵", town.clock.now())
    town.score()
    assert "柳溪里东门泵房" in counts(town)


def test_the_quoted_chain_is_not_the_authors_opinion(town: Town) -> None:
    town.say("还好//@某人:服务太差", town.clock.now(), kind="repost")
    town.score()
    with town.house.db.read() as session:
        assert session.scalars(select(MentionScore.label)).one() == "positive"


def test_lines_of_json_are_scored_in_order() -> None:
    source = io.StringIO('{"id": 7, "text": "太差"}\n\n{"id": "b", "text": ""}\n')
    sink = io.StringIO()
    assert score_lines(source, sink, WordScorer(), batch=1) == 2
    rows = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert rows == [
        {"id": 7, "label": "negative", "value": 0.1, "version": "words-1"},
        {"id": "b", "label": "no_text", "value": None, "version": "words-1"},
    ]


@pytest.mark.parametrize("line", ["{", "[1]", '{"id": 1}', '{"text": 5}'])
def test_a_line_that_is_no_such_object_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="第 2 行"):
        score_lines(io.StringIO('{"id": 1, "text": "a"}\n' + line), io.StringIO(), WordScorer())


class SureScorer:
    """Knows the probabilities of its labels, and when none stands out."""

    version = "sure-1"

    def score_many(self, texts: Sequence[str]) -> list[Score]:
        chances = {"negative": 0.4, "neutral": 0.35, "positive": 0.25}
        return [Score("negative", 0.38, self.version, chances, unsure=True) for _text in texts]


def test_probabilities_and_doubt_are_written_where_the_scorer_knows_them() -> None:
    sink = io.StringIO()
    score_lines(io.StringIO('{"id": 1, "text": "停水"}\n'), sink, SureScorer())
    row = json.loads(sink.getvalue())
    assert list(row) == ["id", "label", "value", "probabilities", "version", "unsure"]
    assert row["probabilities"] == {"negative": 0.4, "neutral": 0.35, "positive": 0.25}
    assert row["unsure"] is True
