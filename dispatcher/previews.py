"""Previews: what submitting would store and when it would leave, with nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dispatcher.clock import Clock
from dispatcher.forecast import forecast
from dispatcher.plan import Group, Plan, approve, cost_of, warnings_of
from dispatcher.planner import PlannedBatch
from dispatcher.recipients import Rejection
from dispatcher.schedule import Schedule
from dispatcher.settings import Settings
from dispatcher.storage import opt_outs, schema
from dispatcher.storage.database import Database
from dispatcher.submission import Given, Submission, listed
from dispatcher.window import Windows

#: batches a second that a forecast reckons with when no rate is set: eight lanes, 1.6 s a call
_USUAL_RATE = 5.0


class Previews:
    """Plans campaigns; of the database only the opt-outs are read, if it has any."""

    def __init__(
        self, settings: Settings, database: Database, windows: Windows, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._windows = windows
        self._clock = clock

    def plan(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
    ) -> Plan:
        """What storing ``submission`` would do. Raises UnusableInput.

        ``each`` is shown every batch, in the order of their numbers, and who opted out of it.
        """
        planner = submission.planner(self._settings, reject)
        schedule = Schedule(submission, self._windows, self._clock())
        groups: dict[str, Group] = {}
        sizes: dict[str, list[int]] = {}
        has_list = schema.version(self._database) is not None
        opted_out = 0
        for batch, hold in schedule.each(planner.cut(listed(recipients))):
            gone: set[str] = set()
            if has_list:
                with self._database.read() as session:
                    gone = opt_outs.known(session, [phone for phone, _ in batch.messages])
            opted_out += len(gone)
            if each is not None:
                each(batch, gone)
            sizes.setdefault(batch.territory, []).append(len(batch.messages))
            groups[batch.territory] = Group(
                territory=batch.territory,
                batches=len(sizes[batch.territory]),
                messages=sum(sizes[batch.territory]),
                opens_at=hold.until,
                why=hold.why,
            )
        planner.check(strict=submission.strict)
        prices = self._settings.prices
        body = submission.fingerprint(planner.digest)
        leaves = forecast(
            sizes,
            start=schedule.start,
            rate=self._settings.rate or _USUAL_RATE,
            windows=self._windows if submission.commercial else None,
            not_after=submission.not_after,
        )
        return Plan(
            rows=planner.rows,
            kept=planner.kept,
            duplicates=planner.duplicates,
            opted_out=opted_out,
            rejected=dict(planner.reasons.most_common()),
            segments=planner.billed.total(),
            billed=dict(planner.billed.most_common()),
            cost=cost_of(planner.billed, prices),
            groups=tuple(groups.values()),
            longest=tuple(text for _, text in planner.longest),
            forecast=leaves,
            warnings=tuple(
                warnings_of(
                    rows=planner.rows,
                    rejected=planner.reasons.total(),
                    commercial=submission.commercial,
                    sender=submission.sender,
                    unpriced=[where for where in planner.billed if where not in prices],
                    late=leaves.late,
                )
            ),
            fingerprint=approve(submission.approved, body, planner, prices),
        )
