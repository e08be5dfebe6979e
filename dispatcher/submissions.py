"""Submitting: one campaign is checked, planned and stored, in one transaction or not at all."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from dispatcher.clock import Clock
from dispatcher.errors import NotFound, ReferenceTaken
from dispatcher.guards import check_campaign, load_of
from dispatcher.plan import approve
from dispatcher.planner import PlannedBatch, Planner
from dispatcher.recipients import Rejection
from dispatcher.repeats import Repeats
from dispatcher.schedule import Schedule
from dispatcher.settings import Settings
from dispatcher.spool import Spool
from dispatcher.states import CampaignState
from dispatcher.storage import campaigns, left_out, plans
from dispatcher.storage.database import Conflict, Database
from dispatcher.storage.tables import Campaign
from dispatcher.submission import PRIORITIES, Given, Submission, listed
from dispatcher.window import Hold, Windows


class Submissions:
    """Stores campaigns."""

    def __init__(
        self, settings: Settings, database: Database, windows: Windows, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._windows = windows
        self._clock = clock

    def store(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
    ) -> int:
        """The id of the campaign, stored now or before. Raises UnusableInput or ReferenceTaken."""
        planner = submission.planner(self._settings, reject)
        with self._database.read() as session:
            known = _lookup(session, submission.reference)
        if known is None:
            try:
                return self._add(submission, planner, recipients, self._clock())
            except Conflict:  # somebody else was quicker, while the list was read
                with self._database.read() as session:
                    known = campaigns.find(session, submission.reference)
        else:
            for _ in planner.cut(listed(recipients)):
                pass
        fingerprint = submission.fingerprint(planner.digest)
        if known.fingerprint != fingerprint:
            raise ReferenceTaken(
                f"reference {submission.reference!r} was submitted with another body"
            )
        approve(submission.approved, fingerprint, planner, self._settings.prices)
        return known.id

    def _add(
        self,
        submission: Submission,
        planner: Planner,
        recipients: Iterable[Given],
        now: datetime,
    ) -> int:
        schedule = Schedule(submission, self._windows, now)
        campaign = Campaign(
            reference=submission.reference,
            fingerprint="",
            text=submission.text,
            sender=submission.sender,
            commercial=submission.commercial,
            not_before=submission.not_before,
            not_after=submission.not_after,
            priority=PRIORITIES[submission.priority],
            state=CampaignState.RUNNING,
            created_at=now,
            funded_to=None if self._settings.credit_check == "off" else 0,
        )
        with (
            Spool(planner.cut(listed(recipients))) as batches,
            self._database.write() as session,
        ):
            planner.check(strict=submission.strict)
            schedule.check(planner.territories)
            session.add(campaign)
            session.flush()
            self._refuse_repeats(session, campaign, submission, schedule.each(batches))
            plans.add_batches(
                session,
                campaign.id,
                schedule.each(batches),
                rule=schedule.rule,
                prices=self._settings.prices,
            )
            texted = planner.kept - left_out.mark_planned(session, campaign.id)
            check_campaign(self._settings, load_of(texted, planner.billed, self._settings.prices))
            campaign.fingerprint = submission.fingerprint(planner.digest)
            approve(submission.approved, campaign.fingerprint, planner, self._settings.prices)
            campaign.rows = planner.rows
            campaign.duplicates = planner.duplicates
            campaign.unusable = planner.reasons.total()
            reason = "" if submission.commercial else "not commercial: no window, no STOP mention"
            who = submission.by or actor()
            campaigns.note(session, campaign.id, verb="submit", actor=who, now=now, reason=reason)
        return campaign.id

    def _refuse_repeats(
        self,
        session: Session,
        campaign: Campaign,
        submission: Submission,
        batches: Iterable[tuple[PlannedBatch, Hold]],
    ) -> None:
        """Raise InvalidCampaign for a text that goes to the same people again, if that is asked."""
        repeats = Repeats(self._settings, submission)
        if not repeats.refused:
            return
        repeats.lock(session)
        repeats.look(session, campaign.not_before or campaign.created_at, but=campaign.id)
        for batch, hold in batches:
            repeats.add(session, [phone for phone, _ in batch.messages], hold.until)
        repeats.check()


def actor() -> str:
    """Who does something, as the record of actions names them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user name
        return "unknown"


def _lookup(session: Session, reference: str) -> Campaign | None:
    try:
        return campaigns.find(session, reference)
    except NotFound:
        return None
