"""Submitting: one campaign is checked, planned and stored, in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from uuid import uuid4

from sqlalchemy.orm import Session

from dispatcher.api.actor import named
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.api.repeats import Repeats
from dispatcher.api.screening import Screening
from dispatcher.api.spool import Spool
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.submission import RecipientInput, Submission
from dispatcher.errors import ReferenceTaken
from dispatcher.recipients import Rejection
from dispatcher.storage import actions, identity, opt_out_marks
from dispatcher.storage.campaigns import campaigns, plans
from dispatcher.storage.campaigns.campaigns import StoredCampaign
from dispatcher.storage.database import Conflict, Database
from dispatcher.window import NeverOpen


def store(
    installation: Installation,
    gateways: Gateways,
    submission: Submission,
    recipients: Iterable[RecipientInput],
    reject: Callable[[Rejection], None] | None,
) -> int:
    """The id of the campaign, stored now or before. Raises UnusableInput or ReferenceTaken."""
    installation.prepare()
    identity.record_first(installation.database)
    # first: a wrong text is refused before the gateway is asked
    intake = Intake(installation, submission, reject)
    known = _stored(installation.database, submission)
    # the gateway's answer changes no stored campaign, but it may change an approved plan
    asks = submission.check_numbers and (known is None or submission.approved is not None)
    screening = Screening.of(installation, gateways.of(intake.account) if asks else None)
    batches = intake.cut(recipients, screening)
    if known is None:
        try:
            return _add(installation.database, _Entry(intake, screening), batches)
        except Conflict as conflict:  # another process stored it while the list was read
            known = _stored(installation.database, submission)
            if known is None:
                raise conflict from None
    else:
        _read(batches)
    if known.fingerprint != intake.fingerprint:
        raise ReferenceTaken(f"reference {submission.reference!r} was submitted with another body")
    intake.plan_fingerprint()
    return known.id


def _stored(database: Database, submission: Submission) -> StoredCampaign | None:
    with database.read() as session:
        return campaigns.stored(session, submission.reference)


def _add(database: Database, entry: _Entry, batches: Iterator[PlannedBatch]) -> int:
    reference = entry.intake.submission.reference
    if database.is_sqlite or entry.needs_whole_list:
        with Spool(batches) as spool:
            entry.intake.check()
            with database.write() as session:
                return entry.write(session, spool, reference=reference)
    try:
        with database.write() as session:
            # a unique reference: two processes that submit the same one must not wait for
            # each other's whole list
            return entry.write(session, batches, reference=f"{reference} {uuid4()}")
    except NeverOpen:
        _read(batches)  # report every rejected row
        raise


class _Entry:
    """One campaign on its way into the database."""

    def __init__(self, intake: Intake, screening: Screening) -> None:
        self.intake = intake
        self._screening = screening
        self._schedule = intake.schedule
        self._repeats = Repeats(intake.settings, intake.submission)

    @property
    def needs_whole_list(self) -> bool:
        """Whether the list must be read to its end before the transaction begins."""
        submission = self.intake.submission
        # no transaction waits for the gateway, and no query runs on a connection that copies rows
        at_hand = submission.at_hand and not self._screening.asks
        # the whole list may yet be refused
        return not at_hand or submission.strict or self._repeats.blocks

    def write(self, session: Session, batches: Iterable[PlannedBatch], *, reference: str) -> int:
        """Store the campaign, its batches and their recipients; returns its id.

        The campaign has another ``reference`` until the list is complete. Raises UnusableInput.
        """
        intake, submission, planner = self.intake, self.intake.submission, self.intake.planner
        campaign_id = plans.add_campaign(
            session,
            submission,
            reference=reference,
            now=intake.now,
            funded_to=None if intake.settings.credit_check == "off" else 0,
        )
        if self._repeats.blocks:
            self._check_repeats(session, batches, campaign_id)
        plans.add_batches(
            session,
            campaign_id,
            intake.scheduled(self._counted(batches)),
            policy=self._schedule.policy,
            prices=intake.settings.prices,
            call_size=submission.call_size,
            now=intake.now,
            handed=self._schedule.handed,
        )
        intake.check()
        intake.check_caps(opted_out=opt_out_marks.mark_planned(session, campaign_id))
        intake.plan_fingerprint()
        plans.complete(
            session,
            campaign_id,
            reference=submission.reference,
            fingerprint=intake.fingerprint,
            rows=planner.rows,
            duplicates=planner.duplicates,
            unusable=planner.reasons.total(),
        )
        self._note(session, campaign_id)
        return campaign_id

    def _counted(self, batches: Iterable[PlannedBatch]) -> Iterator[PlannedBatch]:
        """The same batches; the caller's ``stored`` is called after each."""
        done = 0
        for batch in batches:
            yield batch
            done += len(batch.messages)
            self.intake.submission.stored(done, self.intake.planner.kept)

    def _check_repeats(
        self, session: Session, batches: Iterable[PlannedBatch], campaign_id: int
    ) -> None:
        """Raise InvalidCampaign for a text that some recipients get from another campaign."""
        repeats = self._repeats
        repeats.lock(session)
        repeats.find(session, self._schedule.start, but=campaign_id)
        for batch, hold in self.intake.scheduled(batches):
            repeats.add(session, [phone for phone, _ in batch.messages], hold.until)
        repeats.check()

    def _note(self, session: Session, campaign_id: int) -> None:
        submission, now = self.intake.submission, self.intake.now
        who = named(submission.by)
        note = partial(actions.note, session, campaign_id, actor=who, now=now)
        reason = "" if submission.commercial else "not commercial: no window, no STOP mention"
        note(verb="submit", reason=reason)
        if self._screening.lookups is not None:
            note(verb="check numbers", reason="; ".join(self._screening.lookups.sentences()))


def _read(batches: Iterable[PlannedBatch]) -> None:
    for _ in batches:
        pass
