"""What a spider hands to the pipeline, and why a read stopped. Plain values; nothing here reads or writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.inbox import Counts, Found


@dataclass(frozen=True)
class CopyRef:
    """A copy as a spider needs it; `remote` holds the platform's further ids from the receipt."""

    id: int
    article_id: int
    title: str
    remote_id: str
    url: str
    published_at: datetime
    ended_at: datetime | None = None
    remote: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Where this copy stands in `Source.cursor`."""
        return str(self.id)


@dataclass(frozen=True)
class Span:
    """All rows between two ids (both included) are on the page: a known row that is not was deleted."""

    copy_id: int | None  # None: rows of the whole source
    low: str
    high: str


@dataclass(frozen=True)
class Listing:
    """Every id of a copy's whole list, read from start to end in one go: a known row that is not in it was deleted."""

    copy_id: int
    ids: frozenset[str]


@dataclass(frozen=True)
class Recheck:
    """A list was walked to its end: if the platform counts more than is held, the next walk goes to the very start."""

    key: str  # where the list stands in the cursor
    copy_id: int | None
    total: int
    every_s: float


@dataclass
class Page:
    """One answer, committed as a whole: rows, deletions, counts and the cursor that is true once they are stored."""

    rows: list[tuple[CopyRef | None, Found]] = field(default_factory=list)
    span: Span | None = None
    listing: Listing | None = None
    counts: list[Counts] = field(default_factory=list)
    cursor: dict[str, Any] = field(default_factory=dict)
    recheck: Recheck | None = None


@dataclass(frozen=True)
class Gap:
    """Something that could not be read in this run, said in Chinese; becomes a coverage row."""

    copy_id: int | None
    note: str
    expected: int | None = None
    state: str = "partial"


@dataclass(frozen=True)
class Trouble:
    """Why the whole run stopped. `effect` is a core.ports.Effect or `budget`; `wait_s` before the next run."""

    effect: str
    text: str
    code: str = ""
    wait_s: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether a person has to do something; being throttled or out of budget only needs time."""
        return self.effect not in ("throttled", "budget")
