"""Whether a campaign may be stored at all: its reason, its approval, its source of consents."""

from __future__ import annotations

from dispatcher.api.actor import on_record
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign, NotAllowed
from dispatcher.settings import Settings
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.campaigns.campaigns import StoredCampaign
from dispatcher.storage.database import Database


def stored(database: Database, submission: Submission) -> StoredCampaign | None:
    """The campaign that has its reference, if there is one."""
    with database.read() as session:
        return campaigns.stored(session, submission.reference)


def check_beforehand(installation: Installation, submission: Submission) -> None:
    """Raise what can be found before the list is read. Raises UnusableInput, NotAllowed."""
    intake = Intake(installation, submission, None)
    try:
        check_approval(installation.settings)
        intake.check_consent()
    except (InvalidCampaign, NotAllowed):
        if stored(installation.database, submission) is None:
            raise


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
