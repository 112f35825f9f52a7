"""The ports: what an adapter must look like, each on a card. Pure types, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

Json = dict[str, Any]


class Severity(StrEnum):
    """How hard a problem stands in the way: it blocks, a person confirms, or it only warns."""

    BLOCK = "block"
    CONFIRM = "confirm"
    WARN = "warn"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field, in Chinese, with the fix in the text."""

    field: str
    text: str
    severity: Severity = Severity.BLOCK
    code: str = ""
    channel: str = ""


class Effect(StrEnum):
    """What a remote call did (ledger §4)."""

    DONE = "done"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    THROTTLED = "throttled"
    CREDENTIAL = "credential"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class Reconcile(StrEnum):
    """How a channel finds out whether an uncertain call took effect."""

    OWN = "own"  # our own file or row: simply do it again
    LIST = "list"  # the platform's list of our items
    KEY = "key"  # asked of by the stored native key; a resend with it inside its window makes no second copy
    ASK = "ask"  # a person looks


# --- publishing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Content:
    """What an article's revision says to one account: the input of `check` and `render`."""

    article_id: int
    revision_id: int
    kind: str  # article | reply
    title: str
    summary: str
    body_html: str  # sanitised; pictures as <img src="media:<sha256>" alt="...">
    body_text: str
    source: str
    author: str
    keywords: str
    column: str
    cover_sha256: str
    media_types: Mapping[str, str] = field(default_factory=dict)  # sha256 -> mime type
    media_sizes: Mapping[str, int] = field(default_factory=dict)  # sha256 -> bytes
    canonical_link: str = ""
    variant_text: str = ""  # the editor's own words for this channel; empty means made from the article
    answers: Json = field(default_factory=dict)  # for a reply: platform ids of the thing answered


@dataclass(frozen=True)
class Payload:
    """A template with slots `{"$slot": "media", "sha256": …}` etc. and the digest of its canonical JSON."""

    template: Json
    digest: str


@dataclass(frozen=True)
class Key:
    """Who is asking: the delivery and copy a remote call belongs to, and all that finding it again may need."""

    delivery_id: int
    copy_id: int
    attempt: int  # once-only calls of this delivery that reached the platform or may have, absent ones included
    mark: str  # what we can find again on the platform: the canonical link with ?c=<copy id>
    link: str = ""  # the canonical link itself
    article_id: int = 0
    native: str = ""  # the platform's own key, committed with the intent
    memory: Json = field(default_factory=dict)  # what `Journal.remember` kept
    earlier: tuple[str, ...] = ()  # platform ids of our items that were live before the intent
    gone: tuple[str, ...] = ()  # those of them that were taken down before it: a list that shows one is stale


@dataclass(frozen=True)
class Receipt:
    """What the platform said it did. `state` is sent (accepted, waits) or confirmed (live) or refused."""

    state: str
    remote_id: str = ""
    url: str = ""
    data: Json = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Absent:
    """The list read reaches back before the intent and the copy is not in it; `evidence` is kept."""

    evidence: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Undecided:
    """Nobody can say yet; `reason` is Chinese and shown to the person who may have to decide."""

    reason: str
    evidence: Json = field(default_factory=dict)
    again_s: float = 0  # past the settle time: when another look-up may tell more; 0: as the ledger's schedule says


@dataclass(frozen=True)
class Live:
    """The copy as it stands on the platform now."""

    text: str
    url: str = ""
    data: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Gone:
    """The copy is not there any more; `by` is us, platform or unknown."""

    by: str = "unknown"
    reason: str = ""


class Journal(Protocol):
    """The ledger's pen, handed to an adapter for one delivery. Every remote call goes through it."""

    def repeatable(self, name: str, call: Callable[[], Any]) -> Any:
        """Run a step that may be done again; what went wrong is written down."""

    def once(self, name: str, call: Callable[[], Any], native_key: str = "") -> Any:
        """Commit the step's intent, then call, then commit the result.

        The intent re-reads fence, freeze, window and waiting withdrawal; the call has one total deadline.
        """

    def media(self, sha256: str) -> bytes:
        """The bytes of a picture; checked against the digest."""

    def media_type(self, sha256: str) -> str:
        """Its MIME type."""

    def uploaded(self, kind: str, sha256: str, upload: Callable[[], Json]) -> Json:
        """The platform's answer for this picture, uploaded once per account, kind and digest."""

    def remember(self, name: str, value: Json) -> None:
        """Keep something the adapter needs after a crash (a draft's media_id)."""

    def recall(self, name: str) -> Json | None:
        """What `remember` kept for this delivery, from any earlier attempt."""

    def published_at(self) -> datetime:
        """The server-set instant of the first public step, fixed once asked for; checks like a once-intent."""


