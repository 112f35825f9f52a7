"""Where everything collected enters: each mention once by (source, external id), people hashed, numbers masked.

Written on behalf of the spiders; `seen` and the mention are always written in one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.clock import shanghai
from core.db import insert_for
from core.models import Coverage, Mention, Seen, Snapshot
from core.models.words import CoverageState, MentionKind
from core.vault import Vault

BATCH = 500
MOBILE = re.compile(r"(?<!\d)((?:(?:\+|00)?86[- ]?)?[1１][3-9３-９]\d)([- ]?)(\d{4})([- ]?)(\d{4})(?!\d)")
CARD = re.compile(r"(?<!\d)(\d{3})\d{13}(\d)([\dXx])(?![\dA-Za-z])")
MAIL = re.compile(r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CARD_CHECKS = "10X98765432"


@dataclass(frozen=True)
class Found:
    """One comment, answer, repost or message as read; `author_key` is what the platform calls the person."""

    kind: str
    external_id: str
    parent_external_id: str
    author_name: str
    author_key: str
    text: str
    url: str
    posted_at: datetime
    likes: int = 0
    place: str = ""
    hidden: bool = False
    demo: bool = False


@dataclass(frozen=True)
class Put:
    """What a `put` did: rows added, rows known before, and how many of the known ones had changed."""

    added: int = 0
    known: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Origin:
    """Where something was found: a source, and the copy and item it stands under, if any."""

    source_id: int
    copy_id: int | None = None
    article_id: int | None = None


@dataclass(frozen=True)
class Counts:
    """The platform's own counts of one copy: None where it tells none, `exists` False where the copy is gone."""

    copy_id: int
    likes: int | None = None
    comments: int | None = None
    reposts: int | None = None
    reads: int | None = None
    exists: bool = True


@dataclass(frozen=True)
class Covered:
    """What one crawl could and could not read between two instants; `note` is Chinese."""

    source_id: int
    copy_id: int | None
    since_at: datetime
    until_at: datetime
    state: str
    expected: int | None = None
    received: int = 0
    note: str = ""


def put(session: Session, origin: Origin, found: Iterable[Found], now: datetime, vault: Vault) -> Put:
    """Store what was found, exactly once by (source, external id); of known rows, likes, text and hidden follow.

    A changed text loses `scored_at`, so that it is scored again. Rows are taken in the order of their external ids:
    two processes that store the same ones wait for each other instead of blocking each other for good.
    """
    latest = {each.external_id: each for each in found}
    ordered = iter(sorted(latest.values(), key=lambda each: each.external_id))
    source_id, total = origin.source_id, Put()
    while batch := list(islice(ordered, BATCH)):
        ready = [_protect(each, vault) for each in batch]
        fresh = _reserve(session, source_id, [each.external_id for each in ready])
        rows = [_mention(each, origin, now) for each in ready if each.external_id in fresh]
        _store(session, source_id, rows)
        changed = _refresh(session, source_id, [each for each in ready if each.external_id not in fresh], now)
        total = Put(total.added + len(rows), total.known + len(ready) - len(rows), total.changed + changed)
    return total


def mark_deleted(session: Session, source_id: int, external_ids: Iterable[str], now: datetime) -> int:
    """The platform no longer shows these; how many were there until now."""
    gone = update(Mention).where(
        Mention.id.in_(
            select(Seen.mention_id).where(Seen.source_id == source_id, Seen.external_id.in_(list(external_ids)))
        ),
        Mention.deleted_at.is_(None),
    )
    return len(session.execute(gone.values(deleted_at=now).returning(Mention.id)).all())


def snapshot(session: Session, counts: Counts, now: datetime) -> Snapshot:
    """Append the counts of one copy."""
    row = Snapshot(month=_month(now), at=now, **asdict(counts))
    session.add(row)
    return row


def cover(session: Session, covered: Covered) -> Coverage:
    """Append what was covered. ValueError for a state that is no CoverageState."""
    row = Coverage(**{**asdict(covered), "state": CoverageState(covered.state).value})
    session.add(row)
    return row


