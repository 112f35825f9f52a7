"""Scores new mentions: sentiment, terms, counts by time of posting, search index. Writes only monitors' own tables.

Killing it anywhere and running it twice change no count: everything counted is written in the one transaction that
also marks the mention as scored, and marking it is what claims it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, TypeVar

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import runtime
from core.db import insert_for
from core.house import House
from core.models import Mention, MentionScore, MentionTerm, TermCount, TermState
from core.models.words import Sentiment
from core.ports import Score, Scorer
from monitors import text as reading
from monitors.detection.merging import ITEM_MARK

BIN_S = 900
CHUNK = 400  # values of one IN list; SQLite's oldest limit is 999
Item = TypeVar("Item")


@dataclass(frozen=True)
class Scored:
    """One mention worked out outside any transaction."""

    mention_id: int
    bin_at: datetime
    score: Score
    terms: tuple[str, ...]


def bin_start(at: datetime, bin_s: int = BIN_S) -> datetime:
    """The start of the bin that holds `at`; bins are aligned to the epoch."""
    return datetime.fromtimestamp(int(at.timestamp()) // bin_s * bin_s, UTC)


def item_terms(article_id: int | None) -> tuple[str, ...]:
    """The item a mention stands under, counted like a term so that its whole stir has a series."""
    return () if article_id is None else (f"{ITEM_MARK}{article_id}",)


def score_new(house: House, scorer: Scorer, limit: int = 500) -> int:
    """Score up to `limit` mentions nobody has scored, oldest first; returns how many this call counted.

    Safe beside another process doing the same: each mention is counted by the one that marks it.
    """
    with house.db.read() as session:
        reading.use_words(runtime.value_of(session, runtime.WORDS)["words"])
        rows = list(
            session.execute(
                select(Mention.id, Mention.text, Mention.posted_at, Mention.article_id)
                .where(Mention.scored_at.is_(None))
                .order_by(Mention.id)
                .limit(limit)
            )
        )
    if not rows:
        return 0
    own = [reading.own_words(row.text) for row in rows]
    scores = scorer.score_many(own)
    work = [
        Scored(row.id, bin_start(row.posted_at), score, (*reading.terms_of(text), *item_terms(row.article_id)))
        for row, text, score in zip(rows, own, scores, strict=True)
    ]
    _index(house, rows)
    with house.db.write() as session:
        return _store(session, work, house.clock.now())


def newest_mention(house: House) -> int:
    """The highest id there is, 0 without mentions."""
    with house.db.read() as session:
        return session.scalar(select(func.max(Mention.id))) or 0


def index_again(house: House, after_id: int, until_id: int, limit: int) -> tuple[int, int]:
    """Put up to `limit` mentions with after_id < id <= until_id into the index, lowest first: (last id done, rows put).

    For an index that is new: mentions scored later are put there by `score_new`.
    """
    inside = select(Mention.id, Mention.text).where(Mention.id > after_id, Mention.id <= until_id)
    with house.db.read() as session:
        rows = session.execute(inside.order_by(Mention.id).limit(limit)).all()
    _index(house, rows)
    return rows[-1].id if len(rows) == limit else until_id, len(rows)


def _index(house: House, rows: Sequence[Any]) -> None:
    """Rows with `id` and `text`."""
    house.index.put("mention", [(row.id, reading.clean(row.text)) for row in rows])


def _store(session: Session, work: list[Scored], now: datetime) -> int:
    claimed: set[int] = set()
    for ids in chunks([row.mention_id for row in work]):
        marked = update(Mention).where(Mention.id.in_(ids), Mention.scored_at.is_(None)).values(scored_at=now)
        claimed |= set(session.scalars(marked.returning(Mention.id)))
    mine = [row for row in work if row.mention_id in claimed]
    _insert(session, MentionScore, [_score_row(row, now) for row in mine])
    _insert(session, MentionTerm, [{"mention_id": row.mention_id, "term": term} for row in mine for term in row.terms])
    _count(session, mine)
    _forget_states(session, mine)
    return len(mine)


def _score_row(row: Scored, now: datetime) -> dict[str, Any]:
    score = row.score
    return {
        "mention_id": row.mention_id,
        "version": score.version,
        "label": str(score.label),
        "value": score.value,
        "scored_at": now,
    }


def _insert(session: Session, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert_for(session, model.__table__).on_conflict_do_nothing(), rows)


def _count(session: Session, work: list[Scored]) -> None:
    total: Counter[tuple[datetime, str]] = Counter()
    negative: Counter[tuple[datetime, str]] = Counter()
    for row in work:
        for term in row.terms:
            total[row.bin_at, term] += 1
            negative[row.bin_at, term] += row.score.label == Sentiment.NEGATIVE
    rows = [
        {"bin_at": key[0], "term": key[1], "total": count, "negative": negative[key]}
        for key, count in sorted(total.items())  # one order for all, or two writers could deadlock on PostgreSQL
    ]
    if not rows:
        return
    insert = insert_for(session, TermCount.__table__)
    added = {
        "total": TermCount.__table__.c.total + insert.excluded.total,
        "negative": TermCount.__table__.c.negative + insert.excluded.negative,
    }
    session.execute(insert.on_conflict_do_update(index_elements=["bin_at", "term"], set_=added), rows)


def _forget_states(session: Session, work: list[Scored]) -> None:
    """A late arrival changes a bin the detector has already learned: its checkpoint goes, the series is replayed."""
    first: dict[str, datetime] = {}
    for row in work:
        for term in row.terms:
            first[term] = min(first.get(term, row.bin_at), row.bin_at)
    for terms in chunks(sorted(first)):
        states = session.execute(select(TermState.term, TermState.bin_at).where(TermState.term.in_(terms)))
        late = [term for term, bin_at in states if first[term] < bin_at]
        if late:
            session.execute(delete(TermState).where(TermState.term.in_(late)))


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in order, in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class UnreadableLine(ValueError):
    """A line of the input is not what it should be; the text, in Chinese, names the line."""


def score_lines(source: IO[str], sink: IO[str], scorer: Scorer, batch: int = 500) -> int:
    """Score JSON lines {"id", "text"} to JSON lines {"id", "label", "value", "version"}, in order; returns how many.

    A scorer that knows the `probabilities` of the labels adds them, and `unsure` when no label is likelier than not.

    Raises UnreadableLine with the line's number (Chinese text) when a line is not such an object.
    """
    done = 0
    rows: list[tuple[object, str]] = []
    for number, line in enumerate(source, 1):
        if line.strip():
            rows.append(_row(number, line))
        if len(rows) >= batch:
            done += _write_scores(rows, sink, scorer)
            rows = []
    return done + _write_scores(rows, sink, scorer)


def _row(number: int, line: str) -> tuple[object, str]:
    try:
        row = json.loads(line)
        text = row["text"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableLine(f'第 {number} 行不是 {{"id", "text"}} 形式的 JSON') from error
    if text is not None and not isinstance(text, str):
        raise UnreadableLine(f"第 {number} 行的 text 不是文字")
    return row.get("id"), text or ""


def _write_scores(rows: list[tuple[object, str]], sink: IO[str], scorer: Scorer) -> int:
    scores = scorer.score_many([text for _id, text in rows])
    for (row_id, _text), score in zip(rows, scores, strict=True):
        line: dict[str, object] = {"id": row_id, "label": str(score.label), "value": score.value}
        if score.probabilities is not None:
            line["probabilities"] = {label: round(chance, 4) for label, chance in score.probabilities.items()}
        line["version"] = score.version
        if score.unsure:
            line["unsure"] = True
        sink.write(json.dumps(line, ensure_ascii=False) + "\n")
    return len(rows)
