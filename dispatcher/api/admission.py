"""Whether a campaign may be stored at all: its reason, its approval, its source of consents."""

from __future__ import annotations

from dispatcher.api.actor import on_record
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.api.others import check_circle, resolved
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign, NotAllowed, ReferenceTaken
from dispatcher.settings import Settings
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.campaigns.campaigns import StoredCampaign
from dispatcher.storage.database import Database


def stored(database: Database, submission: Submission) -> StoredCampaign | None:
    """The campaign that has its reference, if there is one."""
    with database.read() as session:
        return campaigns.stored(session, submission.reference)


def check_new(
    installation: Installation, intake: Intake, *, approved: bool, test: bool = False
) -> None:
    """Raise what forbids to store a campaign that is not stored. Raises UnusableInput, NotAllowed.

    ``approved`` ones need no approval, and the people of a ``test`` have consented.
    """
    if not approved:
        check_approval(installation.settings)
    check_reason(intake.submission)
    if not test:
        intake.check_consent()
    intake.schedule.check_smoothing()
    check_others(installation, intake.submission)  # and again in the transaction that stores it


def check_beforehand(installation: Installation, submission: Submission) -> None:
    """Raise what can be found before the list is read. Raises UnusableInput, NotAllowed."""
    intake = Intake(installation, submission, None)
    try:
        check_approval(installation.settings)
        intake.check_consent()
        intake.schedule.check_smoothing()
        check_others(installation, submission)
    except (InvalidCampaign, NotAllowed):
        if stored(installation.database, submission) is None:
            raise


def check_others(installation: Installation, submission: Submission) -> None:
    """Raise InvalidCampaign if a campaign that it names is none that can be named."""
    if submission.others:
        with installation.database.read() as session:
            resolved(session, submission)


def check_same(installation: Installation, known: StoredCampaign, intake: Intake) -> None:
    """Raise ReferenceTaken unless what is stored is what was submitted; the list is read.

    Raises InvalidCampaign if the reason is that campaigns name each other.
    """
    if known.fingerprint == intake.fingerprint:
        return
    if intake.submission.others:
        with installation.database.read() as session:
            check_circle(session, intake.submission)
    other = f"account {known.account!r}" if known.account else "the default account"
    how = "with another body" if known.account == intake.account else f"through {other}"
    raise ReferenceTaken(f"reference {intake.submission.reference!r} was submitted {how}")


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
