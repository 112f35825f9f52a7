"""Case numbers WZ<yyyymmdd>-<6 digits>, never the same twice on either database, and the citizen's tracking code."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from core.clock import shanghai
from core.db import insert_for
from core.models.casework import CaseCounter
from core.vault import Vault

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread on paper
CODE_LENGTH = 10  # 49 bits; the tracking page is rate limited besides
PURPOSE = "tracking"


def next_number(session: Session, now: datetime) -> str:
    """The next number of the Shanghai day; concurrent intakes queue on the counter's row until commit."""
    day = shanghai(now).strftime("%Y%m%d")
    insert = insert_for(session, CaseCounter).values(day=day, last=1)
    counted = insert.on_conflict_do_update(index_elements=["day"], set_={"last_number": CaseCounter.last + 1})
    number = session.execute(counted.returning(CaseCounter.last)).scalar_one()
    return f"WZ{day}-{number:06d}"


def new_code() -> str:
    """A fresh tracking code; shown once, kept only as a keyed hash."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def code_hash(vault: Vault, code: str) -> str:
    """Keyed hash of a code as people type it: case, spaces and hyphens do not matter."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    return vault.digest(PURPOSE, plain)
