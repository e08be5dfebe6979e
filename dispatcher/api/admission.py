"""Whether a campaign may be stored at all: its reason, and its approval."""

from __future__ import annotations

from dispatcher.api.actor import on_record
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign, NotAllowed
from dispatcher.settings import Settings


def check_reason(submission: Submission) -> None:
    """Raise InvalidCampaign if nobody says why a campaign is not commercial."""
    if not on_record("a reason", submission.reason) and not submission.commercial:
        raise InvalidCampaign(
            "a campaign that is not commercial skips the window and the STOP mention: give a"
            ' reason, such as reason="delivery notice" (--reason in the shell); it goes on record'
        )


def check_approval(settings: Settings) -> None:
    """Raise NotAllowed where only what somebody else has approved may be stored."""
    if settings.approval == "required":
        raise NotAllowed(
            "DISPATCHER_APPROVAL=required: write it as a draft (dispatcher drafts write), and have"
            " somebody else approve it"
        )
