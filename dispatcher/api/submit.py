"""Submitting: one campaign is checked, planned and stored, in one transaction or not at all."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from uuid import uuid4

from sqlalchemy.orm import Session

from dispatcher.api.actor import named, on_record
from dispatcher.api.admission import check_new, check_same, stored
from dispatcher.api.budgets import warnings_of
from dispatcher.api.departures import Departures
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.api.others import resolved
from dispatcher.api.repeats import Repeats
from dispatcher.api.screening import Screening
from dispatcher.api.spool import Spool
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.campaign_tags import other_tags
from dispatcher.campaigns.caps import Usage, caps_of, day_of
from dispatcher.campaigns.submission import RecipientInput, Submission, Submitted
from dispatcher.errors import StorageError
from dispatcher.recipients import Rejection
from dispatcher.storage import actions, caps, identity, opt_out_marks
from dispatcher.storage.campaigns import plans
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Busy, Conflict

log = logging.getLogger(__name__)
# the caller has what is logged here: without a log it is not written to the terminal, too
log.addHandler(logging.NullHandler())


def store(
    installation: Installation,
    gateways: Gateways,
    submission: Submission,
    recipients: Iterable[RecipientInput],
    reject: Callable[[Rejection], None] | None,
    *,
    enter: Callable[[Session, int], None] | None = None,
    test: bool = False,
) -> Submitted:
    """The id of the campaign, stored now or before. Raises UnusableInput or ReferenceTaken.

    ``enter`` is called in the transaction that stores it, with the id: it has been approved, or is
    a ``test``, whose people have consented. Raises NotAllowed without it where the settings ask for
    an approval.
    """
    installation.prepare()
    # first: a wrong text is refused before the gateway is asked
    intake = Intake(installation, submission, reject)
    known = stored(installation.database, submission)
    if known is None:
        check_new(installation, intake, approved=enter is not None, test=test)
    # the gateway's answer changes no stored campaign, but it may change an approved plan
    asks = submission.check_numbers and (known is None or submission.approved is not None)
    screening = Screening.of(installation, gateways.of(intake.account) if asks else None)
    batches = (intake.cut if known is None else intake.read)(recipients, screening)
    if known is None:
        try:
            entry = _Entry(installation, intake, screening, enter)
            return _added(installation, entry, batches)
        except Conflict as conflict:  # another process stored it while the list was read
            known = stored(installation.database, submission)
            if known is None:
                raise conflict from None
        except Busy:
            raise StorageError(
                f"the database was busy for too long, perhaps with another submission of"
                f" {submission.reference!r}: submit it again; nothing was stored"
            ) from None
    else:
        deque(batches, maxlen=0)  # reads them
    check_same(installation, known, intake)
    intake.plan_fingerprint()
    intake.note_contacts(installation.database, again=True)
    tags = other_tags(known.tags, submission.tags)
    said = (intake.warnings(late=0, private=private) + tags for private in (True, False))
    return Submitted.warned(known.id, *said)


def _added(installation: Installation, entry: _Entry, batches: Iterator[PlannedBatch]) -> Submitted:
    campaign_id = _add(installation.database, entry, batches)
    entry.intake.note_contacts(installation.database)
    submitted = Submitted.warned(campaign_id, entry.warnings(), entry.warnings(private=False))
    for sentence in submitted.impersonal:
        log.warning("campaign %d: %s", campaign_id, sentence)
    return submitted


def _add(database: Database, entry: _Entry, batches: Iterator[PlannedBatch]) -> int:
    reference = entry.intake.submission.reference
    entry.find_repeats(database)
    # a unique reference at first: two processes that submit the same one must not wait for each
    # other's whole list. SQLite has one writer; and who refuses repeats must not refuse itself
    alone = database.is_sqlite or entry.refuses_repeats
    first = reference if alone else f"{reference} {uuid4()}"
    if database.is_sqlite or entry.needs_whole_list:
        with Spool(batches) as spool:
            entry.intake.check()
            with database.write() as session:
                return entry.write(session, spool, reference=first)
    with database.write() as session:
        return entry.write(session, batches, reference=first)


class _Entry:
    """One campaign on its way into the database."""

    def __init__(
        self,
        installation: Installation,
        intake: Intake,
        screening: Screening,
        enter: Callable[[Session, int], None] | None,
    ) -> None:
        self.intake = intake
        self._enter = enter
        self._screening = screening
        self._departures = Departures(installation, intake)
        self._account = intake.account if intake.settings.accounts else None
        self._late = 0
        self._schedule = intake.schedule
        self._repeats = Repeats(intake.settings, intake.submission)
        self._budgets: list[str] = []

    @property
    def needs_whole_list(self) -> bool:
        """Whether the list must be read to its end before the transaction begins."""
        submission = self.intake.submission
        # no transaction waits for the gateway, and no query runs on a connection that copies rows
        at_hand = submission.at_hand and not self._screening.asks
        # the whole list may yet be refused, or is compared with what is stored
        whole = submission.strict or submission.smoothing is not None
        return not at_hand or whole or self._repeats.blocks or self._repeats.found

    @property
    def refuses_repeats(self) -> bool:
        """Whether people who get the same text from another campaign refuse this one."""
        return self._repeats.blocks

    def find_repeats(self, database: Database) -> None:
        """Find the campaigns with the same text, before the list is read."""
        with database.read() as session:
            self._repeats.find(session, self._schedule.start)

    def warnings(self, *, private: bool = True) -> list[str]:
        """What a plan says, once the campaign is stored; see ``Intake.warnings``."""
        return [
            *self.intake.warnings(late=self._late, private=private),
            *self._repeats.warnings,
            *self._screening.warnings,
            *self._budgets,
        ]

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
            others=resolved(session, submission),
            pace=intake.paced.pace if intake.paced else None,
        )
        if self._repeats.blocks or self._repeats.found:
            self._count_repeats(session, batches, campaign_id)
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
        plans.complete(
            session,
            campaign_id,
            reference=submission.reference,
            fingerprint=intake.fingerprint,
            plan_fingerprint=intake.plan_fingerprint(),
            list_hash=planner.digest,
            rows=planner.rows,
            duplicates=planner.duplicates,
            unusable=planner.reasons.total(),
        )
        self._budgets = warnings_of(session, intake)
        self._note(session, campaign_id)
        if self._enter is not None:
            self._enter(session, campaign_id)
        identity.record_first(session)
        self._late = self._departures.forecast(self._left(session)).late
        return campaign_id

    def _left(self, session: Session) -> Usage:
        """What has already left on the day on which the campaign may begin."""
        if not caps_of(self.intake.settings)[1].set:
            return Usage(0)
        return caps.left_since(session, day_of(self._schedule.start), self._account)

    def _counted(self, batches: Iterable[PlannedBatch]) -> Iterator[PlannedBatch]:
        """The same batches; the caller's ``stored`` is called after each."""
        done = 0
        for batch in batches:
            yield batch
            for part in batch.split(self.intake.submission.call_size):
                self._departures.add(part)
            done += len(batch.messages)
            self.intake.submission.stored(done, self.intake.planner.kept)

    def _count_repeats(
        self, session: Session, batches: Iterable[PlannedBatch], campaign_id: int
    ) -> None:
        """Count who gets the text from another campaign. Raises InvalidCampaign if that refuses."""
        repeats = self._repeats
        if repeats.blocks:
            repeats.lock(session)
        repeats.find(session, self._schedule.start, but=campaign_id)
        for batch, hold in self.intake.scheduled(batches):
            repeats.add(session, [phone for phone, _ in batch.messages], hold.until)
        repeats.check()

    def _note(self, session: Session, campaign_id: int) -> None:
        submission, now = self.intake.submission, self.intake.now
        who = named(submission.by)
        note = partial(actions.note, session, campaign_id, actor=who, now=now)
        reason = on_record("a reason", submission.reason)
        if not submission.commercial:
            reason = f"not commercial: {reason}"
        note(verb="submit", reason=reason)
        if self._screening.lookups is not None:
            note(verb="check numbers", reason="; ".join(self._screening.lookups.sentences()))
