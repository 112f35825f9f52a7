"""The closed word lists of the tables. Every member has a Chinese label in dashboards.labels (a test compares)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; one person may hold several."""

    EDITOR = "editor"
    REVIEWER1 = "reviewer1"
    REVIEWER2 = "reviewer2"
    REVIEWER3 = "reviewer3"
    PUBLISHER = "publisher"
    ANALYST = "analyst"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"


class ArticleState(StrEnum):
    """Where an article stands on its way to release; what is live is told by its copies."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class ArticleKind(StrEnum):
    """An item of its own, or an answer to somebody's comment."""

    ARTICLE = "article"
    REPLY = "reply"


class Decision(StrEnum):
    """What a reviewer said."""

    APPROVE = "approve"
    RETURN = "return"


class ChannelKind(StrEnum):
    """The four channels of the main road."""

    WEBSITE = "website"
    WEIBO = "weibo"
    WECHAT = "wechat"
    CLIENT = "client"


class Operation(StrEnum):
    """What a delivery does to a copy."""

    PUBLISH = "publish"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    REPLY = "reply"


class DeliveryState(StrEnum):
    """The ledger's states (docs/ARCHITECTURE.md)."""

    PLANNED = "planned"
    HELD = "held"
    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class LatePolicy(StrEnum):
    """What happens to an item whose window has passed."""

    HOLD = "hold"
    SEND = "send"


class CopyState(StrEnum):
    """What is live of an article on an account."""

    EXPECTED = "expected"
    LIVE = "live"
    WITHDRAWN = "withdrawn"
    GONE = "gone"
    NEVER = "never"


class CopyEventKind(StrEnum):
    """What happened to a copy after it was live."""

    LIVE = "live"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"
    BANNED = "banned"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    RESIDUAL = "residual"


class MentionKind(StrEnum):
    """What somebody did under or about an item."""

    COMMENT = "comment"
    REPLY = "reply"
    REPOST = "repost"
    MESSAGE = "message"


class Sentiment(StrEnum):
    """Label of a score; `no_text` is never an opinion."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    NO_TEXT = "no_text"


class IssueState(StrEnum):
    """Life of an issue on the main road."""

    FOUND = "found"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    CLOSED = "closed"


class Level(StrEnum):
    """Alert levels, lowest first."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class AlertReason(StrEnum):
    """Why an alert is sent now."""

    FIRST = "first"
    WORSE = "worse"
    REPEAT = "repeat"
    SUBSIDED = "subsided"
    RELAPSED = "relapsed"


class SendState(StrEnum):
    """An alert message to one receiver."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class CaseState(StrEnum):
    """Life of a citizen's message on the main road."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CLOSED = "closed"


class CommentState(StrEnum):
    """A site comment before and after a person looked at it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class CoverageState(StrEnum):
    """How complete a crawl of a source was."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class RunState(StrEnum):
    """A job's or crawl's run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


class AlarmLevel(StrEnum):
    """How loud an alarm is."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"
