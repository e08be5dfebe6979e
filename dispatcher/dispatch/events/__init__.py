"""Events: signals, signed callbacks, and the step that delivers them."""

from dispatcher.dispatch.events.signals import (
    budget_reached,
    campaign_finished,
    campaign_paused,
    doubt_raised,
    messages_changed,
    occurrence_blocked,
    occurrence_late,
    occurrence_skipped,
    opt_out_added,
    reply_received,
    stop_storm,
)
from dispatcher.dispatch.events.signatures import verify

__all__ = [
    "budget_reached",
    "campaign_finished",
    "campaign_paused",
    "doubt_raised",
    "messages_changed",
    "occurrence_blocked",
    "occurrence_late",
    "occurrence_skipped",
    "opt_out_added",
    "reply_received",
    "stop_storm",
    "verify",
]