def mask(text: str) -> str:
    """The text with mobile numbers, identity-card numbers and e-mail addresses made unreadable."""
    text = CARD.sub(_mask_card, text)
    text = MOBILE.sub(r"\1\2****\4\5", text)
    return MAIL.sub(r"\1***@\2", text)


def _mask_card(match: re.Match[str]) -> str:
    """18 digits are masked as they stand; with the letter X only if the check character is right (GB 11643)."""
    number = match.group(0)
    if number[-1] in "Xx":
        total = sum(int(digit) * weight for digit, weight in zip(number, CARD_WEIGHTS, strict=False))
        if CARD_CHECKS[total % 11] != "X":
            return number
    return f"{match.group(1)}{'*' * 13}{match.group(2)}{match.group(3)}"


def _protect(each: Found, vault: Vault) -> Found:
    """The same thing with its author hashed and what must not be kept masked. NUL cannot be stored in PostgreSQL."""
    return replace(
        each,
        kind=MentionKind(each.kind).value,
        author_key=vault.digest("author", each.author_key) if each.author_key else "",
        author_name=mask(each.author_name.replace("\0", "")),
        text=mask(each.text.replace("\0", "")),
    )


def _reserve(session: Session, source_id: int, external_ids: list[str]) -> set[str]:
    """Write the ids nobody has written yet; exactly one transaction gets each of them back."""
    rows = [{"source_id": source_id, "external_id": each, "mention_id": 0} for each in external_ids]
    insert = insert_for(session, Seen).values(rows).on_conflict_do_nothing()
    return set(session.scalars(insert.returning(Seen.external_id)))


def _store(session: Session, source_id: int, rows: list[Mention]) -> None:
    if not rows:
        return
    session.add_all(rows)
    session.flush()
    session.execute(
        update(Seen),
        [{"source_id": source_id, "external_id": row.external_id, "mention_id": row.id} for row in rows],
    )


def _mention(each: Found, origin: Origin, now: datetime) -> Mention:
    return Mention(
        month=_month(each.posted_at),
        source_id=origin.source_id,
        copy_id=origin.copy_id,
        article_id=origin.article_id,
        kind=each.kind,
        external_id=each.external_id,
        parent_external_id=each.parent_external_id,
        author_hash=each.author_key,
        author_name=each.author_name,
        text=each.text,
        url=each.url,
        likes=each.likes,
        place=each.place,
        hidden=each.hidden,
        demo=each.demo,
        posted_at=each.posted_at,
        collected_at=now,
        last_seen_at=now,
    )


def _refresh(session: Session, source_id: int, known: list[Found], now: datetime) -> int:
    """Bring known rows up to date; how many had changed."""
    latest = {each.external_id: each for each in known}
    query = (
        select(Mention)
        .join(Seen, Seen.mention_id == Mention.id)
        .where(Seen.source_id == source_id, Seen.external_id.in_(latest))
        .order_by(Mention.id)
        .with_for_update(of=Mention)
    )
    return sum(_follow(row, latest[row.external_id], now) for row in session.scalars(query)) if known else 0


def _follow(row: Mention, each: Found, now: datetime) -> bool:
    row.last_seen_at = now
    if row.text != each.text:
        row.scored_at = None
    new = dict(_differences(row, each))
    for name, value in new.items():
        setattr(row, name, value)
    return bool(new)


def _differences(row: Mention, each: Found) -> Iterator[tuple[str, object]]:
    """Columns that follow the platform, and those that were empty and are now told."""
    for name in ("text", "likes", "hidden"):
        if getattr(row, name) != getattr(each, name):
            yield name, getattr(each, name)
    for name in ("parent_external_id", "url", "place"):
        if not getattr(row, name) and getattr(each, name):
            yield name, getattr(each, name)
    if row.deleted_at is not None:
        yield "deleted_at", None


def _month(at: datetime) -> str:
    return shanghai(at).strftime("%Y-%m")
