"""Logging in: who may try, how often, and what a failure costs. Writes the failures; knows no page.

Three limits hold within a sliding quarter of an hour. One name from one address: 5 failures. One address, whatever the
names: 20. One name from anywhere: 20, but an address this person has logged in from before goes on: a stranger who
guesses, from however many machines, cannot keep somebody out of their own office. A refused attempt is not counted, so
no limit lengthens itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core import audit
from core.audit import Actor
from core.house import House
from core.http.addresses import address_key
from core.models import Audit, LoginFailure, Person
from dashboards.passwords import NOBODY, verify

WINDOW = timedelta(minutes=15)
PAIR_MOST, ADDRESS_MOST, NAME_MOST = 5, 20, 20
KEPT = timedelta(days=1)
STRANGER = "未登录"


@dataclass(frozen=True)
class Attempt:
    """What somebody typed, and the address they came from."""

    username: str
    password: str
    address: str


@dataclass(frozen=True)
class Answer:
    """The person who is in; or nobody, and how long to wait when it was tried too often (0: just wrong)."""

    person: Person | None
    wait_s: float = 0.0


@dataclass(frozen=True)
class _Try:
    """An attempt as it is counted: the name as a keyed digest, since people type passwords into the wrong field."""

    name_digest: str
    address: str
    person_id: int | None


def sign_in(house: House, attempt: Attempt, now: datetime) -> Answer:
    """Let a person in when name and password fit, the account is open and no limit is reached.

    Unknown names take as long and are counted like known ones. The hash is verified outside any transaction; the limits
    are asked again before anybody is let in, so that many attempts at once gain nothing.
    """
    username = attempt.username.strip().lower()
    with house.db.read() as session:
        person = session.scalar(select(Person).where(Person.username == username))
        one = _counted(house, attempt, username, person)
        wait = _wait(session, one, now)
    if wait:
        return Answer(None, wait.total_seconds())
    stored = person.password_hash if person else NOBODY
    fits = verify(stored, attempt.password)
    with house.db.write() as session:
        fresh = session.get(Person, one.person_id or 0, with_for_update=True)
        if fits and _is_open(fresh, stored) and not _wait(session, one, now):
            return Answer(_welcome(session, one, fresh, now))
        return Answer(None, _fail(session, one, fresh, now).total_seconds())


def _counted(house: House, attempt: Attempt, username: str, person: Person | None) -> _Try:
    digest = house.vault.digest("login name", username)
    return _Try(digest, address_key(attempt.address), person.id if person else None)


def _is_open(person: Person | None, stored: str) -> TypeGuard[Person]:
    """Whether the person may come in, and the password that was verified is still the one that counts."""
    return person is not None and person.active and person.password_hash == stored


def troubled(session: Session, now: datetime) -> set[int]:
    """Ids of the persons whose name was typed with a wrong password five times or more in the last quarter hour."""
    query = select(LoginFailure.person_id).where(LoginFailure.at > now - WINDOW, LoginFailure.person_id.is_not(None))
    counted = query.group_by(LoginFailure.person_id).having(func.count() >= PAIR_MOST)
    return {person_id for person_id in session.scalars(counted) if person_id is not None}


def forgive(session: Session, person_id: int) -> None:
    """Forget the failures of one person's name: an administrator gave a new password."""
    session.execute(delete(LoginFailure).where(LoginFailure.person_id == person_id))


def _wait(session: Session, one: _Try, now: datetime) -> timedelta:
    """How long until the next attempt is taken; zero when it is taken now."""
    name, place = LoginFailure.name_digest == one.name_digest, LoginFailure.address == one.address
    waits = [_full(session, (name, place), PAIR_MOST, now), _full(session, (place,), ADDRESS_MOST, now)]
    if not _has_been_here(session, one):
        waits.append(_full(session, (name,), NAME_MOST, now))
    return max(waits)


def _full(session: Session, where: tuple[ColumnElement[bool], ...], most: int, now: datetime) -> timedelta:
    """Until the `most`-th newest failure leaves the window; zero when there are fewer."""
    query = select(LoginFailure.at).where(*where, LoginFailure.at > now - WINDOW).order_by(LoginFailure.at.desc())
    newest = list(session.scalars(query.limit(most)))
    return newest[-1] + WINDOW - now if len(newest) == most else timedelta()


def _has_been_here(session: Session, one: _Try) -> bool:
    """Whether the trail holds a login of this person from this address."""
    before = select(Audit.id).where(
        Audit.subject_type == "person", Audit.subject_id == str(one.person_id or 0), Audit.action == "person.signed_in",
        Audit.address == one.address,
    )  # fmt: skip
    return session.scalar(before.limit(1)) is not None


def _fail(session: Session, one: _Try, person: Person | None, now: datetime) -> timedelta:
    """Count a failure and write it down; how long this attempt's kind now has to wait. Old failures go."""
    session.execute(delete(LoginFailure).where(LoginFailure.at < now - KEPT))
    session.add(LoginFailure(at=now, name_digest=one.name_digest, address=one.address, person_id=one.person_id))
    session.flush()
    who = Actor(person.id, person.display_name, person.roles, one.address) if person else _stranger(one)
    subject = ("person", person.id) if person else ("address", one.address)
    audit.record(session, who, "person.sign_in_failed", *subject)
    wait = _wait(session, one, now)
    if wait:
        minutes = -(-int(wait.total_seconds()) // 60)
        audit.record(session, who, "person.locked", *subject, minutes=minutes)
    return wait


def _welcome(session: Session, one: _Try, person: Person, now: datetime) -> Person:
    mine = (LoginFailure.name_digest == one.name_digest, LoginFailure.address == one.address)
    session.execute(delete(LoginFailure).where(*mine))
    person.last_login_at = now
    actor = Actor(person.id, person.display_name, person.roles, one.address)
    audit.record(session, actor, "person.signed_in", "person", person.id)
    return person


def _stranger(one: _Try) -> Actor:
    return Actor(None, STRANGER, frozenset(), one.address)
