"""Submitting: one campaign is checked, planned and stored, in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from uuid import uuid4

from sqlalchemy.orm import Session

from dispatcher.api.actor import actor
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.repeats import Repeats
from dispatcher.api.screening import Screen
from dispatcher.api.spool import Spool
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import check_campaign, usage_of
from dispatcher.campaigns.plan import approve
from dispatcher.campaigns.planner import Planner
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.submission import Given, Submission, listed
from dispatcher.dispatch.hints import Hints
from dispatcher.errors import ReferenceTaken
from dispatcher.recipients import Recipient, Rejection
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import actions
from dispatcher.storage import opt_out_marks as left_out
from dispatcher.storage.campaigns import campaigns, plans
from dispatcher.storage.database import Conflict
from dispatcher.window import NeverOpen, Windows


class Submissions:
    """Stores campaigns."""

    def __init__(self, installation: Installation, gateways: Gateways, hints: Hints) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._database = installation.database
        self._windows = installation.windows
        self._clock = installation.clock
        self._gateway = gateways.of
        self._hints = hints

    def store(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
    ) -> int:
        """The id of the campaign, stored now or before. Raises UnusableInput or ReferenceTaken."""
        self._installation.prepare()
        campaign_id = self._store(submission, recipients, reject)
        self._hints.tick()
        return campaign_id

    def _store(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        reject: Callable[[Rejection], None] | None,
    ) -> int:
        # first, for a wrong text is told before anybody is asked
        planner = submission.planner(self._settings, reject)
        with self._database.read() as session:
            known = campaigns.stored(session, submission.reference)
        # what is stored already is the same whatever the gateway says; what was approved is not
        asks = submission.check_numbers and (known is None or submission.approved is not None)
        gateway = self._gateway(submission.account or DEFAULT) if asks else None
        screen = Screen.of(self._settings, self._database, self._clock(), gateway)
        planner.refused = screen.refused
        rows = screen.rows(listed(recipients))
        if known is None:
            try:
                return self._add(submission, planner, rows, screen, self._clock())
            except Conflict as conflict:  # somebody else was quicker, while the list was read
                with self._database.read() as session:
                    known = campaigns.stored(session, submission.reference)
                if known is None:
                    raise conflict from None
        else:
            for _ in planner.cut(rows):
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
        rows: Iterable[Recipient],
        screen: Screen,
        now: datetime,
    ) -> int:
        settings = self._settings.of_account(submission.account or DEFAULT)
        entry = _Entry(settings, submission, planner, screen, self._windows, now)
        batches = planner.cut(rows)
        # no transaction waits for the gateway, and no query runs on a connection that stores people
        at_hand = submission.at_hand and not screen.asks
        if at_hand and not self._database.is_sqlite and not entry.often_refused:
            # two who submit the same at once shall not wait for each other's whole list
            unique = f"{submission.reference} {uuid4()}"
            try:
                with self._database.write() as session:
                    return entry.write(session, batches, reference=unique)
            except NeverOpen:
                for _ in batches:  # whoever is left out is told
                    pass
                raise
        else:
            with Spool(batches) as spool:
                entry.check()
                with self._database.write() as session:
                    return entry.write(session, spool, reference=submission.reference)


class _Entry:
    """One campaign on its way into the database."""

    def __init__(
        self,
        settings: Settings,
        submission: Submission,
        planner: Planner,
        screen: Screen,
        windows: Windows,
        now: datetime,
    ) -> None:
        self._settings = settings
        self._submission = submission
        self._planner = planner
        self._screen = screen
        self._now = now
        self._schedule = Schedule(submission, windows, now)
        self._repeats = Repeats(settings, submission)

    @property
    def often_refused(self) -> bool:
        """Whether the whole list has to be known before anything is worth writing."""
        return self._submission.strict or self._repeats.refused

    def check(self) -> None:
        """Raise InvalidCampaign, when all is read, if that cannot be sent as it was asked for."""
        self._planner.check(strict=self._submission.strict)
        self._schedule.check(self._planner.territories)

    def write(self, session: Session, batches: Iterable[PlannedBatch], *, reference: str) -> int:
        """Store the campaign, its batches and their people. Raises UnusableInput.

        Until all is stored it has another ``reference``. Returns its id.
        """
        submission, planner = self._submission, self._planner
        prices = self._settings.prices
        campaign_id = plans.add_campaign(
            session,
            submission,
            reference=reference,
            now=self._now,
            funded_to=None if self._settings.credit_check == "off" else 0,
        )
        if self._repeats.refused:
            self._refuse_repeats(session, batches, campaign_id)
        plans.add_batches(
            session,
            campaign_id,
            self._schedule.each(self._told(batches)),
            policy=self._schedule.policy,
            prices=prices,
            call_size=submission.call_size,
            now=self._now,
            handed=self._schedule.handed,
        )
        self.check()
        texted = planner.kept - left_out.mark_planned(session, campaign_id)
        usage = usage_of(texted, planner.billed, prices, planner.measured)
        check_campaign(self._settings, usage)
        fingerprint = submission.fingerprint(planner.digest)
        approve(submission.approved, fingerprint, planner, prices)
        plans.complete(
            session,
            campaign_id,
            reference=submission.reference,
            fingerprint=fingerprint,
            rows=planner.rows,
            duplicates=planner.duplicates,
            unusable=planner.reasons.total(),
        )
        reason = "" if submission.commercial else "not commercial: no window, no STOP mention"
        who = submission.by or actor()
        note = partial(actions.note, session, campaign_id, actor=who, now=self._now)
        note(verb="submit", reason=reason)
        if self._screen.lookups is not None:
            note(verb="check numbers", reason="; ".join(self._screen.lookups.sentences()))
        return campaign_id

    def _told(self, batches: Iterable[PlannedBatch]) -> Iterator[PlannedBatch]:
        done = 0
        for batch in batches:
            yield batch
            done += len(batch.messages)
            self._submission.stored(done, self._planner.kept)

    def _refuse_repeats(
        self, session: Session, batches: Iterable[PlannedBatch], campaign_id: int
    ) -> None:
        """Raise InvalidCampaign for a text that goes to the same people again."""
        repeats = self._repeats
        repeats.lock(session)
        repeats.look(session, self._submission.not_before or self._now, but=campaign_id)
        for batch, hold in self._schedule.each(batches):
            repeats.add(session, [phone for phone, _ in batch.messages], hold.until)
        repeats.check()
