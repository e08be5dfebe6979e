"""Delivery reports: what is due is asked for, many batches in one call."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.errors import GatewayError
from dispatcher.outcomes import next_poll, rounds
from dispatcher.provider import Report
from dispatcher.states import BatchState, MessageState
from dispatcher.storage import attempts, opt_outs, polled, reports

log = logging.getLogger(__name__)

#: waiting messages taken by one poll: many batches share its calls
POLL_SIZE = 10_000
#: pairs of one multi-status call
CALL_SIZE = 500


class Polls:
    """Asks for delivery reports and records them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def poll(self) -> int:
        """Ask for the delivery reports that are due; returns how many messages got their end."""
        now = self._context.clock()
        with self._context.database.write() as session:
            taken = reports.take(session, BatchState.SENT, now, CHECK_LEASE, most=POLL_SIZE)
        found: dict[int, dict[int, MessageState]] = {batch.id: {} for batch in taken}
        stops: list[str] = []
        places = {
            (phone, batch.message_id): (batch.id, position)
            for batch in taken
            if batch.message_id is not None
            for position, phone in batch.waiting(MessageState.SENT).items()
        }
        failed: set[int] = set()
        pairs = list(places)
        for start in range(0, len(pairs), CALL_SIZE):
            asked = pairs[start : start + CALL_SIZE]
            try:
                answers = self._context.gateway.multi_status(asked)
            except GatewayError as error:
                log.warning("multi-status: %s", error)
                failed.update(places[pair][0] for pair in asked)
                continue
            for pair, report in answers.items():
                if pair in places:
                    batch_id, position = places[pair]
                    _note_report(report, position, found[batch_id], stops)
        for batch in taken:
            for tag in self._tags(batch):
                self._poll_tag(batch, tag, found[batch.id], stops, failed)
        if stops:  # first: a report that is recorded is not asked for again
            with self._context.database.write() as session:
                opt_outs.add(session, stops, source="answered STOP", now=now)
        brought = [
            self._brought(batch, found[batch.id], late=batch.id not in failed) for batch in taken
        ]
        with self._context.database.write() as session:
            polled.record(session, brought)
        return sum(len(changes) for changes in found.values())

    def _tags(self, batch: reports.Checked) -> list[str]:
        """The tags to ask for: what was settled by tag, or sent in parts, has no message id."""
        if batch.message_id is not None and batch.attempt == 1:
            return []
        with self._context.database.read() as session:
            tags = [attempt.tag for attempt in attempts.of_batch(session, batch.id)]
        return [tag for tag in tags if batch.message_id is None or tag != batch.tag]

    def _poll_tag(
        self,
        batch: reports.Checked,
        tag: str,
        found: dict[int, MessageState],
        stops: list[str],
        failed: set[int],
    ) -> None:
        """Take the reports that show under one tag."""
        waiting = {phone: spot for spot, phone in batch.waiting(MessageState.SENT).items()}
        try:
            shown = self._context.gateway.status_by_tag(tag).reports
        except GatewayError as error:
            log.warning("status by tag: %s", error)
            failed.add(batch.id)
            return
        for report in shown:
            if report.phone in waiting:
                _note_report(report, waiting[report.phone], found, stops)

    def _brought(
        self, batch: reports.Checked, found: dict[int, MessageState], *, late: bool
    ) -> polled.Brought:
        now = self._context.clock()
        horizon = batch.sent_at + timedelta(seconds=self._context.settings.reports_within)
        if late and now >= horizon:
            for position in batch.waiting(MessageState.SENT):
                found.setdefault(position, MessageState.UNREPORTED)
        check_at = self._next(batch, now)
        if now < horizon:
            check_at = min(check_at, horizon)
        return polled.Brought(batch, found, check_at)

    def _next(self, batch: reports.Checked, now: datetime) -> datetime:
        intervals = self._context.settings.poll_intervals
        done = batch.checks + 1
        if batch.hastened:  # polls that reports have called for do not use up the intervals
            done = min(done, rounds(intervals, (now - batch.sent_at).total_seconds()))
        return next_poll(now, intervals, done)


def _note_report(
    report: Report, position: int, found: dict[int, MessageState], stops: list[str]
) -> None:
    if report.state is not MessageState.SENT:
        found[position] = report.state
    if report.stop:
        stops.append(report.phone)
