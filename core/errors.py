"""Every error the product raises on purpose, and the key of its Chinese text.

AppError
├─ RuleError                         shown to the person, HTTP 4xx
│  ├─ TransitionNotAllowed           the state table forbids it
│  ├─ NotPermitted                   the role or the person may not
│  ├─ CheckFailed(problems)          fields to fix
│  └─ StaleRevision                  somebody changed it meanwhile
├─ NotConfigured(reason)             an adapter stays out; reason on the accounts page
├─ AddressRefused                    the outbound door does not open to that address
├─ LostClaim                         a newer fence holds the row: stop, write only observations
└─ ChannelError(effect, code, platform_message, raw)
   ├─ Transient(retry_after_s) ─ Throttled     wait, then retry
   ├─ CredentialExpired                        one refresh, then the account is flagged
   ├─ Refused                                  stop; a person edits
   ├─ AccountDisabled                          pause the account, alarm
   └─ OutcomeUnknown                           reconcile; never resend
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Told(Protocol):
    """What an error needs of a problem (core.ports.Problem): its Chinese text."""

    @property
    def text(self) -> str: ...


class AppError(Exception):
    """Root of the tree. `key` finds the Chinese text in dashboards.labels; `text` is already Chinese."""

    key = "app_error"

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text


class RuleError(AppError):
    """A rule of the house said no; the person is told why and what to do."""

    key = "rule_error"


class TransitionNotAllowed(RuleError):
    """The state table has no such step."""

    key = "transition_not_allowed"


class NotPermitted(RuleError):
    """This person, or this role, may not do it."""

    key = "not_permitted"


class CheckFailed(RuleError):
    """Input or content has problems; each names its field and the fix."""

    key = "check_failed"

    def __init__(self, problems: Sequence[Told]) -> None:
        super().__init__("；".join(problem.text for problem in problems))
        self.problems: list[Any] = list(problems)


class StaleRevision(RuleError):
    """The thing was changed by somebody else since it was read."""

    key = "stale_revision"


class NotConfigured(AppError):
    """An adapter cannot work with the settings it has; `text` is the reason."""

    key = "not_configured"


class AddressRefused(AppError):
    """The outbound door refuses a private, loopback or unlisted address."""

    key = "address_refused"


class LostClaim(AppError):
    """Another worker holds a newer fence on the row; this one must stop writing it."""

    key = "lost_claim"


class ChannelError(AppError):
    """A platform answered, or failed to. `effect` is one of ports.Effect; `raw` is masked and cut."""

    key = "channel_error"

    def __init__(self, effect: str, code: str = "", platform_message: str = "", raw: str = "") -> None:
        super().__init__(platform_message)
        self.effect = effect
        self.code = code
        self.platform_message = platform_message
        self.raw = raw


class Transient(ChannelError):
    """Certainly not done and worth trying again after `retry_after_s`."""

    key = "transient"

    def __init__(
        self,
        effect: str,
        code: str = "",
        platform_message: str = "",
        raw: str = "",
        retry_after_s: float = 30,
    ) -> None:
        super().__init__(effect, code, platform_message, raw)
        self.retry_after_s = retry_after_s


class Throttled(Transient):
    """The platform asked us to slow down; nothing was done."""

    key = "throttled"


class CredentialExpired(ChannelError):
    """The token is not accepted; nothing was done."""

    key = "credential_expired"


class Refused(ChannelError):
    """The platform will not take this content; a person has to edit."""

    key = "refused"


class AccountDisabled(ChannelError):
    """The account itself may not publish; the account is paused."""

    key = "account_disabled"


class OutcomeUnknown(ChannelError):
    """Bytes went out and no answer can be trusted; reconcile, never resend."""

    key = "outcome_unknown"
