"""Previews: what submitting would store and when it would leave, with nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.repeats import Repeats
from dispatcher.api.screening import Screen
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import Day, Usage, caps_of, check_campaign, day_of, usage_of
from dispatcher.campaigns.forecast import forecast
from dispatcher.campaigns.plan import Group, Plan, approve, warnings_of
from dispatcher.campaigns.prices import euros_of, to_cents, unpriced
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.submission import Given, Submission, listed
from dispatcher.recipients import Rejection
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import caps, opt_outs, schema
from dispatcher.storage.database import Database
from dispatcher.window.slots import next_slot

#: batches a second that a forecast reckons with when no rate is set: eight lanes, 1.6 s a call
_USUAL_RATE = 5.0
#: and when the gateway has had all of it before its hour
_AT_ONCE = 1e6


class Previews:
    """Plans campaigns; the database, if there is one, is only read."""

    def __init__(self, installation: Installation, gateways: Gateways) -> None:
        self._settings = installation.settings
        self._database = installation.database
        self._windows = installation.windows
        self._clock = installation.clock
        self._gateway = gateways.of

    def plan(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
    ) -> Plan:
        """What storing ``submission`` would do. Raises UnusableInput or StorageError.

        ``each`` is shown every batch, in the order of their numbers, and who opted out of it.
        """
        settings = self._settings.of_account(submission.account or DEFAULT)
        # first, for a wrong text is told before anybody is asked
        planner = submission.planner(settings, reject)
        screen = self._screen(submission)
        planner.refused = screen.refused
        schedule = Schedule(submission, self._windows, self._clock())
        groups: dict[str, Group] = {}
        sizes: dict[str, list[int]] = {}
        euros: dict[str, list[Decimal]] = {}
        history = _History(settings, self._database, submission, schedule.start)
        opted_out = capped = 0
        for batch, hold in schedule.each(planner.cut(screen.rows(listed(recipients)))):
            gone, heavy = history.of(batch, hold.until)
            opted_out += len(gone)
            capped += len(heavy - gone)
            for part in batch.split(submission.call_size):
                if each is not None:
                    each(part, gone)
                sizes.setdefault(batch.territory, []).append(len(part.messages))
                euros.setdefault(batch.territory, []).append(_euros(part, settings))
            before = groups.get(batch.territory)
            groups[batch.territory] = Group(
                territory=batch.territory,
                batches=len(sizes[batch.territory]),
                messages=len(batch.messages) + (before.messages if before else 0),
                opens_at=hold.until,
                why=hold.why,
            )
        planner.check(strict=submission.strict)
        schedule.check(planner.territories)
        prices = settings.prices
        body = submission.fingerprint(planner.digest)
        texted = planner.kept - opted_out
        check_campaign(settings, usage_of(texted, planner.billed, prices, planner.measured))
        leaves = forecast(
            sizes,
            start=next_slot(schedule.start) if submission.hand_over else schedule.start,
            rate=_AT_ONCE if submission.hand_over else settings.rate or _USUAL_RATE,
            windows=self._windows if submission.commercial else None,
            not_after=submission.not_after,
            day=Day(caps_of(settings)[1], schedule.start, history.left()),
            euros=euros,
        )
        return Plan(
            rows=planner.rows,
            kept=planner.kept,
            duplicates=planner.duplicates,
            opted_out=opted_out,
            capped=capped,
            rejected=dict(planner.reasons.most_common()),
            segments=planner.billed.total() if planner.measured else None,
            billed=dict(planner.billed.most_common()),
            cost=to_cents(euros_of(planner.billed, prices)) if planner.measured else None,
            groups=tuple(groups.values()),
            longest=tuple(text for _, text in planner.longest),
            forecast=leaves,
            warnings=(
                *warnings_of(
                    rows=planner.rows,
                    rejected=planner.reasons.total(),
                    commercial=submission.commercial,
                    sender=submission.sender,
                    unpriced=unpriced(planner.billed, prices),
                    late=leaves.late,
                    closed=schedule.late(planner.territories),
                    from_number=submission.from_number,
                    survey=submission.survey is not None,
                ),
                *history.repeats.warnings,
                *screen.warnings,
            ),
            fingerprint=approve(submission.approved, body, planner, prices),
            account=submission.account or DEFAULT,
            lookups=screen.lookups,
        )

    def _screen(self, submission: Submission) -> Screen:
        gateway = self._gateway(submission.account or DEFAULT) if submission.check_numbers else None
        if schema.version(self._database) is None:
            return Screen(gateway)
        schema.check(self._database)
        return Screen.of(self._settings, self._database, self._clock(), gateway)


def _euros(batch: PlannedBatch, settings: Settings) -> Decimal:
    """What a batch costs, where a cap asks for it."""
    if settings.daily_euros is None:
        return Decimal(0)
    return batch.cost(settings.prices) or Decimal(0)


class _History:
    """What the database, if there is one, knows of the people of a plan."""

    def __init__(
        self, settings: Settings, database: Database, submission: Submission, start: datetime
    ) -> None:
        self._settings = settings
        self._database = database
        self._start = start
        self._account = (submission.account or DEFAULT) if settings.accounts else None
        self._weekly = settings.weekly_messages if submission.commercial else None
        self._known = schema.version(database) is not None
        self.repeats = Repeats(settings, submission)
        if self._known:
            schema.check(database)
            with database.read() as session:
                self.repeats.look(session, start)

    def of(self, batch: PlannedBatch, at: datetime) -> tuple[set[str], set[str]]:
        """Who of a batch that leaves at ``at`` has opted out, and who has had enough by then."""
        if not self._known:
            return set(), set()
        phones = [phone for phone, _ in batch.messages]
        heavy: set[str] = set()
        with self._database.read() as session:
            if self._weekly is not None:
                heavy = caps.heavy(session, phones, at, self._weekly)
            self.repeats.add(session, phones, at)
            return opt_outs.known(session, phones), heavy

    def left(self) -> Usage:
        """What has left on the day on which the plan may begin."""
        if not self._known or not caps_of(self._settings)[1].set:
            return Usage(0)
        with self._database.read() as session:
            return caps.left_since(session, day_of(self._start), self._account)