class Channel(Protocol):
    """One account on one platform. Raises only core.errors.ChannelError kinds and NotConfigured."""

    kind: ClassVar[str]
    limits: ClassVar[Mapping[str, int]]
    reconcile: ClassVar[Reconcile]
    settle_s: ClassVar[float]
    can_correct: ClassVar[bool]
    can_withdraw: ClassVar[bool]
    publishes_later: ClassVar[bool]
    once_steps: ClassVar[frozenset[str]]
    repeatable_steps: ClassVar[frozenset[str]]
    list_window: ClassVar[int]  # how many of our newest items the platform lists; 0: all of them
    list_reads: ClassVar[int]  # look-ups an uncertain call may cost; 0: as many as it takes
    tend_s: ClassVar[float]  # seconds between two calls of `tend`; 0: never

    def check(self, content: Content) -> list[Problem]: ...

    def render(self, content: Content) -> Payload: ...

    def publish(self, payload: Payload, key: Key, journal: Journal) -> Receipt: ...

    def find(self, key: Key, payload: Payload, since: datetime) -> Receipt | Absent | Undecided: ...

    def poll(self, receipt: Receipt) -> Receipt: ...

    def correct(self, payload: Payload, key: Key, live: Receipt, journal: Journal) -> Receipt: ...

    def withdraw(self, live: Receipt, key: Key, journal: Journal) -> Receipt: ...

    def reply(self, payload: Payload, key: Key, journal: Journal) -> Receipt: ...

    def read_live(self, receipt: Receipt) -> Live | Gone | Undecided: ...

    def tend(self) -> int: ...


@runtime_checkable
class HearsEvents(Protocol):
    """A channel whose platform calls back."""

    def read_event(self, kind: str, fields: Json, known: Json) -> Receipt | None:
        """The receipt in an event; None for events that say nothing about publishing."""


# --- understanding ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """Sentiment of one text: `value` is the probability of positive against negative, 0..1, or None without text.

    A scorer that knows them gives the `probabilities` of the three labels and says when it is `unsure` between them.
    """

    label: str  # positive | negative | neutral | no_text
    value: float | None
    version: str
    probabilities: Mapping[str, float] | None = None
    unsure: bool = False


@runtime_checkable
class Scorer(Protocol):
    """Scores texts; `version` is stored with every score."""

    version: str

    def score_many(self, texts: Sequence[str]) -> list[Score]: ...


@dataclass(frozen=True)
class Hit:
    """One found row with its rank (higher is better)."""

    kind: str
    row_id: int
    rank: float


class SearchIndex(Protocol):
    """Full text over jieba tokens. kinds: mention, article, case."""

    def put(self, kind: str, rows: Iterable[tuple[int, str]]) -> None: ...

    def remove(self, kind: str, row_ids: Iterable[int]) -> None: ...

    def query(self, text: str, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0) -> list[Hit]: ...

    def aggregate(self, text: str, kinds: Sequence[str] = ()) -> dict[str, int]: ...

    def note(self, name: str, value: int) -> None:
        """Keep a number with the index, such as how far it has been filled; it is lost when the index is."""

    def noted(self, name: str) -> int | None: ...

    def ping(self) -> bool: ...


@dataclass(frozen=True)
class Message:
    """An alert as a notifier sends it to `target`; `key` stays the same when it must be sent again."""

    subject: str
    body: str
    link: str = ""
    target: str = ""
    key: str = ""


class Notifier(Protocol):
    """Sends one message; raises ChannelError kinds."""

    kind: ClassVar[str]

    def send(self, message: Message) -> Receipt: ...
