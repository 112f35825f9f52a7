"""Named duties held by one worker at a time (值守), e.g. `scheduler`; taken over by the same rule as claimed rows."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.claims.holders import Holder
from core.claims.watch import end_process, end_worker
from core.db import Database
from core.models import Lease, Worker


def hold_lease(db: Database, holder: Holder, name: str) -> bool:
    """Hold or take the duty `name`; True while this holder has it. Call it again and again.

    A duty of another worker is taken only when that worker ended, or when its fence and heartbeat were seen unchanged
    for `lease_s` by this holder; on one machine the old process is ended first.
    """
    if holder.lost:
        return False
    lease, owner = _read(db, name)
    if lease is None:
        return _found(db, holder, name)
    if lease.worker_id == holder.id:
        return True
    if owner is not None and owner.ended_at is None:
        if not holder.watch.expired(("lease", name), (lease.fence, owner.id, owner.counter)):
            return False
        end_process(owner.host, owner.pid, owner.pid_started)
    return _take(db, holder, lease, owner)


def release_lease(db: Database, holder: Holder, name: str) -> None:
    """Give the duty back, so that the next one need not wait."""
    with db.write() as session:
        session.execute(
            update(Lease)
            .where(Lease.name == name, Lease.worker_id == holder.id)
            .values(worker_id=None, fence=Lease.fence + 1)
            .execution_options(synchronize_session=False)
        )


def _read(db: Database, name: str) -> tuple[Lease | None, Worker | None]:
    with db.read() as session:
        lease = session.get(Lease, name)
        owner = session.get(Worker, lease.worker_id) if lease and lease.worker_id else None
        session.expunge_all()
    return lease, owner


def _found(db: Database, holder: Holder, name: str) -> bool:
    """First holder ever; two that try at once: one inserts, the other loses."""
    try:
        with db.write() as session:
            session.add(Lease(name=name, worker_id=holder.id, fence=1, held_at=holder.clock.now()))
    except IntegrityError:
        return False
    return True


def _take(db: Database, holder: Holder, lease: Lease, owner: Worker | None) -> bool:
    with db.write() as session:
        if owner is not None and not _still(session, owner):
            return False
        result = session.execute(
            update(Lease)
            .where(Lease.name == lease.name, Lease.fence == lease.fence)
            .values(worker_id=holder.id, fence=lease.fence + 1, held_at=holder.clock.now())
            .execution_options(synchronize_session=False)
        )
        assert isinstance(result, CursorResult)
        taken = result.rowcount == 1
        if taken and owner is not None:
            end_worker(session, owner.id, holder.clock.now())
    return taken


def _still(session: Session, owner: Worker) -> bool:
    """True when the owner has not beaten since it was read."""
    counter = session.execute(
        select(Worker.counter).where(Worker.id == owner.id).with_for_update()
    ).scalar_one_or_none()
    return counter == owner.counter
