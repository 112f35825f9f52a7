"""The delivery ledger: plan, claim, deliver, look after, withdraw. What is live is what was approved, once."""

from publisher.delivery.callbacks import handle_callbacks
from publisher.delivery.duty import DutyFigures, Finding, audit, figures
from publisher.delivery.freezing import calls_out, freezes, lift_freeze, press_freeze
from publisher.delivery.gates import ensure_scopes
from publisher.delivery.lookout import Lookout, end_look, look
from publisher.delivery.people import Verdict, cancel, decide_unknown, resume_held, retry_refused
from publisher.delivery.planning import plan, publish_again, withdraw
from publisher.delivery.worker import Worker

__all__ = [
    "DutyFigures", "Finding", "Lookout", "Verdict", "Worker", "audit", "calls_out", "cancel", "decide_unknown",
    "end_look", "ensure_scopes", "figures", "freezes", "handle_callbacks", "lift_freeze", "look", "plan",
    "press_freeze", "publish_again", "resume_held", "retry_refused", "withdraw",
]  # fmt: skip
