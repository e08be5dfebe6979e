"""Polls: the gateway is asked for delivery reports, of many batches in one call."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice, repeat

from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import next_poll, rounds
from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.dispatch.tag_answers import tag_answer
from dispatcher.dispatch.unforeseen import contained, note_check
from dispatcher.errors import GatewayError, StorageError
from dispatcher.gateway import Report
from dispatcher.masking import is_pseudonym
from dispatcher.storage import opt_outs
from dispatcher.storage.batches import attempts, polls

log = logging.getLogger(__name__)

#: messages without a report that one poll takes: many batches share its calls
POLL_SIZE = 10_000
#: one hint polls for this long (seconds)
TURN = 20.0
#: pairs of one multi-status call
CALL_SIZE = 500
#: the most hints that one tick publishes for polls
_MOST_HINTS = 4
#: number, message id, position, the results of its batch so far, batch id
_Waiting = tuple[str, str, int, dict[int, MessageState], int]


def hints_for(due: int) -> int:
    """How many hints so many due batches need: no more than find work."""
    return min(-(-due // (POLL_SIZE // CALL_SIZE)), _MOST_HINTS)


class Polls:
    """Asks for delivery reports and records them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def poll(self) -> int:
        """Ask for the delivery reports that are due; returns how many messages got a final one.

        Ends when all that was due at the beginning was asked for, when the time slice is over or
        when the gateway does not answer; the next tick publishes what is left.
        """
        ended = 0
        begun = self._context.clock()
        until = self._context.steady() + TURN
        more = True
        while more and self._context.steady() < until and not self._context.stopping.is_set():
            count, more = self._poll(begun)
            ended += count
        return ended

    def _poll(self, due: datetime) -> tuple[int, bool]:
        """Poll as many batches, due at ``due``, as share calls; the count, and whether to go on."""
        now = self._context.clock()
        lease = now - due + CHECK_LEASE
        with self._context.database.write() as session:
            taken = polls.lease(
                session,
                BatchState.SENT,
                due,
                lease,
                account=self._context.account,
                most=POLL_SIZE,
            )
        if not taken:
            return 0, False
        try:
            return self._ask(taken, now)
        except (StorageError, GatewayError):
            raise
        except Exception:  # noqa: BLE001 - each is tried by itself, so that it is known which
            return self._ask_each(taken, now)

    def _ask_each(self, taken: Sequence[polls.LeasedBatch], now: datetime) -> tuple[int, bool]:
        """Poll each batch by itself: one that fails by an unforeseen error waits, and no other."""
        ended = 0
        for batch in taken:
            with contained(f"poll of batch {batch.id}", note_check(self._context, batch.id)):
                ended += self._ask([batch], now)[0]
        return ended, True

    def _ask(self, taken: Sequence[polls.LeasedBatch], now: datetime) -> tuple[int, bool]:
        """The reports of these batches, recorded; as ``_poll``."""
        found: dict[int, dict[int, MessageState]] = {batch.id: {} for batch in taken}
        stops: list[str] = []
        failed: set[int] = set()
        waiting = chain.from_iterable(_waiting(batch, found[batch.id]) for batch in taken)
        while part := list(islice(waiting, CALL_SIZE)):  # in parts, which needs less memory
            pairs = [(phone, message_id) for phone, message_id, *_ in part]
            try:
                answers = self._context.gateway.multi_status(pairs)
            except GatewayError as error:
                self._context.note_failed(error)
                log.warning("multi-status: %s", error)
                failed.update(batch_id for *_, batch_id in part)
                continue
            for report, (_, _, position, states, _) in zip(
                map(answers.get, pairs), part, strict=True
            ):
                if report is not None:
                    _note_report(report, position, states, stops)
        for batch in taken:
            for tag in self._tags(batch):
                self._poll_tag(batch, tag, found[batch.id], stops, failed)
        if stops:  # before the reports: a recorded report is not asked for again
            self._opt_out(taken, stops, now)
        brought = [
            self._brought(batch, found[batch.id], late=batch.id not in failed) for batch in taken
        ]
        with self._context.database.write() as session:
            polls.record(session, brought, self._context.clock())
        return sum(len(changes) for changes in found.values()), not failed

    def _opt_out(
        self, taken: Sequence[polls.LeasedBatch], stops: Sequence[str], now: datetime
    ) -> None:
        """Opt out who said STOP, by the batch that they answered."""
        left = set(stops)
        for batch_id, phones in [*((one.id, one.phones.values()) for one in taken), (None, stops)]:
            if its := left.intersection(phones):
                left -= its
                # one transaction each: two that add the same people in another order deadlock
                with self._context.database.write() as session:
                    source = opt_outs.ANSWERED
                    opt_outs.add(session, its, source=source, now=now, batch_id=batch_id)

    def _tags(self, batch: polls.LeasedBatch) -> list[str]:
        """The tags to ask for: a batch settled by its tag, or sent in parts, has no message id."""
        if batch.message_id is not None and batch.attempt == 1:
            return []
        with self._context.database.read() as session:
            tags = attempts.tags_of_batch(session, batch.id)
        return [tag for tag in tags if batch.message_id is None or tag != batch.tag]

    def _poll_tag(
        self,
        batch: polls.LeasedBatch,
        tag: str,
        found: dict[int, MessageState],
        stops: list[str],
        failed: set[int],
    ) -> None:
        """Take the reports that show under one tag."""
        waiting = {phone: position for position, phone in batch.waiting(MessageState.SENT).items()}
        try:
            shown = tag_answer(self._context, tag).reports
        except GatewayError as error:
            log.warning("status by tag: %s", error)
            failed.add(batch.id)
            return
        for report in shown:
            if report.phone in waiting:
                _note_report(report, waiting[report.phone], found, stops)

    def _brought(
        self, batch: polls.LeasedBatch, found: dict[int, MessageState], *, late: bool
    ) -> polls.PollResult:
        now = self._context.clock()
        horizon = batch.sent_at + timedelta(seconds=self._context.settings.reports_within)
        if late and now >= horizon:
            for position in batch.waiting(MessageState.SENT):
                found.setdefault(position, MessageState.UNREPORTED)
        check_at = self._next(batch, now)
        if now < horizon:
            check_at = min(check_at, horizon)
        return polls.PollResult(batch, found, check_at)

    def _next(self, batch: polls.LeasedBatch, now: datetime) -> datetime:
        intervals = self._context.settings.poll_intervals
        done = batch.checks + 1
        if batch.hastened:  # polls that were expedited do not use up the intervals
            done = min(done, rounds(intervals, (now - batch.sent_at).total_seconds()))
        return next_poll(now, intervals, done)


def _waiting(batch: polls.LeasedBatch, found: dict[int, MessageState]) -> Iterable[_Waiting]:
    """The messages of a batch that are asked for by its message id."""
    if batch.message_id is None:
        return ()
    sent = batch.waiting(MessageState.SENT)
    # who was erased since is not asked for: the gateway does not know the pseudonym
    phones = {position: phone for position, phone in sent.items() if not is_pseudonym(phone)}
    return zip(phones.values(), repeat(batch.message_id), phones, repeat(found), repeat(batch.id))


def _note_report(
    report: Report, position: int, found: dict[int, MessageState], stops: list[str]
) -> None:
    phone, state, _, stop = report
    # another attempt may have reached the same person: a delivery by any of them counts
    if state is not MessageState.SENT and found.get(position) is not MessageState.DELIVERED:
        found[position] = state
    if stop:
        stops.append(phone)
