"""All tables. Each names the one room that writes it; any room may read. Data only, no rules."""

from core.models.articles import (
    Account,
    Article,
    Media,
    Payload,
    Release,
    ReviewStep,
    Revision,
    Upload,
    Variant,
)
from core.models.base import Base, Instant, utc_now
from core.models.casework import Case, CaseEvent, CommentDecision
from core.models.collecting import Coverage, CrawlRun, Mention, Seen, Snapshot, Source
from core.models.deliveries import Copy, CopyEvent, Delivery, FeedEntry, Freeze, Observation, Step
from core.models.opinion import (
    Alert,
    AlertSend,
    Brief,
    Evidence,
    Issue,
    MentionScore,
    MentionTerm,
    TermCount,
    TermState,
)
from core.models.people import LoginFailure, Person, RoleGrant
from core.models.plumbing import (
    Alarm,
    Audit,
    BudgetUse,
    CallbackEvent,
    JobRun,
    Lease,
    Setting,
    Token,
    Worker,
)
from core.models.portal import ItemLike, SiteComment

__all__ = [
    "Account", "Alarm", "Alert", "AlertSend", "Article", "Audit", "Base", "Brief", "BudgetUse", "CallbackEvent",
    "Case", "CaseEvent", "CommentDecision", "Copy", "CopyEvent", "Coverage", "CrawlRun", "Delivery", "Evidence",
    "FeedEntry", "Freeze", "Instant", "Issue", "ItemLike", "JobRun", "Lease", "LoginFailure", "Media", "Mention",
    "MentionScore", "MentionTerm",
    "Observation", "Payload", "Person", "Release", "ReviewStep", "Revision", "RoleGrant", "Seen", "Setting",
    "SiteComment", "Snapshot", "Source", "Step", "TermCount", "TermState", "Token", "Upload", "Variant", "Worker",
    "utc_now",
]  # fmt: skip
