"""Previews: what submitting would store and when it would leave, with nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import filterfalse

from dispatcher.api.budgets import warnings_of
from dispatcher.api.departures import Departures
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.api.others import LeftOutSoFar, resolved, unknown
from dispatcher.api.repeats import Repeats
from dispatcher.api.screening import Screening
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import Usage, caps_of, day_of
from dispatcher.campaigns.plan import Group, Plan
from dispatcher.campaigns.prices import euros_of, to_cents
from dispatcher.campaigns.submission import RecipientInput, Submission
from dispatcher.campaigns.unreachable import Rule
from dispatcher.gateway import Gateway
from dispatcher.recipients import Rejection
from dispatcher.storage import caps, opt_outs, schema
from dispatcher.storage import unreachable as numbers
from dispatcher.window import Hold


def preview(
    installation: Installation,
    gateways: Gateways,
    submission: Submission,
    recipients: Iterable[RecipientInput],
    *,
    reject: Callable[[Rejection], None] | None,
    each: Callable[[PlannedBatch, set[str]], None] | None,
) -> Plan:
    """What storing ``submission`` would do. Raises UnusableInput or StorageError.

    ``each`` is called with every batch, in the order of their numbers, and the numbers in it
    that have opted out.
    """
    # first: a wrong text is refused before the gateway is asked
    intake = Intake(installation, submission, reject)
    intake.check_consent()
    intake.schedule.check_smoothing()
    gateway = gateways.of(intake.account) if submission.check_numbers else None
    history = _History(installation, intake)
    screening = history.screening(gateway)
    departures = Departures(installation, intake)
    opted_out = capped = unreachable = 0
    for batch, hold in intake.scheduled(intake.cut(recipients, screening)):
        gone, out, heavy, silent = history.of(batch, hold.until)
        opted_out += len(gone)
        capped += len(heavy - gone - out - silent)
        unreachable += len(silent - gone - out)
        for part in batch.split(submission.call_size):
            if each is not None:
                each(part, gone)
            departures.add(part)
    intake.check()
    intake.check_caps(opted_out=opted_out)
    planner, prices = intake.planner, intake.settings.prices
    leaves = departures.forecast(history.left())
    return Plan(
        rows=planner.rows,
        kept=planner.kept,
        duplicates=planner.duplicates,
        opted_out=opted_out,
        capped=capped,
        left_out=dict(history.others.people),
        undecided=history.others.unknown,
        unreachable=unreachable,
        rejected=dict(planner.reasons.most_common()),
        segments=planner.billed.total() if planner.texts.known else None,
        billed=dict(planner.billed.most_common()),
        cost=to_cents(euros_of(planner.billed, prices)) if planner.texts.known else None,
        groups=tuple(
            _group(territory, of_batches, intake.schedule.hold(territory))
            for territory, of_batches in departures.sizes.items()
        ),
        longest=planner.texts.longest.texts,
        forecast=leaves,
        warnings=(
            *intake.warnings(late=leaves.late),
            *history.repeats.warnings,
            *screening.warnings,
            *history.budgets(intake),
        ),
        fingerprint=intake.plan_fingerprint(),
        account=intake.account,
        lookups=screening.lookups,
        per_hour=intake.paced.per_hour if intake.paced else None,
    )


def _group(territory: str, sizes: Sequence[int], hold: Hold) -> Group:
    return Group(
        territory=territory,
        batches=len(sizes),
        messages=sum(sizes),
        opens_at=hold.until,
        why=hold.why,
    )


class _History:
    """What the database, if it has tables, knows of the recipients of a plan."""

    def __init__(self, installation: Installation, intake: Intake) -> None:
        settings, submission = intake.settings, intake.submission
        self._installation = installation
        self._database = installation.database
        self._settings = settings
        self._start = intake.schedule.start
        self._account = intake.account if settings.accounts else None
        self._weekly = settings.weekly_messages if submission.commercial else None
        self._rule = Rule.of(settings) if submission.commercial else None
        self._known = schema.version(self._database) is not None
        self.repeats = Repeats(settings, submission)
        self.others = LeftOutSoFar()
        if self._known:
            schema.check(self._database)
            with self._database.read() as session:
                self.others = LeftOutSoFar(submission.others, resolved(session, submission))
                self.repeats.find(session, self._start)
        elif submission.others:
            raise unknown(submission.others[0])

    def screening(self, gateway: Gateway | None) -> Screening:
        """The screening of the list; without tables only the gateway is asked."""
        return Screening.of(self._installation, gateway) if self._known else Screening(gateway)

    def of(
        self, batch: PlannedBatch, at: datetime
    ) -> tuple[set[str], set[str], set[str], set[str]]:
        """The numbers of a batch that opted out, are left out, at the weekly cap, unreachable.

        The cap is that of ``at``; left out, because of another campaign, is who would be now.
        """
        if not self._known:
            return set(), set(), set(), set()
        phones = [phone for phone, _ in batch.messages]
        heavy: set[str] = set()
        silent: set[str] = set()
        with self._database.read() as session:
            if self._weekly is not None:
                heavy = caps.at_weekly_cap(session, phones, at, self._weekly)
            if self._rule is not None:
                now = self._installation.clock()
                silent = numbers.among(session, phones, self._rule, now)
            self.repeats.add(session, phones, at)
            gone = opt_outs.opted_out(session, phones)
            out = self.others.add(session, [*filterfalse(gone.__contains__, phones)])
            return gone, out, heavy, silent

    def budgets(self, intake: Intake) -> list[str]:
        """A sentence if the budgets of the plan's tags would not let it begin."""
        if not self._known:
            return []
        with self._database.read() as session:
            return warnings_of(session, intake)

    def left(self) -> Usage:
        """What has already left on the day on which the plan may begin."""
        if not self._known or not caps_of(self._settings)[1].set:
            return Usage(0)
        with self._database.read() as session:
            return caps.left_since(session, day_of(self._start), self._account)
